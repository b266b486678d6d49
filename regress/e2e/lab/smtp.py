# SPDX-License-Identifier: ISC
"""A scriptable SMTP server and a raw SMTP client.

Both are strict: lines end with CRLF, data with CRLF.CRLF, and the client
checks the form of each reply (RFC 5321 section 4.2).
"""
import contextlib
import re
import socket
import ssl
import struct
import threading
import time

from .proc import Lines, Timeout

EXTENSIONS = ('PIPELINING', 'SIZE 60000000', '8BITMIME',
              'ENHANCEDSTATUSCODES')
DROP = 'DROP'
RESET = 'RESET'


class Message:
    """One accepted message."""

    def __init__(self, session):
        self.helo, self.client = session.helo, session.client
        self.server = session.server
        self.session = session
        self.mail, self.rcpts, self.params = None, [], ''
        self.data, self.time = b'', 0.0

    @property
    def headers(self):
        return self.data.partition(b'\r\n\r\n')[0]

    @property
    def received(self):
        """Received fields, newest first, unfolded."""
        text = re.sub(rb'\r\n[ \t]+', b' ', self.headers)
        return [line.decode('latin-1') for line in text.split(b'\r\n')
                if line.lower().startswith(b'received:')]

    def story(self):
        """When and how it came."""
        s = self.session
        return 'at %.3f on a session from %.3f that %s with %s in hand' % (
            self.time, s.opened, 'goes on' if s.ended is None else
            'ended (%s)' % s.ended, 'it' if s.in_hand is self else 'another')

    def __str__(self):
        return '<%s> -> %s from %s, %d bytes' % (
            self.mail, self.rcpts, self.client, len(self.data))


class Behaviour:
    """What a Sink answers.

    replies: stage ('connect', 'ehlo', 'helo', 'mail', 'rcpt', 'data',
    'eod', 'quit') to a reply line, DROP (close), RESET (close with RST), a
    list of these for consecutive uses (the last one repeats), or a function
    of (session, argument) that returns one of these or None for the
    default.
    delays: stage to seconds to wait before the answer.
    tls: an SSLContext; STARTTLS is offered, and under TLS secure_extensions.
    """

    def __init__(self, extensions=EXTENSIONS, replies=None, delays=None,
                 tls=None, secure_extensions=None):
        self.extensions = tuple(extensions)
        self.secure_extensions = tuple(extensions if secure_extensions is None
                                       else secure_extensions)
        self.tls = tls
        self.replies = dict(replies or {})
        self.delays = dict(delays or {})
        self._used = {}
        self._lock = threading.Lock()

    def reply(self, stage, session, argument):
        answer = self.replies.get(stage)
        if isinstance(answer, (list, tuple)):
            with self._lock:
                n = self._used.get(stage, 0)
                self._used[stage] = n + 1
            answer = answer[min(n, len(answer) - 1)]
        if callable(answer):
            answer = answer(session, argument)
        return answer


class Hangup(Exception):
    """The script says: close this connection."""


class Session:
    """One connection to a Sink."""

    def __init__(self, sink, s, client):
        self.sink, self.s, self.client = sink, s, client[0]
        self.server = s.getsockname()[0]
        self.helo, self.commands = None, []
        self.message, self.count = None, 0
        self.buf = b''
        self.opened, self.ended = time.monotonic(), None
        self.in_hand = None
        self.secure = None  # the version, once under TLS

    def run(self):
        try:
            self.answer('connect', '', '220 %s ESMTP' % self.sink.hostname)
            while self.ended is None:
                self.command(self.line())
        except (Hangup, OSError) as e:
            self.ended = self.ended or ('hangup' if isinstance(e, Hangup)
                                        else 'dropped')
        finally:
            with contextlib.suppress(OSError):
                self.s.close()

    def fill(self):
        data = self.s.recv(262144)
        if not data:
            raise ConnectionError('closed by the client')
        self.buf += data

    def line(self):
        while b'\r\n' not in self.buf:
            self.fill()
            if len(self.buf) > 65536 and b'\r\n' not in self.buf:
                raise Hangup
        line, self.buf = self.buf.split(b'\r\n', 1)
        return line.decode('latin-1')

    def answer(self, stage, argument, default):
        """Send the scripted reply or the default; True if positive."""
        behaviour = self.sink.behaviour
        delay = behaviour.delays.get(stage)
        if delay:
            self.sink.over.wait(delay)
        text = behaviour.reply(stage, self, argument) or default
        if text == RESET:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack('ii', 1, 0))
        if text in (DROP, RESET):
            raise Hangup
        self.s.sendall(text.encode('latin-1') + b'\r\n')
        return text[0] in '23'

    def command(self, line):
        verb = line.split(' ', 1)[0].split(':', 1)[0].upper()
        self.commands.append(line)
        handler = getattr(self, 'do_' + verb.lower(), None)
        if handler:
            handler(line)
        else:
            self.answer(verb.lower(), line, '502 5.5.2 not here')

    def do_ehlo(self, line):
        self.helo, self.message = line[5:].strip(), None
        how = self.sink.behaviour
        words = (self.sink.hostname,) + (
            how.secure_extensions if self.secure else how.extensions)
        if how.tls and not self.secure:
            words += ('STARTTLS',)
        self.answer('ehlo', line, '\r\n'.join(
            '250%s%s' % (' ' if n == len(words) - 1 else '-', w)
            for n, w in enumerate(words)))

    def do_helo(self, line):
        self.helo, self.message = line[5:].strip(), None
        self.answer('helo', line, '250 ' + self.sink.hostname)

    def do_starttls(self, line):
        context = self.sink.behaviour.tls
        if context is None or self.secure:
            self.answer('starttls', line, '502 5.5.2 not here')
        elif self.answer('starttls', line, '220 2.0.0 go'):
            self.s = context.wrap_socket(self.s, server_side=True)
            self.secure = self.s.version()
            self.buf, self.message, self.helo = b'', None, None

    def do_mail(self, line):
        self.message = None
        if self.answer('mail', line, '250 2.1.0 ok'):
            m = re.match(r'(?i)MAIL FROM:\s*<(.*?)>(.*)$', line)
            self.message = Message(self)
            self.message.mail = m[1] if m else None
            self.message.params = m[2].strip() if m else ''

    def do_rcpt(self, line):
        if self.message is None:
            return self.answer('sequence', line, '503 5.5.1 MAIL first')
        m = re.match(r'(?i)RCPT TO:\s*<(.*?)>', line)
        if self.answer('rcpt', line, '250 2.1.5 ok'):
            self.message.rcpts.append(m[1] if m else line)
        return None

    def do_data(self, line):
        if self.message is None or not self.message.rcpts:
            return self.answer('sequence', line, '503 5.5.1 RCPT first')
        if not self.answer('data', line, '354 go'):
            return None
        raw = self.body()
        message, self.message = self.message, None
        message.data = re.sub(rb'(^|\r\n)\.', rb'\1', raw)
        self.in_hand = message
        if self.sink.store_before_reply:
            self.store(message)
        if self.answer('eod', message, '250 2.0.0 ok') and \
                not self.sink.store_before_reply:
            self.store(message)
        return None

    def store(self, message):
        message.time = time.monotonic()
        self.count += 1
        self.sink.messages.add(message)

    def body(self):
        """Up to and with the CRLF before the final dot."""
        got, at = bytearray(b'\r\n' + self.buf), 0
        while (end := got.find(b'\r\n.\r\n', at)) < 0:
            at = max(0, len(got) - 4)
            data = self.s.recv(1 << 20)
            if not data:
                raise ConnectionError('closed in data')
            got += data
        self.buf = bytes(got[end + 5:])
        return bytes(got[2:end + 2])

    def do_rset(self, line):
        self.message = None
        self.answer('rset', line, '250 2.0.0 ok')

    def do_noop(self, line):
        self.answer('noop', line, '250 2.0.0 ok')

    def do_quit(self, line):
        self.answer('quit', line, '221 2.0.0 bye')
        self.ended = 'quit'


class Sink:
    """An SMTP server at one or more addresses of a namespace.

    messages (Lines of Message) holds what it took responsibility for:
    answered with a positive reply, or, when store_before_reply is set,
    read whole and about to be answered.
    """

    def __init__(self, ns, *addresses, port=25, hostname='sink.test',
                 behaviour=None, store_before_reply=False):
        self.ns, self.addresses, self.port = ns, addresses, port
        self.hostname = hostname
        self.behaviour = behaviour or Behaviour()
        self.store_before_reply = store_before_reply
        self.messages = Lines()
        self.sessions = []
        self.over = threading.Event()
        self.listeners = []
        self.open()

    def open(self):
        self.listeners = [self.ns.listen(a, self.port)
                          for a in self.addresses]
        for s in self.listeners:
            threading.Thread(target=self._accept, args=(s,),
                             daemon=True).start()

    def shut(self):
        """Stop listening: connections are refused until open()."""
        for s in self.listeners:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        self.listeners = []

    def close(self):
        self.over.set()
        self.shut()
        for session in list(self.sessions):
            with contextlib.suppress(OSError):
                session.s.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self, listener):
        while True:
            try:
                s, client = listener.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(600)
            session = Session(self, s, client)
            self.sessions.append(session)
            threading.Thread(target=session.run, daemon=True).start()

    def find(self, token):
        token = token.encode() if isinstance(token, str) else token
        return [m for m in self.messages.since() if token in m.data]

    def wait(self, token, timeout=30, count=1):
        """Messages that hold token, once there are `count` of them."""
        raw = token.encode() if isinstance(token, str) else token
        return self.messages.wait(
            'mail %r at %s' % (token, self.addresses),
            lambda m: raw in m.data, timeout, count=count)


class Reply:
    """One SMTP reply."""

    def __init__(self, code, lines):
        self.code, self.lines = code, lines

    @property
    def text(self):
        return ' / '.join(self.lines)

    @property
    def enhanced(self):
        """The status code of RFC 3463, or ''."""
        m = re.match(r'([245]\.\d{1,3}\.\d{1,3})(\s|$)', self.lines[-1])
        return m[1] if m else ''

    def __str__(self):
        return '%d %s' % (self.code, self.text)

    __repr__ = __str__


class Closed(ConnectionError):
    """The server closed the connection."""


class Client:
    """A raw SMTP client: send bytes, read replies."""

    def __init__(self, ns, address, port=25, source=None, timeout=30,
                 greet=True):
        self.s = ns.connect(address, port, source, timeout)
        self.buf = b''
        self.greeting = self.reply() if greet else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.s.close()

    def send(self, data):
        if isinstance(data, str):
            data = data.encode('utf-8')
        try:
            self.s.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Closed(str(e)) from None

    def reply(self):
        lines = []
        while True:
            line = self._line()
            m = re.fullmatch(r'([2-5]\d\d)(?:([ -])(.*))?', line)
            assert m, 'not a reply line: %r' % line
            lines.append(m[3] or '')
            if m[2] != '-':
                return Reply(int(m[1]), lines)

    def _line(self):
        while b'\r\n' not in self.buf:
            try:
                data = self.s.recv(65536)
            except ConnectionResetError as e:
                raise Closed(str(e)) from None
            except socket.timeout:
                raise Timeout('no reply, got %r' % self.buf) from None
            if not data:
                raise Closed('closed by the server')
            self.buf += data
        line, self.buf = self.buf.split(b'\r\n', 1)
        return line.decode('utf-8', 'replace')

    def cmd(self, line):
        self.send(line + '\r\n' if isinstance(line, str) else line + b'\r\n')
        return self.reply()

    def expect(self, code, line):
        """cmd() whose reply must begin with this code or class."""
        reply = self.cmd(line)
        assert str(reply.code).startswith(str(code)), '%s: %s' % (line, reply)
        return reply

    def ehlo(self, name='client.test'):
        reply = self.expect(250, 'EHLO ' + name)
        return [line.upper() for line in reply.lines[1:]]

    def starttls(self, context=None, name='gw.example.com', session=None):
        """STARTTLS and its handshake; the ssl.SSLSocket."""
        self.expect(220, 'STARTTLS')
        assert not self.buf
        self.s = (context or unverified()).wrap_socket(
            self.s, server_hostname=name, session=session)
        return self.s

    def envelope(self, sender, *rcpts):
        """MAIL and RCPTs; the replies to the RCPTs."""
        self.expect(250, 'MAIL FROM:<%s>' % sender)
        return [self.cmd('RCPT TO:<%s>' % r) for r in rcpts]

    def data(self, body):
        """DATA with dot-stuffing; the reply to the final dot."""
        self.expect(354, 'DATA')
        self.send(stuff(body) + b'.\r\n')
        return self.reply()

    def quit(self):
        reply = self.expect(221, 'QUIT')
        self.close()
        return reply


def unverified():
    """A TLS client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def stuff(body):
    body = body.encode('utf-8') if isinstance(body, str) else body
    body = re.sub(rb'(^|\r\n)\.', rb'\1..', body)
    return body if body.endswith(b'\r\n') or not body else body + b'\r\n'


def mail_text(token, sender='a@sender.test', to='b@dest.test', body='hello'):
    """A small message with a token in its subject."""
    return ('From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n'
            'Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n'
            'Message-ID: <%s@lab.test>\r\n\r\n%s\r\n'
            % (sender, to, token, token, body))


def send_mail(ns, address, sender, rcpts, body, source=None, port=25,
              helo='client.test'):
    """One message in one session; the reply to the final dot."""
    rcpts = [rcpts] if isinstance(rcpts, str) else rcpts
    with Client(ns, address, port, source) as c:
        assert c.greeting.code == 220, c.greeting
        c.ehlo(helo)
        for reply in c.envelope(sender, *rcpts):
            assert reply.code == 250, reply
        reply = c.data(body)
        assert reply.code == 250, reply
        c.quit()
        return reply


def refused(ns, address, port=25, source=None, timeout=3):
    """How a connection attempt fails, or None when it succeeds."""
    with ns.socket(address) as s:
        s.settimeout(timeout)
        try:
            if source:
                s.bind((source, 0))
            s.connect((address, port))
        except OSError as e:
            return e
    return None
