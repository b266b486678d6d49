# SPDX-License-Identifier: ISC
"""Many messages over many connections, and the ledger of them.

Each message carries an X-Ledger field.  The sender records what was
acknowledged and what it had to send again because a connection died before
the answer; the ledger compares that with what arrived.
"""
import collections
import re
import threading
import time

from .smtp import Client, Closed

LEDGER = re.compile(rb'^X-Ledger: (\S+)', re.M)


def ledger_id(data):
    m = LEDGER.search(data)
    return m[1].decode() if m else None


def reset(client):
    reply = client.cmd('RSET')
    if reply.code != 250:
        raise Closed(str(reply))


class Load:
    """Sends `count` messages to one server from `connections` threads.

    acked: id -> time of acknowledgement; numbers: id -> the queue's number
    for it; again: ids sent more than once because the connection was lost
    between data and reply; later: ids that were answered 4xx and tried again,
    unsure: those where that was the answer to the message itself; soft: how
    often which 4xx was the answer; refused: (id, reply) of 5xx.
    """

    def __init__(self, ns, address, sender, rcpt, count, connections=20,
                 size=4096, port=25, source=None, prefix='m', per_session=50,
                 deadline=240):
        self.ns, self.address, self.port = ns, address, port
        self.source, self.sender, self.rcpt = source, sender, rcpt
        self.per_session, self.deadline = per_session, deadline
        self.todo = collections.deque('%s%06d' % (prefix, n)
                                      for n in range(count))
        self.count, self.acked, self.latency = count, {}, []
        self.again, self.later, self.refused = set(), set(), []
        self.unsure, self.soft = set(), collections.Counter()
        self.numbers = {}
        self.body = b'x' * 70 + b'\r\n'
        self.lines = max(1, (size - 250) // 72)
        self.over = threading.Event()
        self.progress = threading.Condition()
        self.threads = [threading.Thread(target=self._work, daemon=True)
                        for _ in range(connections)]
        self.end = 0.0

    def start(self):
        self.end = time.monotonic() + self.deadline
        for t in self.threads:
            t.start()
        return self

    def join(self):
        """Wait for the end; fails unless everything was acknowledged."""
        for t in self.threads:
            t.join(max(0.1, self.end - time.monotonic()))
        self.over.set()
        assert not self.refused, self.refused[:5]
        assert len(self.acked) == self.count, '%d of %d acknowledged' % (
            len(self.acked), self.count)
        return self

    def wait_acked(self, count):
        with self.progress:
            ok = self.progress.wait_for(
                lambda: len(self.acked) >= count or self.over.is_set(),
                max(0.1, self.end - time.monotonic()))
        assert ok, '%d of %d acknowledged' % (len(self.acked), count)

    def message(self, ident):
        return (b'From: <%s>\r\nTo: <%s>\r\nSubject: load\r\n'
                b'Message-ID: <%s@lab.test>\r\nX-Ledger: %s\r\n\r\n' % (
                    self.sender.encode(), self.rcpt.encode(), ident.encode(),
                    ident.encode()) + self.body * self.lines)

    def _next(self):
        if self.over.is_set() or time.monotonic() > self.end:
            return None
        try:
            return self.todo.popleft()
        except IndexError:
            return None

    def _work(self):
        ident = self._next()
        while ident:
            client = None
            try:
                client = Client(self.ns, self.address, self.port,
                                self.source)
                if client.greeting.code != 220:
                    raise Closed(str(client.greeting))
                client.ehlo()
                self.todo.appendleft(ident)
                ident = None
                self._session(client)
            except OSError:
                self.over.wait(0.05)
                if time.monotonic() > self.end:
                    return
            finally:
                if client:
                    client.close()
            if ident is None:
                ident = self._next()

    def _session(self, client):
        """Send what is to be sent; what is not settled goes back."""
        for _ in range(self.per_session):
            ident = self._next()
            if ident is None:
                break
            try:
                self._transaction(client, ident)
            except OSError:
                self.todo.appendleft(ident)
                raise
        client.send('QUIT\r\n')

    def _transaction(self, client, ident):
        start = time.monotonic()
        client.send('MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n'
                    % (self.sender, self.rcpt))
        replies = [client.reply() for _ in range(3)]
        bad = next((r for r in replies if r.code >= 400), None)
        if bad is None:
            bad = self._body(client, ident)
        elif replies[2].code == 354:
            client.send('.\r\n')
            client.reply()
        if bad is None:
            with self.progress:
                self.latency.append(time.monotonic() - start)
                self.acked[ident] = time.monotonic()
                self.progress.notify_all()
        elif bad.code < 500:
            self.later.add(ident)
            self.soft[bad.code] += 1
            reset(client)  # if that fails, the caller takes it back
            self.todo.append(ident)
            self.over.wait(0.05)
        else:
            self.refused.append((ident, str(bad)))
            reset(client)

    def _body(self, client, ident):
        """The message itself; None when taken, else the reply."""
        try:
            client.send(self.message(ident) + b'.\r\n')
            reply = client.reply()
        except OSError:
            self.again.add(ident)
            raise
        if reply.code == 250:
            self.numbers[ident] = reply.text.split()[-1]
            return None
        self.unsure.add(ident)
        return reply


class Ledger:
    """What a Load got acknowledged against what Sinks received."""

    def __init__(self, load, *sinks):
        self.load, self.sinks = load, sinks

    def copies(self):
        """id -> the messages that arrived under it."""
        copies = collections.defaultdict(list)
        for sink in self.sinks:
            for m in sink.messages.since():
                ident = ledger_id(m.data)
                if ident:
                    copies[ident].append(m)
        return copies

    def wait(self, timeout=120):
        """Until every acknowledged message arrived, or time is up."""
        end = time.monotonic() + timeout
        missing = self.missing()
        while missing and time.monotonic() < end:
            sink = self.sinks[0].messages
            with sink.changed:
                sink.changed.wait(min(1.0, end - time.monotonic()))
            missing = self.missing()
        return self

    def missing(self):
        return sorted(set(self.load.acked) - set(self.copies()))

    def unaccounted(self, rows):
        """Acknowledged, not arrived, and not in these rows of the queue."""
        queued = {row['id'] for row in rows}
        return [ident for ident in self.missing()
                if self.load.numbers[ident] not in queued]

    def doubles(self):
        """ids that arrived more than once."""
        return {i: m for i, m in self.copies().items() if len(m) > 1}

    def check(self):
        """Nothing lost, nothing strange, whole bodies, nothing doubled."""
        self.check_lost()
        doubles = self.doubles()
        assert not doubles, '%d messages doubled: %s' % (
            len(doubles), sorted(doubles)[:10])

    def check_lost(self):
        missing = self.missing()
        assert not missing, '%d acknowledged messages lost: %s' % (
            len(missing), missing[:10])
        for ident, copies in self.copies().items():
            want = self.load.message(ident).partition(b'\r\n\r\n')[2]
            for m in copies:
                got = m.data.partition(b'\r\n\r\n')[2]
                assert got == want, 'the body of %s changed' % ident

    def check_doubles_in_hand(self, deaths=()):
        """Doubled only where a connection was lost with it in hand.

        Or where the queue died, at one of these times: what it had taken
        but could not say so any more, and what it had handed out to a
        connection from before that, and another one after it had again.
        """
        for ident, copies in self.doubles().items():
            cut = [m for m in copies if m.session.ended not in
                   (None, 'quit') and m.session.in_hand is m]
            spare = len(copies) - 1
            died = [t for t in deaths if copies[0].session.opened < t <
                    copies[-1].session.opened]
            excused = ident in self.load.again or died or (
                deaths and ident in self.load.unsure)
            assert len(cut) >= spare or excused, \
                '%s arrived %d times though nothing was cut: %s; %s' % (
                    ident, len(copies), [m.story() for m in copies], deaths)


def percentile(values, share):
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
