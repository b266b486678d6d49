# SPDX-License-Identifier: ISC
"""Who goes on beside an attack: another peer of the program, which makes one
legal transaction after the other on channels of its own.

of(stage, sender) is the transaction of a program that `sender` attacks, with
whom it takes; Beside makes it again and again, each within DEADLINE, for as
long as the attack lasts.  A receiver that serves one peer before all others
is found so.
"""
import os
import select
import socket
import struct
import threading
import time

import policy_words as words
from chan_stage import HEADER, MSG_MAX, message, packet_pair

DEADLINE = 5.0  # s, as an answer to posternd has
PACE = 0.02     # s from one transaction to the next

CI_SESSION, CI_CLOSED = 0x401, 0x481
IQ_ROOM = 0x584
QO_OPEN, QO_JOB, QO_CLOSE = 0x801, 0x802, 0x803
QO_READY, QO_RESULT, QO_GONE = 0x881, 0x882, 0x883
CT_STATUS, CT_END = 0xe01, 0xe82
CTM_STATUS, CTM_END = 0xd01, 0xd87
LG_LINES = 0x301
OK = b'\1' + bytes(4)  # an oc_answer that has a socket
DELIVERED = 1
LOG_KEPT = 64 << 20


class Starved(AssertionError):
    """A legal transaction had no end in time."""


class Beside:
    """with Beside(once): once(deadline) again and again, in a thread."""

    def __init__(self, once, deadline=DEADLINE):
        self.once, self.deadline = once, deadline
        self.done, self.worst, self.error = 0, 0.0, None
        self.ended, self.turned = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.ended.is_set():
                begun = time.monotonic()
                self.once(begun + self.deadline)
                took = time.monotonic() - begun
                if took > self.deadline:
                    raise Starved('it took %gs' % took)
                self.worst = max(self.worst, took)
                self.done += 1
                self.turned.set()
                self.ended.wait(PACE)
        except BaseException as e:  # for who started it
            self.error = e
            self.turned.set()

    def served(self, n):
        """Are so many done?  Raises what went wrong."""
        if self.error is not None:
            raise self.error
        return self.done >= n

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.thread.join(self.deadline + 60)
        if kind is None:
            assert not self.thread.is_alive(), 'it waits without a deadline'
            self.served(0)


def wait_for(fds, deadline, what):
    left = deadline - time.monotonic()
    if left > 0:
        ready = select.select(fds, [], [], left)[0]
        if ready:
            return ready
    raise Starved('waited in vain for ' + what)


class Line:
    """The honest end of a channel to the program."""

    def __init__(self, stage, name):
        self.stage, self.name = stage, name
        if name not in stage.channels:
            stage.channel(name)

    @property
    def chan(self):
        """The attacker's is another one after each attack."""
        return self.stage.channels[self.name]

    def say(self, type_, ident, payload=b'', fd=None):
        data = message(type_, ident, payload)
        if fd is None:
            self.chan.send(data)
        else:
            socket.send_fds(self.chan, [data], [fd])

    def next(self):
        """(type, id, payload, descriptors); None: nothing is there."""
        try:
            data, fds, _, _ = socket.recv_fds(self.chan, MSG_MAX, 4)
        except BlockingIOError:
            return None
        if not data:
            raise Starved('the channel of %s was closed' % self.name)
        type_, _, ident = HEADER.unpack_from(data)
        return type_, ident, data[HEADER.size:], fds

    def hear(self, want, deadline, test=lambda ident, payload: True):
        """(id, payload) of the next such message, past all others; its
        descriptors are closed."""
        while True:
            got = self.next()
            if got is None:
                wait_for([self.chan], deadline, '%#x for %s' % (
                    want, self.name))
                continue
            for fd in got[3]:
                os.close(fd)
            if got[0] == want and test(*got[1:3]):
                return got[1], got[2]

    def ask(self, type_, ident, payload, answer, deadline):
        self.say(type_, ident, payload)
        return self.hear(answer, deadline, lambda at, _: at == ident)[1]


class Transaction:
    """What is made beside an attack by `sender`.  prepare(): before one;
    after(): when it is over.  alone: who attacks is whom it needs."""

    alone = False

    def __init__(self, stage, sender, with_):
        self.stage, self.sender, self.n = stage, sender, 0
        self.samples, self.with_ = with_.samples, with_
        self.side = 'int' if '/int' in stage.name or \
            stage.name.endswith('-int') else 'ext'

    def line(self, name):
        return Line(self.stage, name)

    def sample(self, type_, fd='none'):
        return next(s.payload for s in self.samples
                    if s.type == type_ and s.fd == fd)

    def prepare(self):
        pass

    def after(self):
        pass

    def number(self):
        self.n += 1
        return self.n


class Connd(Transaction):
    """dnsd gets a socket; beside an attack of dnsd, smtpd-out gets a
    connection."""

    def __init__(self, *args):
        super().__init__(*args)
        self.dns = not self.sender.startswith('dnsd')
        self.asker = self.line('dnsd-' + self.side if self.dns else
                               'smtpd-out/%s.1' % self.side)

    def once(self, deadline):
        if self.dns:
            type_, answer = words.DC_SOCKET, words.DC_ANSWER
            payload = bytes([0, 0, 0, 1, 0, 1])
        else:
            type_, answer = words.OC_CONNECT, words.OC_ANSWER
            payload = words.connect(self.with_.host.getsockname()[0])
        said = self.asker.ask(type_, self.number(), payload, answer, deadline)
        assert words.RESULTS[said[0]] == 'ok', words.RESULTS[said[0]]
        if not self.dns:
            wait_for([self.with_.host], deadline, 'a connection')
            self.with_.host.accept()[0].close()


class Talk:
    """A client's end of a session."""

    def __init__(self, sock):
        self.sock, self.text = sock, b''
        sock.setblocking(False)

    def reply(self, deadline):
        """The code of the next reply."""
        while True:
            for line in self.text.split(b'\r\n')[:-1]:
                self.text = self.text[len(line) + 2:]
                if line[3:4] != b'-':
                    return int(line[:3])
            wait_for([self.sock], deadline, 'a reply')
            data = self.sock.recv(4096)
            if not data:
                raise Starved('the session ended')
            self.text += data

    def expect(self, code, deadline, line=None):
        if line is not None:
            self.sock.send(line + b'\r\n')
        got = self.reply(deadline)
        assert got == code, (line, got, code)


class SmtpdIn(Transaction):
    """connd hands over a client, dird knows its recipient, queued takes its
    message; all of them but the attacker.  Beside an attack of connd it is a
    client that was there before."""

    def __init__(self, *args):
        super().__init__(*args)
        conn, self.dir, self.queue = (
            None if self.sender == name else self.line(name)
            for name in ('connd/' + self.side, 'dird', 'queued'))
        self.conn = conn or self.line('connd/' + self.side)
        self.kept, self.talk = conn is None, None

    def begin(self, deadline):
        ours, theirs = socket.socketpair()
        payload = self.sample(CI_SESSION, 'socket') if self.side == 'ext' else \
            words.netaddr('10.0.0.10', 4000) + \
            words.netaddr('10.0.0.5', 25) + bytes(5)
        with theirs:
            self.conn.say(CI_SESSION, 0x40000000 + self.number(), payload,
                          theirs.fileno())
        self.talk = Talk(ours)
        self.talk.expect(220, deadline)
        self.talk.expect(250, deadline, b'EHLO client.test')

    def end(self, deadline):
        self.talk.expect(221, deadline, b'QUIT')
        self.talk.sock.close()
        self.conn.hear(CI_CLOSED, deadline,
                       lambda at, _: at == 0x40000000 + self.n)

    def prepare(self):
        if self.kept:
            if self.talk is not None:
                self.talk.sock.close()
            self.begin(time.monotonic() + DEADLINE)

    def mail(self, deadline):
        if self.queue is not None:
            self.queue.say(IQ_ROOM, 0, self.sample(IQ_ROOM))
            self.talk.expect(250, deadline, b'MAIL FROM:<>')
        if self.queue is None or self.dir is None:
            self.talk.expect(250, deadline, b'RSET')
            return
        self.talk.sock.send(b'RCPT TO:<alice@example.com>\r\n')
        ident, _ = self.dir.hear(words.ID_RCPT, deadline)
        self.dir.say(words.ID_ANSWER, ident, b'\1')
        self.talk.expect(250, deadline)
        self.talk.expect(354, deadline, b'DATA')
        self.talk.sock.send(b'Subject: x\r\n\r\nx\r\n.\r\n')
        ident, _ = self.queue.hear(words.IQ_COMMIT, deadline)
        self.queue.say(words.IQ_DONE, ident, struct.pack('>BBQ', 1, 0, 1))
        self.talk.expect(250, deadline)

    def once(self, deadline):
        if not self.kept:
            self.begin(deadline)
        self.mail(deadline)
        if not self.kept:
            self.end(deadline)


class SmtpdOut(Transaction):
    """queued opens a session and has a message delivered; beside an attack of
    connd it learns from dnsd that there is no such domain.  All sessions are
    queued's: beside an attack of its own there is none, and the next queued
    has its mail delivered after it."""

    ADDRESS = {'ext': '198.51.100.9', 'int': '10.0.0.10'}
    NOBODY = bytes(2) + bytes(19) + bytes(2)

    def __init__(self, *args):
        super().__init__(*args)
        self.alone = self.sender == 'queued'
        self.conn, self.dns = (None if self.sender == n else self.line(n)
                               for n in ('connd/' + self.side,
                                         'dnsd-' + self.side))

    def after(self):
        if self.alone:
            self.once(time.monotonic() + DEADLINE)

    def open(self, kind, name, *hosts):
        ident = 0x40000000 + self.number()
        self.queue = self.line('queued')
        self.queue.say(QO_OPEN, ident, struct.pack(
            '>BH%dsQB' % len(name), kind, len(name), name, 0, len(hosts)) +
            b''.join(bytes(2) + words.netaddr(h, 25) + b'\0\x19'
                     for h in hosts))
        return ident

    def nowhere(self, deadline):
        name = b'h%d.%s' % (self.n, b'corp.example.com' if self.side == 'int'
                            else b'example.net')
        ident = self.open(3, name)
        at, asked = self.dns.hear(words.SD_QUERY, deadline,
                                  lambda _, payload: name in payload)
        self.dns.say(words.SD_ANSWER, at, struct.pack(
            '>BBIHH', 3, 1, 60, struct.unpack_from('>H', asked)[0], 0))
        self.queue.hear(QO_GONE, deadline, lambda at, _: at == ident)

    def deliver(self, deadline):
        where = self.ADDRESS[self.side]
        ident = self.open(1, b'', where)
        at, _ = self.conn.hear(
            words.OC_CONNECT, deadline,
            lambda _, payload: payload.startswith(words.netaddr(where, 25)))
        ours, theirs = socket.socketpair()
        with theirs:
            self.conn.say(words.OC_ANSWER, at, OK, theirs.fileno())
        ours.send(b'220 mx.test\r\n')
        serve(ours, deadline, b'EHLO', b'250 mx.test')
        self.queue.hear(QO_READY, deadline, lambda at, _: at == ident)
        self.queue.say(QO_JOB, ident, self.sample(QO_JOB).replace(
            b'a\r\n\n', b'ab\r\n'))
        for word, answer in ((b'MAIL', b'250 ok'), (b'RCPT', b'250 ok'),
                             (b'DATA', b'354 go on'), (b'ab', None),
                             (b'.\r\n', b'250 ok')):
            serve(ours, deadline, word, answer)
        _, said = self.queue.hear(QO_RESULT, deadline,
                                  lambda at, _: at == ident)
        assert delivered(said), said
        self.queue.say(QO_CLOSE, ident)
        serve(ours, deadline, b'QUIT', b'221 bye')
        ours.close()
        self.queue.hear(QO_GONE, deadline, lambda at, _: at == ident)

    def once(self, deadline):
        if self.conn is None:
            self.nowhere(deadline)
        else:
            self.deliver(deadline)


def delivered(result):
    """The status of the one recipient of a qo_result."""
    at = 16
    for skip in (19, 0):  # name, address, TLS of the relay
        at += 2 + struct.unpack_from('>H', result, at)[0] + skip
    return result[at + 2] == DELIVERED


def serve(sock, deadline, word, answer):
    """A server: the client's next line begins with word; answered."""
    sock.setblocking(False)
    line = b''
    while not line.endswith(b'\n'):
        wait_for([sock], deadline, 'a line of the client')
        data = sock.recv(1)
        if not data:
            raise Starved('the client has gone')
        line += data
    assert line.startswith(word), (line, word)
    if answer is not None:
        sock.send(answer + b'\r\n')


class Queued(Transaction):
    """Another smtpd-in hands in a message, and it is accepted."""

    def __init__(self, *args):
        super().__init__(*args)
        self.client = self.line('smtpd-in/int.1')
        self.payload = next(
            s.payload for s in self.samples if s.type == words.IQ_COMMIT and
            s.fd == 'none' and s.sender == 'smtpd-in/ext').replace(
                b'\x04\xc0\x00\x02\x01', b'\x04\x0a\x00\x00\x0a')

    def once(self, deadline):
        said = self.client.ask(words.IQ_COMMIT, self.number(), self.payload,
                               words.IQ_DONE, deadline)
        assert words.VERDICTS[said[0]] == 'accepted', said


class Dnsd(Transaction):
    """Another smtpd-out has a name resolved, with connd's sockets and a
    server's answers; beside an attack of connd it is told what needs none:
    that it may not ask."""

    MINE, OTHERS = '.mail.corp.example.com', '.example.net'

    def __init__(self, *args):
        super().__init__(*args)
        self.asker = self.line('smtpd-out/%s.1' % self.side)
        name = 'connd/' + self.side
        self.conn = None if self.sender == name else self.line(name)
        self.servers = []

    def once(self, deadline):
        inside = self.side == 'int'
        if self.conn is None:
            inside = not inside
        name = 'h%d' % self.number() + (self.MINE if inside else self.OTHERS)
        self.asker.say(words.SD_QUERY, self.n, words.query(name, 1, 4000))
        while True:
            ready = wait_for([self.asker.chan] + self.servers + (
                [self.conn.chan] if self.conn else []), deadline, name)
            for s in ready:
                if self.conn and s is self.conn.chan:
                    self.be_connd()
                elif s is not self.asker.chan:
                    self.be_server(s)
            got = self.asker.next()
            if got is not None and got[1] == self.n:
                assert got[2][0] == (1 if self.conn else 5), got
                return

    def be_connd(self):
        got = self.conn.next()
        while got is not None:
            if got[0] == words.DC_SOCKET:
                ours, theirs = socket.socketpair(socket.AF_UNIX,
                                                 socket.SOCK_DGRAM)
                ours.setblocking(False)
                with theirs:
                    self.conn.say(words.DC_ANSWER, got[1], OK,
                                  theirs.fileno())
                self.servers.append(ours)
            got = self.conn.next()

    def be_server(self, sock):
        """Each name has one address."""
        try:
            wire = sock.recv(4096)
        except OSError:
            wire = b''
        if wire:
            self.with_.answer_dns(sock, wire)
        self.servers.remove(sock)
        sock.close()


class Dird(Transaction):
    """Another smtpd-in asks for a recipient, who is there."""

    def __init__(self, *args):
        super().__init__(*args)
        self.asker = self.line('smtpd-in/int.1')

    def once(self, deadline):
        said = self.asker.ask(words.ID_RCPT, self.number(),
                              self.sample(words.ID_RCPT), words.ID_ANSWER,
                              deadline)
        assert said[0] == 1, said


class Keyd(Transaction):
    """Another smtpd-in has a handshake signed."""

    def __init__(self, *args):
        super().__init__(*args)
        self.asker = self.line('smtpd-in/int.1')

    def once(self, deadline):
        said = self.asker.ask(
            words.SK_SIGN, self.number(),
            words.sign(words.handshake(b'server'), 1), words.SK_SIGNED,
            deadline)
        assert words.SIGNED[said[0]] == 'signed', said


class Ctld(Transaction):
    """The operator's tool is told how things are, by posternd."""

    def once(self, deadline):
        self.stage.answers[CTM_STATUS] = CTM_END
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(self.with_.path)
            s.send(message(CT_STATUS, 1))
            said = None
            while said != CT_END:
                wait_for([s], deadline, 'a status')
                said = HEADER.unpack_from(s.recv(MSG_MAX))[0]


class Logd(Transaction):
    """Another's line is in the log."""

    def __init__(self, *args):
        super().__init__(*args)
        self.asker = self.line('smtpd-in/int.1')
        self.log = open(self.with_.path, 'r+b')

    def once(self, deadline):
        text = b'event=honest n=%d' % self.number()
        self.asker.say(LG_LINES, 0, b'\6' + len(text).to_bytes(2, 'big') +
                       text)
        rest = b''

        def written():
            nonlocal rest
            rest = rest[-len(text):] + self.log.read(1 << 22)
            return text in rest
        self.with_.until('a line in the log', written,
                         deadline - time.monotonic())
        if self.log.tell() > LOG_KEPT:
            self.log.truncate(0)
            self.log.seek(0)


PROGRAMS = {'connd': Connd, 'smtpd-in': SmtpdIn, 'smtpd-out': SmtpdOut,
            'queued': Queued, 'dnsd-ext': Dnsd, 'dnsd-int': Dnsd,
            'dird': Dird, 'keyd': Keyd, 'ctld': Ctld, 'logd': Logd}


def of(stage, sender, with_):
    """with_: .samples, .host (a listener that connd may reach), .path (of
    logd's file, ctld's socket), .answer_dns(socket, question),
    .until(what, test, timeout)."""
    return PROGRAMS[stage.name.split('/')[0]](stage, sender, with_)


# --- a receiver that does it wrong, to try Beside itself

class Toy:
    """Answers each message of the good peer and reads those of the bad one; a
    greedy one hears him alone, once he has said something."""

    def __init__(self, greedy):
        self.greedy, self.ended = greedy, False
        self.pairs = [packet_pair() for _ in range(2)]
        self.channels = {'bad': self.pairs[0][0], 'good': self.pairs[1][0]}
        for chan in self.channels.values():
            chan.setblocking(False)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        bad, good = (theirs for _, theirs in self.pairs)
        heard = [bad, good]
        while not self.ended:
            for end in select.select(heard, [], [], 0.1)[0]:
                data = end.recv(MSG_MAX)
                if end is good:
                    end.send(data)
                elif self.greedy:
                    heard = [bad]
                    break

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        for pair in self.pairs:
            for end in pair:
                end.close()
