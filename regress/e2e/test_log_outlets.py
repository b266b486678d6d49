# SPDX-License-Identifier: ISC
"""Where the log goes to does not listen: logd lives, counts what it cannot
write, and mail goes on."""
import contextlib
import os
import select
import signal
import socket
import time

from lab.flows import both_ways, send_in
from lab.gateway import CONF, QUICK, Gateway, conf, program
from lab.inside import WORK
from lab.logfmt import Line
from lab.proc import children, wait_until
from test_hostile import CHILD_FD_STDERR, LG_LINES, prepare
from test_hostile_ctl import CT_SELECT, FLUSH, ask, select as selection, tool

import chan_stage

MIB = 1 << 20
CHILD_FD_SYSLOG, CM_REOPEN = 4, 0x187
BUFFER = 256 * 1024  # of logd/sink.c
REFUSED_MAX = 1000


class LogStage(chan_stage.Stage):
    """logd; what it asks of posternd is counted."""
    asked = 0

    def read_master(self):
        data = self.master.recv(chan_stage.MSG_MAX, socket.MSG_PEEK)
        if data and chan_stage.HEADER.unpack_from(data)[0] == CM_REOPEN:
            self.master.recv(chan_stage.MSG_MAX)
            self.asked += 1
            return
        super().read_master()

    def lines(self, n, at=0, sender='queued'):
        """So many, each with its number."""
        for first in range(at, at + n, 20):
            data = b''
            for i in range(first, min(first + 20, at + n)):
                text = b'event=test n=%d text=%s' % (i, b'x' * 150)
                data += b'\x03' + len(text).to_bytes(2, 'big') + text
            assert self.send(self.channels[sender],
                             chan_stage.message(LG_LINES, 0, data))
        self.ping()  # the second one comes a turn after all that
        assert self.ping() < 5


def numbers(text):
    return [int(Line(line)['n']) for line in text.splitlines()
            if ' event=test ' in line]


def lost(text):
    return sum(int(Line(line)['lines']) for line in text.splitlines()
               if ' event=log-dropped ' in line)


def test_nobody_reads_the_pipe(world):
    """What the pipe and the buffer hold comes later, whole and in order; the
    rest is counted."""
    prepare('log to stderr\n')
    out, into = os.pipe()
    os.set_blocking(into, False)
    with LogStage('logd', CONF) as stage:
        stage.start([(CHILD_FD_STDERR, 0, into)])
        stage.ping()
        small = stage.rss()
        stage.lines(20000)
        assert stage.rss() - small < 2 * MIB
        text = b''

        def drained():
            nonlocal text
            while select.select([out], [], [], 0)[0]:
                text += os.read(out, 65536)
            whole = text[:text.rfind(b'\n') + 1].decode()
            return numbers(whole), lost(whole)

        def all_there():
            found, missing = drained()
            return len(found) + missing == 20000
        wait_until('the rest, and what was lost', all_there, 20)
        found, missing = drained()
        assert len(found) > BUFFER / 300 and missing > 1000
        assert found == sorted(found)
        kept = int(BUFFER / 300)
        assert found[:kept] == list(range(kept))
        assert all(line.startswith(b'time=') for line in text.splitlines())
        stage.lines(1, 20000)
        wait_until('the next', lambda: drained()[0][-1:] == [20000])
        os.close(out)  # and nobody ever will again
        stage.lines(2000, 20001)
        out, into2 = os.pipe()
        os.set_blocking(into2, False)
        stage.tell(chan_stage.CM_FD, (CHILD_FD_STDERR).to_bytes(4, 'big') +
                   bytes(4), into2)
        stage.ping()
        text = b''
        stage.lines(1, 30000)
        wait_until('the next pipe', lambda: 30000 in drained()[0])
        assert all(line.startswith(b'time=') for line in text.splitlines())
        for fd in (out, into, into2):
            os.close(fd)


def syslogd(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.setblocking(False)
    return s


def client(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.setblocking(False)
    s.connect(path)
    return s


def read_all(s):
    text = ''
    with contextlib.suppress(BlockingIOError):
        while True:
            data, who = s.recvfrom(65536)
            assert who is None  # nobody can answer it
            assert data.startswith(b'<') and b'>postern: time=' in data[:20]
            text += data.partition(b'postern: ')[2].decode() + '\n'
    return text


def test_syslog_does_not_listen(world):
    """Full, gone, and another one in its place: lines are dropped and
    counted; posternd is asked once for another socket."""
    prepare('log to syslog\n')
    path = WORK + '/syslog'
    server = syslogd(path)

    def give(stage):
        with client(path) as s:
            stage.tell(chan_stage.CM_FD, (CHILD_FD_SYSLOG).to_bytes(4, 'big')
                       + bytes(4), s.fileno())
    with LogStage('logd', CONF) as stage:
        with client(path) as s:
            stage.start([(CHILD_FD_SYSLOG, 0, s.fileno())])
        stage.lines(5)
        text = ''

        def seen(want):
            nonlocal text
            text += read_all(server)
            return want(text)
        wait_until('lines', lambda: seen(lambda t: numbers(t) == [0, 1, 2, 3,
                                                                  4]))
        # full: what its queue holds, and no more
        small, text = stage.rss(), ''
        stage.lines(REFUSED_MAX - 100)
        assert stage.asked == 0
        text = read_all(server)
        assert 0 < len(numbers(text)) < REFUSED_MAX - 100
        stage.lines(1, 5000)
        wait_until('what was lost', lambda: seen(
            lambda t: lost(t) + len(numbers(t)) == REFUSED_MAX - 100 + 1))
        assert numbers(text)[-1] == 5000 and lost(text) > 0
        # full for long: whoever listens there may be another one by now
        stage.lines(5000)
        stage.wait(lambda: stage.asked == 1, 'a question for another socket')
        server.close()
        stage.lines(20000)  # gone
        assert stage.asked == 1
        assert stage.rss() - small < 2 * MIB
        server, text = syslogd(path), ''
        give(stage)
        stage.ping()
        stage.lines(1, 6000)
        wait_until('the next life', lambda: seen(
            lambda t: 6000 in numbers(t) and lost(t) > 20000))
        # and once more
        server.close()
        stage.lines(10)
        stage.wait(lambda: stage.asked == 2, 'a question for another socket')
        server.close()


class Piped(Gateway):
    """stderr goes through a cat, which can be stopped."""

    def __init__(self, world, text):
        super().__init__(world, text, argv=[
            'bash', '-c', 'exec "$0" "$@" 2> >(exec cat >&2)',
            program('master/posternd'), '-d', '-f', CONF])

    def cat(self):
        pid, = [p for p in children(self.pid) if name(p) == 'cat']
        return pid


def name(pid):
    with open('/proc/%d/comm' % pid) as f:
        return f.read().strip()


def test_a_reader_of_stderr_that_stops(world, sink):
    """No process of the gateway waits for it, posternd neither when it
    replaces others."""
    with Piped(world, conf(top='log to stderr\n' + QUICK)) as gw:
        logd, = gw.pids('logd')
        cat = gw.cat()
        os.kill(cat, signal.SIGSTOP)
        try:
            with tool() as s:
                for _ in range(1500):
                    ask(s, CT_SELECT, selection(FLUSH, text=b'z' * 200))
            begun = time.monotonic()
            for who in ('dird', 'in-ext', 'logd', 'queued'):
                old = gw.kill(who)
                gw.wait_replaced(who, old)
            logd, = gw.pids('logd')
            with tool() as s:
                for _ in range(1500):
                    ask(s, CT_SELECT, selection(FLUSH, text=b'z' * 200))
            # longer than posternd waits for one that hangs
            while time.monotonic() - begun < 15:
                both_ways(world, sink)
            assert gw.pids('logd') == [logd]
            mark = gw.mark()
        finally:
            os.kill(cat, signal.SIGCONT)
        gw.wait_log(20, mark, event='log-dropped', proc='logd')
        mark, token = gw.mark(), world.token()
        send_in(world, token)
        gw.wait_log(20, mark, event='accept')
