# SPDX-License-Identifier: ISC
"""regress/hostile/EDGES.md: what the attacks came to, made by their run.

Each test compares its own rows with the file.  HOSTILE_WRITE=1 puts what
was found into the file instead.
"""
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'EDGES.md')
HEAD = '''\
# What an owned process can do over its channels

Made by `regress/e2e/test_hostile.py`; it fails where this file says something
else (`HOSTILE_WRITE=1` writes it).  The programs are the real ones in their
real sandboxes, the sender is the test.

## Every message of every edge

Each row is one direction of one channel.  Under each attack stands what the
receiver did with its messages, never anything but:

T taken (a legal message, or answered with a refusal) ·
t l d c refused for its type, length, descriptors, content: the sender is
replaced · x the channel ends · b bounded: memory, descriptors and answers to
posternd stay within limits.

In each row the receiver lives, and at the end it has no descriptor more than
before and no more memory than its bound.  Beside the attacks by mass another
of its peers makes one legal transaction after the other, from its question to
its answer (`regress/hostile/honest.py`): a message accepted, a socket, a name,
a recipient, a signature, a line in the log, a whole SMTP session, each within
5 s.  All sessions of smtpd-out are queued's: after an attack by that one the
next one's message is delivered.

'''
LETTER = {'taken': 'T', 'type': 't', 'length': 'l', 'descriptor': 'd',
          'content': 'c', 'closed': 'x'}
COLUMNS = (
    ('wrong_type', 'wrong type'), ('wrong_edge', 'wrong edge'),
    ('broken_header', 'header'), ('every_length', 'every length'),
    ('truncated', 'cut'), ('embedded_nul', 'NUL'), ('damaged', 'damaged'),
    ('strange_ids', 'ids of others, unasked'),
    ('fd_where_none_belongs', 'fd unwanted'), ('number_of_fds', 'fds 0..253'),
    ('wrong_kind_of_fd', 'fd of wrong kind'), ('itself', 'fd: itself'),
    ('half_finished', 'thousands half done'), ('empty_packet', 'empty packet'),
    ('flood', 'flood, unread'))
BOUNDED = ('half_finished', 'flood')


def edge_row(edge):
    cells = []
    found = {name: (cases, outcomes) for name, cases, outcomes in
             edge.results}
    for name, _ in COLUMNS:
        cases, outcomes = found[name]
        if cases == 0:
            cells.append('-')
        elif name in BOUNDED:
            cells.append('b')
        else:
            cells.append(''.join(LETTER[k] for k in LETTER if k in outcomes))
    return '| %s | %s | %s |' % (edge.sender, edge.stage.name,
                                 ' | '.join(cells))


def edge_head():
    names = ['from', 'to'] + [c[1] for c in COLUMNS]
    return ['| %s |' % ' | '.join(names), '|' + '---|' * len(names)]


POLICY_HEAD = '''\

`posternd` at the end of every channel: `regress/hostile/chan_master_test.c`,
its own tables over a real channel, every type, every length, every value of
every byte, for each program: only the sender is ever replaced.  A report
about another process ends that one only if it may be believed
(master/super_msg.c judge()): queued, connd, keyd and logd are not ended by the
word of one worker, or that one, owned, could stop all mail, or the log. The two
get another channel, and the sender is ended when programs of both sides report it.

## Legal messages, bad intentions

| owned | tries | outcome | check |
|---|---|---|---|
'''


def read():
    """({(from, to): row}, {(owned, tries): row})"""
    edges, policy = {}, {}
    if os.path.exists(PATH):
        with open(PATH) as f:
            for line in f:
                cells = [c.strip() for c in line.split('|')[1:-1]]
                if len(cells) == len(COLUMNS) + 2 and cells[0] != 'from' and \
                        '---' not in cells[0]:
                    edges[tuple(cells[:2])] = line.rstrip('\n')
                elif len(cells) == 4 and cells[0] != 'owned' and \
                        '---' not in cells[0]:
                    policy[tuple(cells[:2])] = line.rstrip('\n')
    return edges, policy


def write(edges, policy):
    with open(PATH, 'w') as f:
        f.write(HEAD)
        for line in edge_head():
            f.write(line + '\n')
        for key in sorted(edges, key=lambda k: (k[1], k[0])):
            f.write(edges[key] + '\n')
        f.write(POLICY_HEAD)
        for key in sorted(policy):
            f.write(policy[key] + '\n')


def check_edges(done):
    edges, policy = read()
    if os.environ.get('HOSTILE_WRITE'):
        edges.update({(e.sender, e.stage.name): edge_row(e) for e in done})
        write(edges, policy)
        return
    name = done[0].stage.name
    there = {k: v for k, v in edges.items() if k[1] == name}
    now = {(e.sender, name): edge_row(e) for e in done}
    assert there == now, 'EDGES.md is of another run'


def check_policy(owned, tries, outcome, check):
    edges, policy = read()
    row = '| %s | %s | %s | %s |' % (owned, tries, outcome, check)
    if os.environ.get('HOSTILE_WRITE'):
        policy[(owned, tries)] = row
        write(edges, policy)
        return
    assert policy.get((owned, tries)) == row, (policy.get((owned, tries)), row)
