# SPDX-License-Identifier: ISC
"""The graph of processes, as posternd itself prints it, and its accounts."""
import re
import subprocess
from collections import namedtuple

from tree import Finding

DECLARED = 'regress/audit/edges.txt'
PLACE = 'master/topology.c'
EDGES = 'regress/hostile/EDGES.md'
MATRIX = 'regress/hostile/MATRIX.md'
CODECS = 'regress/msg/msg_codecs.c'
# Of several messages: they are tested and fuzzed in these.
PARTS = {'peer'}

# Belong to neither side and yet meet both; all else that does is a bridge.
MEET_BOTH = {
    'queued': 'the one crossing of mail, by direction.c',
    'dird': 'fixed-size questions, answered yes, no or later',
    'keyd': 'signs handshakes of the side that asks, and nothing else',
    'logd': 'takes lines, says nothing',
    'posternd': 'starts and watches everything',
}
# The only ones that are not in an empty network namespace.
SEES_NETWORK = {'connd/ext', 'connd/int'}

Edge = namedtuple('Edge', 'a b passes')


class Topology:
    def __init__(self, text):
        self.programs = {}               # instance -> {key: value}
        self.edges = []
        for line in text.splitlines():
            words = line.split()
            if words[:1] == ['program']:
                self.programs[words[1]] = dict(
                    w.split('=', 1) for w in words[2:])
            elif words[:1] == ['edge']:
                self.edges.append(Edge(words[1], words[2], words[3][5:]))

    def accounts(self):
        return [p['account'] for p in self.programs.values()]


def topology(tree):
    """What the built posternd says, or None where it cannot be asked."""
    program = tree.posternd()
    if program is None:
        return None
    try:
        return Topology(tree.run(program, '--topology'))
    except subprocess.CalledProcessError:
        return None


def side(instance):
    """ext or int, or None for what belongs to neither."""
    m = re.search(r'[/-](ext|int)$', instance)
    return m and m.group(1)


def declared(tree, children):
    """(edge, line) of the list, with * written out."""
    for n, line in tree.lines(DECLARED):
        words = line.split('#')[0].split()
        if not words:
            continue
        a, b, passes = words
        for one in children if a == '*' else [a]:
            if one != b:
                yield Edge(one, b, passes), n


def _differences(tree, have):
    want = dict(declared(tree, have.programs))
    for e in have.edges:
        if e not in want:
            yield Finding(PLACE, 1, '%s - %s (descriptors: %s) is not in %s' % (
                *e, DECLARED))
    for e, n in want.items():
        if e not in have.edges:
            yield Finding(DECLARED, n, '%s - %s (descriptors: %s) is not in '
                          'the topology' % e)


def _bridges(have):
    """Edges and processes by which one side could reach the other."""
    meets = {}
    for e in have.edges:
        if {side(e.a), side(e.b)} == {'ext', 'int'}:
            yield '%s - %s joins the two sides' % (e.a, e.b)
        for one, other in ((e.a, e.b), (e.b, e.a)):
            if side(one) is None:
                meets.setdefault(one, set()).add(side(other))
    for name, sides in meets.items():
        if {'ext', 'int'} <= sides and name not in MEET_BOTH:
            yield '%s meets both sides' % name


def _instances(tree, have):
    """Programs without a place in the table, networks without a reason."""
    for name, p in have.programs.items():
        if (p['net'] != 'empty') != (name in SEES_NETWORK):
            yield '%s is %sin an empty network namespace' % (
                name, '' if p['net'] == 'empty' else 'not ')
    shared = have.accounts()
    for account in sorted({a for a in shared if shared.count(a) > 1}):
        yield account + ' is the account of two instances'
    ran = {n.split('/')[0] for n in have.programs}
    built = {n for n in tree.programs.values() if tree.is_child(n)}
    for name in sorted(ran ^ built):
        yield '%s is %s' % (name, 'never started' if name in built
                            else 'started, but not a program of the tree')


def edges(tree):
    """Who may talk to whom is what was declared, and no bridge is among it."""
    have = topology(tree)
    if have is None:
        return [Finding(PLACE, 1, 'posternd --topology does not answer')], ''
    found = list(_differences(tree, have))
    found += [Finding(PLACE, 1, x) for x in _bridges(have)]
    found += [Finding(PLACE, 1, x) for x in _instances(tree, have)]
    return found, '%d instances, %d edges' % (
        len(have.programs), len(have.edges))


def ways(have):
    """(from, to) of each message's way: logd and posternd's ends apart."""
    found = set()
    for e in have.edges:
        if e.b == 'logd':
            found.add((e.a, e.b))
        elif 'posternd' not in (e.a, e.b):
            found |= {(e.a, e.b), (e.b, e.a)}
    return found


def _rows(tree, name):
    """The cells of each row of the tables of a page, without workers."""
    lines = [line for _, line in tree.lines(name)] if tree.exists(name) else []
    return [[re.sub(r'\.\d+$', '', c.strip(' *')) for c in line.split('|')[1:-1]]
            for line in lines if line.startswith('| ')]


def _listed(what, name, want, have):
    for x in sorted(want ^ have):
        yield Finding(name, 1, '%s %s is %s' % (
            what, x if isinstance(x, str) else ' to '.join(x),
            'missing: make hostile' if x in want else 'no more'))


def attacked(tree):
    """Each program, channel and attack has its place in the tables."""
    have = topology(tree)
    if have is None:
        return [Finding(PLACE, 1, 'posternd --topology does not answer')], ''
    table, names = 'common/attack/table.c', set(have.programs)
    attacks = set(re.findall(r'(?m)^\t\{ "([\w-]+)", "', tree.text(table))
                  ) if tree.exists(table) else set()
    rows = [r for r in _rows(tree, EDGES) if len(r) > 4 and r[0] != 'from']
    found = list(_listed('the way from', EDGES, ways(have),
                         {(r[0], r[1]) for r in rows}))
    rows = [r for r in _rows(tree, MATRIX) if len(r) > 3]
    found += _listed('the column', MATRIX, names,
                     set(rows[0][1:]) if rows else set())
    found += _listed('the attack', MATRIX, attacks, {r[0] for r in rows[1:]})
    return found, '%d programs, %d ways, %d attacks' % (
        len(names), len(ways(have)), len(attacks))


def codecs(tree):
    """Each codec of a channel is in the table that is tested and fuzzed."""
    declared = re.compile(
        r'\bget_(\w+)\(struct ibuf \*\w*, (?:struct|enum) \w+ \*')
    table = tree.text(CODECS) if tree.exists(CODECS) else ''
    known = set(re.findall(r'(?m)^CODEC\((\w+),|\bget_(\w+)\(', table))
    known = {name for pair in known for name in pair}
    found, n = [], 0
    for header in tree.files(['common/msg'], ('.h',)):
        for number, line in tree.lines(header):
            for name in declared.findall(line):
                n += 1
                if name not in known and name not in PARTS:
                    found.append(Finding(header, number, 'get_%s is not in %s'
                                         % (name, CODECS)))
    return found, '%d codecs' % n


def accounts(tree):
    """The accounts that are made are those that posternd runs children on."""
    script = 'build-aux/users.sh'
    m = re.search(r"instances='([^']*)'", tree.text(script))
    users = {'_postern-' + w for w in m.group(1).split()}
    names = 'etc/sysusers.conf.in'
    places = {names: set(re.findall(r'(?m)^u (_postern-\S+)',
                                    tree.text(names)))}
    have = topology(tree)
    if have is not None:
        places[PLACE] = set(have.accounts())
    found = []
    for name, theirs in places.items():
        for u in sorted(users ^ theirs):
            found.append(Finding(name, 1, '%s is in %s only' % (
                u, script if u in users else name)))
    return found, '%d accounts, %d places' % (len(users), len(places) + 1)
