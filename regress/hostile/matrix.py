# SPDX-License-Identifier: ISC
"""Driving the twins: every attack in every program, layer by layer."""
import errno
import mmap
import os
import select
import signal
import socket
import struct
import time
from collections import namedtuple

import interface

FILTER, NETNS, USER, LANDLOCK, ROOT, DEVICE = 1, 2, 4, 8, 16, 32
ALL = 63
LAYERS = (('filter of system calls', 'f', FILTER),
          ('empty network namespace', 'n', NETNS),
          ('user, capabilities and limits', 'u', USER),
          ('Landlock', 'l', LANDLOCK), ('empty root', 'r', ROOT),
          ('sockets bound to an interface', 'i', DEVICE))

ATTACK, ASK_CONND, HELD = 1, 2, 3
KILLED, REFUSED, NONE, JOB, GAINED = 1, 2, 3, 4, 5

# programs as they are started, with one worker each
ROWS = ('connd/ext', 'smtpd-in/ext.0', 'smtpd-out/ext.0', 'dnsd-ext',
        'connd/int', 'smtpd-in/int.0', 'smtpd-out/int.0', 'dnsd-int',
        'queued', 'dird', 'keyd', 'logd', 'ctld')

# Attacks that count by what arrives at their target, not by what they say.
REACH = ('tcp', 'tcp-mptcp', 'tcp-v6', 'udp', 'listener-connect',
         'listener-sendto', 'listener-sendmsg', 'socket-connect',
         'socket-shutdown', 'socket-fastopen', 'socket-sendmsg',
         'datagram-sendto', 'datagram-sendmsg', 'datagram-connect',
         'sendmmsg')

SECRET, PATH = '/etc/shadow', '/run/lab/hostile.sock'
Cell = namedtuple('Cell', 'result detail reached')


class Page:
    """struct page of attack_twin.h, of one process."""

    def __init__(self, file):
        with open(file, 'r+b') as f:
            self.m = mmap.mmap(f.fileno(), 4096)

    def put(self, offset, form, *values):
        struct.pack_into('=' + form, self.m, offset, *values)

    def get(self, offset, form='I'):
        return struct.unpack_from('=' + form, self.m, offset)[0]

    def aim(self, address, port):
        self.put(20, '4s', socket.inet_aton(address))
        self.put(24, '2s2s', struct.pack('!H', port), struct.pack('!H', port))
        self.put(28, '64s108s', SECRET.encode(), PATH.encode())

    def ask(self, command, attack=0, layers=ALL):
        self.put(4, 'III', command, attack, layers)
        self.put(0, 'I', self.get(204) + 1)

    @property
    def finished(self):
        return self.get(0) == self.get(204)

    @property
    def name(self):
        return bytes(self.m[220:252]).split(b'\0')[0].decode()


class Target:
    """A TCP and a UDP port of one program only, on the side beyond it."""

    def __init__(self, ns, address, port):
        self.tcp = ns.listen(address, port)
        self.tcp.setblocking(False)
        self.udp = ns.socket(address, socket.SOCK_DGRAM)
        self.udp.bind((address, port))
        self.udp.setblocking(False)
        self.address, self.port = address, port

    def reached(self, limit=0):
        """Whether something came, at once or within so many seconds."""
        found = False
        while ready := select.select([self.tcp, self.udp], [], [],
                                     0 if found else limit)[0]:
            if self.tcp in ready:
                self.tcp.accept()[0].close()
            if self.udp in ready:
                self.udp.recv(64)
            found = True
        return found

    def close(self):
        self.tcp.close()
        self.udp.close()


class Services:
    """Unix sockets of the host, which no program has business with."""

    def __init__(self, ns):
        self.sockets = []
        for name in ('\0postern-hostile', PATH):
            with ns:
                s = socket.socket(socket.AF_UNIX)
            if name == PATH and os.path.exists(PATH):
                os.unlink(PATH)
            s.bind(name)
            s.listen(4096)
            self.sockets.append(s)
        os.chmod(PATH, 0o777)
        self.interfaces = interface.Interfaces(ns)

    def close(self):
        self.interfaces.close()
        for s in self.sockets:
            s.close()


def wait(what, condition, limit=20):
    """A page is memory: what a twin writes there sends no event."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, 'no ' + what
        time.sleep(0.0005)


class Twins:
    """All programs of a running gateway, each ready to be attacked."""

    def __init__(self, directory, targets):
        self.pages, self.targets = {}, targets
        for row in ROWS:
            program = row.split('/')[0].split('.')[0]
            file = '%s/%s/page.%s' % (directory, program,
                                      row.replace('/', '-'))
            wait('page of ' + row, lambda f=file: os.path.exists(f) and
                 os.path.getsize(f) == 4096)
            page = self.pages[row] = Page(file)
            wait(row, lambda p=page: p.get(200) == 1)
            page.aim(targets[row].address, targets[row].port)

    def ask(self, command, attack=0, layers=ALL):
        for page in self.pages.values():
            page.ask(command, attack, layers)
        for row, page in self.pages.items():
            wait('answer of ' + row, lambda p=page: p.finished)

    def held(self):
        """row -> (listeners, streams, datagram sockets) kept."""
        self.ask(HELD)
        return {row: tuple(p.get(212) >> s & 255 for s in (0, 8, 16))
                for row, p in self.pages.items()}

    def count(self):
        self.ask(ATTACK, 0, ALL)
        return self.pages[ROWS[0]].get(216)

    def attack(self, index, layers):
        """name of the attack, row -> Cell"""
        self.ask(ATTACK, index, layers)
        cells, name = {}, self.pages[ROWS[0]].name
        for row, p in self.pages.items():
            result, detail = p.get(208), p.get(212)
            maybe = result == REFUSED and detail == errno.EINPROGRESS or \
                name in REACH and result == GAINED
            reached = self.targets[row].reached(0.5 if maybe else 0)
            cells[row] = Cell(result, detail, reached)
        return name, cells

    def run(self, layers):
        """name of each attack -> row -> Cell"""
        table = {}
        for index in range(self.count()):
            name, cells = self.attack(index, layers)
            table[name] = cells
        return table


def gained(name, cell):
    if name in REACH:
        return cell.reached
    return cell.result == GAINED or cell.reached


def what(cell):
    if cell.result == KILLED:
        return 'killed by ' + signal.Signals(cell.detail).name
    if cell.result == REFUSED:
        return errno.errorcode.get(cell.detail, str(cell.detail))
    return {NONE: 'none', JOB: 'job', GAINED: 'gained'}[cell.result]


def mark(name, row, runs):
    """The cell of the table, from the runs: layers -> name -> row -> Cell."""
    full = runs[ALL][name][row]
    if full.result in (NONE, JOB):
        return {NONE: '-', JOB: 'job'}[full.result]
    if gained(name, full):
        return 'GAINED'
    return walls(name, row, runs) + (
        '' if full.result == KILLED else ' ' + what(full))


def walls(name, row, runs):
    """The layers that stop it, each by itself."""
    if not gained(name, runs[0][name][row]):
        return '.'
    enough, needed = (
        ''.join(letter for _, letter, bit in LAYERS if here(bit))
        for here in (lambda bit: not gained(name, runs[bit][name][row]),
                     lambda bit: gained(name, runs[ALL & ~bit][name][row])))
    if needed == (enough if len(enough) == 1 else ''):
        return enough
    # not as the legend has it: one wall is made of two
    return '%s-%s' % (enough, needed)


HEAD = '''\
<!-- Made by `make hostile`; regress/e2e/test_matrix.py holds it to the run. -->
# What an owned process can do

Every attack of `common/attack/table.c`, made from inside each program of a
running gateway: with its very descriptors, in its sandbox; again with each
layer of that taken away, with each layer alone, and with none.

| cell | |
|---|---|
%s
| `fn` … | each of these layers stops it alone, all others taken away |
| `f` … | one letter: with this layer taken away it is gained, with any other it is not |
| `.` | refused even without any layer: by this kernel, or because posternd itself may not do it |
| `EPERM` … | in its full sandbox the process lives and gets this error; where nothing is said, it dies of the attempt |
| `job` | what the program is there to do |
| `-` | the program has nothing to do it with |

For attacks in **bold** what counts is whether anything arrived beyond the
gateway: in the intranet for the programs of the external side and the middle,
on the Internet for those of the internal side.  The root of queued, its spool,
is not taken away: it would not be queued without.  connd dials because that is
its job; whom, is its policy, and the interface that its sockets are bound to:
`test_policy` and the two after it take these away one by one, too.

Where one letter stands alone, nothing beyond the program itself is gained with
that layer taken away: a socket without a network behind it (netlink, vsock), its
own memory, limits and descriptors, objects in the gateway's own IPC namespace;
queued changes files of its spool.  Of the rows in bold that holds for connd's
tcp-mptcp, another way to what is its job.
'''


def render(runs):
    lines = [HEAD % '\n'.join(
        '| `%s` | %s |' % (letter, name) for name, letter, _ in LAYERS)]
    lines.append('| attack | ' + ' | '.join(
        r.replace('.0', '') for r in ROWS) + ' |')
    lines.append('|---' * (len(ROWS) + 1) + '|')
    for name in runs[ALL]:
        shown = '**%s**' % name if name in REACH else name
        lines.append('| %s | %s |' % (shown, ' | '.join(
            mark(name, row, runs) for row in ROWS)))
    return '\n'.join(lines) + '\n'
