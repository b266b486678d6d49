# SPDX-License-Identifier: ISC
"""The system call filters as they are compiled, against the copies kept."""
import difflib
import os
import platform
import re
import subprocess

import edge_rules
from tree import Finding

PLACE = 'regress/audit/filters'
# Kernels differ in which calls there are; the copies are of this one.
MACHINE = 'x86_64'
ACCEPT = ('if this is meant, `make filters` writes %s anew: commit it with '
          'the change, and say there what the call is for and what an owner '
          'of the process gains by it (TRUST)' % PLACE)
# What queued is besides being posternd's child: postern spool.
SPOOL = ('check', 'export', 'import')


class Unreadable(Exception):
    """Text that is not what libseccomp writes."""


def _condition(text):
    """A test of an argument in few words; '' for one that always holds."""
    m = re.fullmatch(r'\$(a\d)\.(hi32|lo32) (?:& 0x([0-9a-f]{8}) )?== (\d+)',
                     text)
    if not m:
        raise Unreadable(text)
    arg, half, mask, value = m.groups()
    if mask == '00000000' and value == '0':
        return ''
    name = arg if half == 'lo32' else arg + '.high'
    if mask in (None, 'ffffffff'):
        return '%s == %s' % (name, value)
    return '%s & 0x%s == %s' % (name, mask, value)


class _Reader:
    """PFC: nested ifs, an else only where the tree of numbers branches."""

    def __init__(self, text):
        self.forms = set()       # (call, conditions)
        self.default = []        # what stands below no call
        self.stack = []          # (indent, condition or None)
        self.call = None
        for line in text.splitlines():
            self._line(len(line) - len(line.lstrip()), line.strip())

    def _line(self, indent, line):
        while self.stack and self.stack[-1][0] >= indent:
            self.stack.pop()
        m = re.match(r'# filter for syscall "(\w+)"', line)
        if m:
            self.call = m.group(1)
        elif line.startswith('#'):
            if re.match(r'# (default|invalid architecture) action', line):
                self.call = None
        elif line.startswith('if ('):
            self._test(indent, line[4:-1])
        elif line.startswith('else'):
            if self.call is None or not re.fullmatch(
                    r'else # \(\$syscall <= \d+\)', line):
                raise Unreadable(line)
        elif re.fullmatch(r'action \w+;', line):
            self._action(line[7:-1])
        elif line:
            raise Unreadable(line)

    def _test(self, indent, text):
        if re.fullmatch(r'\$(arch == \d+|syscall (==|>) \d+)', text):
            if text.startswith('$arch'):
                self.call = None
            return
        self.stack.append((indent, _condition(text)))

    def _action(self, action):
        if self.call is None:
            self.default.append(action)
        elif action == 'ALLOW':
            self.forms.add((self.call, tuple(
                c for _, c in self.stack if c)))
        else:
            raise Unreadable('%s for %s' % (action, self.call))


def reduced(pfc):
    """The filter as lines, one for each form of a call that passes."""
    r = _Reader(pfc)
    if not r.forms or not r.default:
        raise Unreadable('no filter')
    return ['all else: ' + ', '.join(r.default)] + [
        '%-16s %s' % (call, ', '.join(tests)) if tests else call
        for call, tests in sorted(r.forms)]


def _kinds(tree):
    """(name of the copy, command that prints the filter)."""
    have = edge_rules.topology(tree)
    files = {name: tree.path(file) for _, name, file in tree.binaries()}
    for instance, row in (have.programs if have else {}).items():
        program = instance.split('/')[0]
        if program in files:
            yield instance.replace('/', '-'), [
                files[program], '--filter', row['slots']]
    if 'queued' in files:
        for verb in SPOOL:
            yield 'spool-' + verb, [files['queued'], verb, '--filter', '0']


def current(tree):
    """Name of each filter -> its lines."""
    return {name: reduced(tree.run(*command))
            for name, command in _kinds(tree)}


def _copy(tree, name):
    place = '%s/%s' % (PLACE, name)
    return tree.text(place).splitlines() if tree.exists(place) else []


def _names(tree):
    return set(os.listdir(tree.path(PLACE))) if tree.exists(PLACE) else set()


def _differences(tree, have):
    for name, lines in sorted(have.items()):
        for line in difflib.unified_diff(_copy(tree, name), lines, n=0,
                                         lineterm=''):
            if line.startswith(('+', '-')) and line[:3] not in ('+++', '---'):
                yield Finding('%s/%s' % (PLACE, name), 1, '%s: %s' % (
                    'allowed now' if line[0] == '+' else 'no longer allowed',
                    line[1:]))
    for name in sorted(_names(tree) - set(have)):
        yield Finding('%s/%s' % (PLACE, name), 1, 'is of no filter')


def filters(tree):
    """Each system call filter, as compiled, is the one that was agreed on."""
    if platform.machine() != MACHINE:
        return [], 'the copies are of %s' % MACHINE
    try:
        have = current(tree)
    except (Unreadable, subprocess.CalledProcessError) as e:
        return [Finding('common/base/sandbox_show.c', 1, str(e))], ''
    if not have:
        return [Finding(PLACE, 1, 'no program shows its filter')], ''
    found = list(_differences(tree, have))
    if found:
        found.append(Finding(PLACE, 1, ACCEPT))
    return found, '%d filters, %d forms of calls' % (
        len(have), sum(map(len, have.values())))


def accept(tree):
    """Write the copies anew."""
    have = current(tree)
    os.makedirs(tree.path(PLACE), exist_ok=True)
    for name in _names(tree) - set(have):
        os.unlink(tree.path('%s/%s' % (PLACE, name)))
    for name, lines in have.items():
        with open(tree.path('%s/%s' % (PLACE, name)), 'w',
                  encoding='utf-8') as f:
            f.write('\n'.join(lines) + '\n')
