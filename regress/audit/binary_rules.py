# SPDX-License-Identifier: ISC
"""Rules on what was built."""
import configparser
import os
import platform
import re

from tree import Finding, directory

TABLE = 'regress/audit/imports.txt'


def canonical(symbol):
    """open for __open64_2, memcpy for __memcpy_chk, as the source has them."""
    name = symbol.split('@')[0]
    if name.startswith('__'):
        name = re.sub(r'(_chk|_2)$', '', name[2:])
        name = re.sub(r'^isoc\d+_', '', name)
    return re.sub(r'^(creat|f?open|freopen|openat|mkstemp|mkostemp|truncate|'
                  r'ftruncate|readdir|fopencookie|posix_fallocate|sendfile)64$',
                  r'\1', name)


def imports(tree, file, *options):
    out = tree.run('nm', '--undefined-only', '--format=posix', *options, file)
    return {canonical(line.split()[0]) for line in out.splitlines() if line}


def _call_site(tree, dirs, symbol):
    """Where a source calls it: the first place, for the report."""
    call = re.compile(r'\b%s\s*\(' % re.escape(symbol))
    for name in tree.files(dirs, ('.c', '.y')):
        for n, line in tree.lines(name):
            if call.search(line) and not line.startswith((' *', '/*')):
                return name, n
    return None


def read_table(tree):
    table = configparser.ConfigParser(delimiters=('=',), interpolation=None)
    table.optionxform = str
    table.read_string(tree.text(TABLE))
    return table


def _table_line(tree, section, key):
    inside = False
    for n, line in tree.lines(TABLE):
        if line.startswith('['):
            inside = line.strip() == '[%s]' % section
        elif inside and re.match(re.escape(key) + r'\s*=', line):
            return n
    return 1


def imported_symbols(tree):
    """What a program asks of the system is declared, with the reason."""
    table = read_table(tree)
    found, count = [], 0
    for d, name, file in tree.binaries():
        if not tree.exists(file):
            found.append(Finding(d + '/build.mk', 1, file + ' is not built'))
            continue
        have = imports(tree, file, '--dynamic')
        count += len(have)
        places = [x for x in tree.source_dirs() if directory(x) == d] + \
            ['common/' + a for a in tree.links.get(d, ())]
        for section in table.sections():
            family = set(table[section]['symbols'].split())
            hits = have & family
            if name not in table[section]:
                for s in sorted(hits):
                    at = _call_site(tree, places, s) or (TABLE, 1)
                    found.append(Finding(*at, '%s imports %s, not declared '
                                         'under [%s]' % (name, s, section)))
            elif not hits:
                found.append(Finding(
                    TABLE, _table_line(tree, section, name),
                    '[%s] allows %s what it does not use' % (section, name)))
    return found, '%d imported symbols, %d families' % (
        count, len(table.sections()))


def forbidden_calls(tree):
    """Functions that no object may call, linked or not."""
    family = set(read_table(tree)['never']['symbols'].split())
    found, count = [], 0
    for source in tree.sources(('.c', '.y')):
        file = tree.object(source)
        if not tree.exists(file):
            continue
        count += 1
        for s in sorted(imports(tree, file) & family):
            at = _call_site(tree, [os.path.dirname(source)], s) or (source, 1)
            found.append(Finding(*at, '%s calls %s' % (source, s)))
    return found, '%d objects' % count


def _elf_faults(text):
    """What is wrong with a program, by readelf -hldW."""
    if not re.search(r'Type:\s+DYN', text) or \
            not re.search(r'\(FLAGS_1\).*\bPIE\b', text):
        yield 'not position independent'
    if 'GNU_RELRO' not in text:
        yield 'no RELRO'
    if not re.search(r'\(FLAGS_1\).*\bNOW\b|\(BIND_NOW\)', text):
        yield 'symbols are bound lazily'
    stack = re.search(r'GNU_STACK(?:\s+0x\w+){5}\s+(\S+)', text)
    if not stack or 'E' in stack.group(1):
        yield 'executable stack'
    for flags in re.findall(r'LOAD(?:\s+0x\w+){5}\s+([RWE ]+?)\s+0x', text):
        if 'W' in flags and 'E' in flags:
            yield 'a segment is writable and executable'
    if re.search(r'\((RPATH|RUNPATH)\)', text):
        yield 'has a library search path of its own'
    if '(TEXTREL)' in text:
        yield 'has text relocations'


def _needed(text):
    return re.findall(r'\(NEEDED\).*\[lib(\S+?)\.so', text)


def _unmarked_objects(tree):
    """Objects without CET marks, where the processor has them."""
    if platform.machine() != 'x86_64':
        return
    for source in tree.sources(('.c', '.y')):
        file = tree.object(source)
        if tree.exists(file):
            notes = tree.run('readelf', '-nW', file)
            if not re.search(r'IBT, SHSTK', notes):
                yield source


def hardening(tree):
    """Each program is built so that an exploit has a hard time."""
    found, count, fortified = [], 0, False
    for d, name, file in tree.binaries():
        if not tree.exists(file):
            continue
        count += 1
        text = tree.run('readelf', '-hldW', file)
        mk = d + '/build.mk'
        found += [Finding(mk, 1, '%s: %s' % (name, x))
                  for x in _elf_faults(text)]
        raw = tree.run('nm', '-D', '--undefined-only', file)
        fortified = fortified or '_chk@' in raw
        if '__stack_chk_fail' not in raw:
            found.append(Finding(mk, 1, name + ': no stack protector'))
        allowed = {'c'}.union(tree.libs.get(d, ()), *(
            tree.libs.get(a, ()) for a in tree.links.get(d, ())))
        for lib in _needed(text):
            if lib not in allowed:
                found.append(Finding(mk, 1, '%s: needs lib%s, which no '
                                     'archive of it declares' % (name, lib)))
    if count and not fortified:
        found.append(Finding('GNUmakefile', 1, 'no program is fortified'))
    found += [Finding(s, 1, 'compiled without -fcf-protection')
              for s in _unmarked_objects(tree)]
    return found, '%d programs' % count
