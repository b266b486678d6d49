# SPDX-License-Identifier: ISC
"""A real program of the gateway with a stage for a posternd.

The program is started, dropped and sandboxed as posternd does it, and gets
its configuration and its channels; the other end of every channel is ours.
A report of a violation is taken down and answered with a new channel, where
posternd would also have ended the sender.
"""
import ctypes
import errno
import fcntl
import os
import pwd
import select
import signal
import socket
import struct
import subprocess
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(PROJECT, os.environ.get('O', 'build'))
HELPER = BUILD + '/regress/hostile/chan_contracts'

HEADER = struct.Struct('>HHI')
MSG_MAX = 128 * 1024
PAYLOAD_MAX = MSG_MAX - HEADER.size

CM_HELLO, CM_STATS, CM_PEER, CM_FD, CM_PING = 0x101, 0x102, 0x103, 0x104, 0x105
CM_SANDBOXED, CM_READY, CM_VIOLATION, CM_PONG = 0x181, 0x182, 0x183, 0x185
KINDS = {1: 'closed', 2: 'type', 3: 'length', 4: 'state', 5: 'descriptor',
         6: 'content', 7: 'flood', 8: 'error'}
NO_TYPE = 0xee7f
CLONE_NEWNET = 0x40000000
SEALS = 0x0f
libc = ctypes.CDLL(None, use_errno=True)


def helper(*args):
    done = subprocess.run([HELPER] + list(args), capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return [line.split(' ') for line in done.stdout.splitlines()]


class Contract:
    def __init__(self, sender, receiver, name, type_, least, most, fd):
        self.sender, self.receiver, self.name = sender, receiver, name
        self.type, self.min, self.max = int(type_), int(least), int(most)
        self.fd = fd


class Sample:
    def __init__(self, sender, receiver, type_, fd, text=''):
        self.sender, self.receiver, self.type = sender, receiver, int(type_)
        self.fd, self.payload = fd, bytes.fromhex(text)


def contracts():
    """([Contract], [Sample]) of every edge."""
    rows = helper('list')
    return ([Contract(*r[1:]) for r in rows if r[0] == 'contract'],
            [Sample(*r[1:]) for r in rows if r[0] == 'sample'])


def message(type_, ident, payload=b'', zero=0):
    return HEADER.pack(type_, zero, ident) + payload


def memfd(size=4, seals=SEALS, content=b'a\r\n\n'):
    fd = os.memfd_create('hostile', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def packet_pair():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_buffer(sender):
    """As master/topology.c has it."""
    return 32 * 1024 if sender.startswith('connd') else 2 * MSG_MAX


class Gone(AssertionError):
    """The program under attack has ended."""


class Stage:
    """One program; .peers tells whom it knows."""

    def __init__(self, name, conf_path, netns=None):
        self.name, self.netns = name, netns
        rows = helper('start', conf_path, name)
        self.peers = {r[1]: tuple(map(int, r[2:])) for r in rows
                      if r[0] == 'peer'}
        self.hello = [bytes.fromhex(r[1]) for r in rows if r[0] == 'hello'][0]
        self.conf = [(int(r[1]), bytes.fromhex(''.join(r[2:])))
                     for r in rows if r[0] == 'conf']
        self.violations = []  # (kind, proc, side, index)
        self.channels, self.pings, self.ponged = {}, 0, 0
        self.ready = self.sandboxed = False
        self.answers = {}  # what it asks posternd: the type -> the answer's

    # --- its life

    def start(self, fds=()):
        """fds: (kind, id, descriptor) that posternd would hand over."""
        self.master, theirs = packet_pair()
        self.master.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF,
                               2 * MSG_MAX)
        path = '%s/%s/%s' % ((BUILD,) + (self.name.split('/')[0],) * 2)
        self.said, output = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.exec(path, theirs, output)
        theirs.close()
        os.close(output)
        os.set_blocking(self.said, False)
        self.output = b''
        self.tell(CM_HELLO, self.hello)
        page = memfd(4096, 0, b'')
        self.tell(CM_STATS, b'', page)
        os.close(page)
        for name in self.peers:
            if not name.rpartition('.')[2].isdigit() or name.endswith('.0'):
                self.channel(name)
        for type_, payload in self.conf:
            self.tell(type_, payload)
        for kind, ident, fd in fds:
            self.tell(CM_FD, struct.pack('>II', kind, ident), fd)
        self.wait(lambda: self.ready and self.sandboxed, 'a start', 30)
        return self

    def exec(self, path, chan, output):
        try:
            null = os.open('/dev/null', os.O_RDWR)
            if self.netns is None:  # connd stays where it was started
                libc.unshare(CLONE_NEWNET)
            else:
                libc.setns(os.open(self.netns, os.O_RDONLY), CLONE_NEWNET)
            keep = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100)
                    for fd in (null, output, output, chan.fileno())]
            for number, fd in enumerate(keep):
                os.dup2(fd, number)
            os.closerange(4, 4096)
            os.execve(path, [path], {})
        finally:
            os._exit(127)

    def stop(self):
        for chan in self.channels.values():
            chan.close()
        if self.pid != 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.master.close()
        os.close(self.said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- what posternd says and hears

    def tell(self, type_, payload=b'', fd=None, ident=0):
        data = message(type_, ident, payload)
        try:
            if fd is None:
                self.master.send(data)
            else:
                socket.send_fds(self.master, [data], [fd])
        except OSError as e:
            if e.errno in (errno.EPIPE, errno.ECONNRESET):
                self.gone()
            raise

    def channel(self, name):
        """A new channel to it, in the place of peer `name`."""
        slot, proc, side, index = self.peers[name]
        mine, theirs = packet_pair()
        # the attacker's may be as large as he likes
        for end, size in (mine, 2 * MSG_MAX), (theirs, send_buffer(self.name)):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
            end.setblocking(False)
        self.tell(CM_PEER, struct.pack('>BBBH', proc, side, index, slot),
                  theirs.fileno())
        theirs.close()
        if name in self.channels:
            self.channels[name].close()
        self.channels[name] = mine
        return mine

    def gone(self):
        end = os.pidfd_open(self.pid)
        select.select([end], [], [], 5)
        os.close(end)
        _, status = os.waitpid(self.pid, os.WNOHANG)
        self.read_output()
        self.pid = 0
        raise Gone('%s ended with %s: %s' % (
            self.name, status, self.output.decode(errors='replace')[-2000:]))

    def read_output(self):
        """False at its end."""
        while True:
            try:
                data = os.read(self.said, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.output = (self.output + data)[-65536:]

    def read_master(self):
        """One message of it."""
        try:
            data = self.master.recv(MSG_MAX)
        except ConnectionResetError:
            data = b''
        if not data:
            self.gone()
        type_, _, ident = HEADER.unpack_from(data)
        payload = data[HEADER.size:]
        if type_ == CM_VIOLATION:
            proc, side, index, kind = struct.unpack('>BBBI', payload)
            self.violations.append((KINDS[kind], proc, side, index))
        elif type_ == CM_READY:
            self.ready = True
        elif type_ == CM_SANDBOXED:
            self.sandboxed = True
        elif type_ == CM_PONG:
            self.ponged = ident
        elif type_ in self.answers:
            self.tell(self.answers[type_], ident=ident)
        else:
            raise AssertionError('%s says %#x' % (self.name, type_))

    def serve(self):
        """What it has said to posternd by now."""
        while select.select([self.master], [], [], 0)[0]:
            self.read_master()

    def wait(self, test, what, timeout=20.0, drain=()):
        """Serve the channels until test() is true."""
        end = time.monotonic() + timeout
        while not test():
            left = end - time.monotonic()
            if left <= 0:
                self.read_output()
                raise AssertionError('%s: waited %gs for %s; it said %r' % (
                    self.name, timeout, what, self.output[-1000:]))
            ready = select.select([self.master, self.said] + list(drain), [],
                                  [], left)[0]
            for source in ready:
                if source is self.master:
                    self.read_master()
                elif source == self.said:
                    if not self.read_output():
                        self.gone()
                else:
                    drain = [d for d in drain if d is not source
                             or swallow(d)]

    def send(self, chan, data, fds=()):
        """One message; answers are read meanwhile.  False: it is closed."""
        while True:
            try:
                if fds:
                    socket.send_fds(chan, [data], fds)
                else:
                    chan.send(data)
                return True
            except BlockingIOError:
                ready = select.select([chan, self.master, self.said], [chan],
                                      [], 20)
                assert any(ready[:2]), 'a channel stands still'
                if chan in ready[0] and not swallow(chan):
                    return False
                if self.master in ready[0]:
                    self.read_master()
                if self.said in ready[0]:
                    self.read_output()
            except OSError as e:
                if e.errno in (errno.EPIPE, errno.ECONNRESET):
                    return False
                raise

    def ping(self, timeout=20.0):
        """Seconds until it answers posternd."""
        begun = time.monotonic()
        self.pings += 1
        self.tell(CM_PING, ident=self.pings)
        self.wait(lambda: self.ponged == self.pings, 'a pong', timeout)
        return time.monotonic() - begun

    # --- what it costs

    def rss(self):
        """Bytes in memory that are its own."""
        with open('/proc/%d/statm' % self.pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE')

    def fds(self):
        return len(self.open_files())

    def open_files(self):
        where = '/proc/%d/fd/' % self.pid
        return [n + ':' + os.readlink(where + n) for n in os.listdir(where)]


def swallow(chan):
    """Read what is there; False when the other end is gone."""
    while True:
        try:
            data, fds, _, _ = socket.recv_fds(chan, MSG_MAX, 8)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for fd in fds:
            os.close(fd)
        if not data:
            return False


def uid_of(account):
    return pwd.getpwnam(account).pw_uid
