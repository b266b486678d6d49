# SPDX-License-Identifier: ISC
"""Lies: of name servers outside, and of an smtpd-out about its deliveries."""
import os
import socket
import struct
import sys

from lab import dnswire
from lab.flows import USER, send_out
from lab.gateway import CONF, Gateway, conf
from lab.inside import PROJECT
from lab.proc import wait_until
from lab.world import GW_INT, HOST_A, INSIDE_DNS
from test_hostile import prepare

sys.path.insert(0, os.path.join(PROJECT, 'regress', 'hostile'))

import chan_stage  # noqa: E402
import chan_table  # noqa: E402
import policy_words as words  # noqa: E402

# --- a name server that points inside

AT_ONCE = 15  # addresses in one answer over UDP


def groups():
    """Inside addresses in every form, as so many domains answer them."""
    every = sorted(set(words.inside_forms()))
    v6 = [a for a in every if ':' in a]
    v6 += ['::ffff:' + a for a in words.INSIDE_V4]
    v4 = [a for a in every if ':' not in a]
    out = [(v4[n:n + AT_ONCE], []) for n in range(0, len(v4), AT_ONCE)]
    return out + [([], v6[n:n + AT_ONCE])
                  for n in range(0, len(v6), AT_ONCE)]


def liar(found):
    def answer(query):
        name, records = query.name.lower(), []
        where = name.rpartition('mx.')[2].partition('.')[0]
        if name.endswith('.lie.test') and where.startswith('g'):
            v4, v6 = found[int(where[1:])]
            if query.kind == 'MX' and not name.startswith('mx.'):
                records = [(name, 'MX', 60, '10 mx.' + name)]
            elif query.kind == 'A' and name.startswith('mx.'):
                records = [(name, 'A', 60, a) for a in v4]
            elif query.kind == 'AAAA' and name.startswith('mx.'):
                records = [(name, 'AAAA', 60, a) for a in v6]
        return [dnswire.reply(query, records)]
    return answer


def test_a_name_server_points_inside(world):
    """dnsd-ext drops them, and connd refuses those that it cannot know: the
    gateway's own.  The mail comes back with the reason; nobody is called."""
    found = groups()
    assert sum(len(a) + len(b) for a, b in found) > 130
    with world.dns.trouble(liar(found)) as rogues, \
            Gateway(world, conf()) as gw:
        mark, token = gw.mark(), world.token()
        outside, inside = world.ext.mark(), world.int.mark()
        for n in range(len(found)):
            send_out(world, token, 'u@g%d.lie.test' % n)
        for n, (v4, _) in enumerate(found):
            to = 'u@g%d.lie.test' % n
            line, = gw.wait_log(30, mark, event='delivery', to=to)
            assert line['status'] == 'bounced', line.text
            assert (line['relay'], line['reason']) in (
                ('none', 'dns-nodata'), ('none', 'policy-address'),
                ('none', 'mx-loop')), line.text
            asked = {q for r in rogues for q in r.questions}
            assert ('mx.g%d.lie.test' % n, 'A' if v4 else 'AAAA') in asked
        gw.wait_log(20, mark, event='dns-dropped', proc='dnsd-ext')
        gw.wait_log(20, mark, event='dial-denied', proc='connd/ext')
        denied = gw.log(mark, event='dial-denied', proc='connd/ext')
        assert denied and {d['why'] for d in denied} == {'own'}
        assert not gw.log(mark, event='violation')
        # the notices are all that goes anywhere
        gw.wait_empty()
        assert not world.ext.since(outside, lambda p: p.opens and p.dport == 25)
        called = {p.dst for p in world.int.since(
            inside, lambda p: p.opens and p.src == GW_INT)}
        assert called <= {HOST_A, INSIDE_DNS}, called
        assert len(world.hosts['a'].wait_mail(token, USER, 30)) <= len(found)
    chan_table.check_policy(
        'a name server outside', 'dnsd-ext: inside, special-use and own '
        'addresses', 'dropped; the own ones denied at connect',
        'common/dns/policy.c; connd/dial.c is_local()')


# --- smtpd-out says what is not so

QO_OPEN, QO_JOB = 0x801, 0x802
QO_READY, QO_RESULT, QO_GONE = 0x881, 0x882, 0x883
DELIVERED, FAILED, DEFERRED = 1, 2, 3
TEXT_MAX = 400  # of common/msg/addr.h
WORD = b'\x00\x00'
RELAY = WORD + b'\0' * 19 + WORD  # nobody


def outcome(status, rcpt=0, text=b''):
    enh = b'%d.0.0' % {DELIVERED: 2, FAILED: 5, DEFERRED: 4}[status]
    return struct.pack('>HBBHH', rcpt, status, 1, 0, len(enh)) + enh + \
        struct.pack('>H', len(text)) + text


def result(msgid, status, **kw):
    return struct.pack('>QBBIH', msgid, 0, 0, 1, 1) + RELAY + \
        outcome(status, **kw)


def gone(status):
    """The end of a session that was ready."""
    return b'\1' + RELAY + outcome(status)[2:]


class Worker:
    """The place of an smtpd-out: it keeps what it was given.  To hosts of
    the domain `slow` it is connecting all the while."""

    def __init__(self, stage, name, slow=b'nobody.test'):
        self.stage, self.name, self.jobs = stage, name, {}
        self.opened, self.slow, self.waiting = [], slow, []

    def read(self):
        chan = self.stage.channels[self.name]
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(chan, chan_stage.MSG_MAX, 4)
            except BlockingIOError:
                return
            for fd in fds:
                os.close(fd)
            if not data:
                return
            type_, _, ident = chan_stage.HEADER.unpack_from(data)
            if type_ == QO_OPEN and self.slow in data:
                self.waiting.append(ident)
            elif type_ == QO_OPEN:
                self.opened.append(ident)
                self.say(QO_READY, ident, RELAY)
            elif type_ == QO_JOB:
                self.jobs[ident] = data[chan_stage.HEADER.size:]

    def say(self, type_, ident, payload):
        self.stage.send_raw(self.name, type_, ident, payload)

    def msgid(self, ident):
        return struct.unpack_from('>Q', self.jobs[ident])[0]

    def finish(self, ident, payload):
        """What became of a job, and that the session is over."""
        del self.jobs[ident]
        self.say(QO_RESULT, ident, payload)
        self.say(QO_GONE, ident, gone(DEFERRED))

    def wait(self, n):
        """So many jobs in hand: msgid -> (session, job)."""
        def enough():
            self.read()
            return len(self.jobs) >= n
        wait_until('%d jobs' % n, enough)
        return {struct.unpack_from('>Q', j)[0]: (s, j)
                for s, j in self.jobs.items()}

    def lie(self, ident, payload, type_=QO_RESULT):
        """Say it, and be found out; then another channel, as replaced."""
        stage, before = self.stage, len(self.stage.violations)
        self.say(type_, ident, payload)
        stage.wait(lambda: len(stage.violations) > before, 'a violation')
        assert stage.violations[before:] == [
            ('content',) + stage.peers[self.name][1:]], stage.violations
        self.jobs.clear()
        self.waiting.clear()
        stage.channel(self.name)


class LyingStage(chan_stage.Stage):
    def send_raw(self, name, type_, ident, payload):
        self.channels[name].send(chan_stage.message(type_, ident, payload))


def submitted(stage, domains):
    """Mail from an inside host to each; their ids."""
    _, samples = chan_stage.contracts()
    local = next(s.payload for s in samples if s.type == words.IQ_COMMIT and
                 s.fd == 'none' and s.sender == 'smtpd-in/ext')
    chan = stage.channels['smtpd-in/int.0']
    for n, domain in enumerate(domains):
        assert len(domain) == len('example.com')
        stage.send(chan, chan_stage.message(words.IQ_COMMIT, n, local.replace(
            b'alice@example.com', b'alice@' + domain.encode()).replace(
                b'\x04\xc0\x00\x02\x01', b'\x04\x0a\x00\x00\x0a')))
    said = []

    def all_said():
        said.extend(a for a in words.answers(stage, chan, 1)
                    if a[0] == words.IQ_DONE)
        return len(said) >= len(domains)
    wait_until('verdicts', all_said)
    assert [words.VERDICTS[a[2][0]] for a in said] == \
        ['accepted'] * len(domains), said
    return [struct.unpack('>Q', a[2][2:])[0] for a in
            sorted(said, key=lambda a: a[1])]


def lies(mine, session, other, status):
    """(session, result) about what it does not hold: in a session of its own
    the message of another, ids that nobody has, a recipient too many;
    sessions that are not."""
    return ((session, result(other, status)),
            (session, result(mine ^ 0xffff, status)),
            (session, result(0, status)),
            (session, result(mine, status, rcpt=1)),
            (session ^ 0x7fff, result(mine, status)),
            (0xffffffff, result(other, status)))


def test_false_deliveries(world):
    """Of mail that it does not hold nothing is believed: it is handed out
    again, whole.  What it holds is lost by its word, and nothing else."""
    prepare('retry { 1s }\n')
    with LyingStage('queued', CONF) as stage:
        stage.start()
        worker = Worker(stage, 'smtpd-out/ext.0')
        for n in range(6):
            submitted(stage, ['foreign.com', 'another.com'])
            held = worker.wait(2)
            (mine, (session, _)), (other, _) = held.items()
            status = (DELIVERED, FAILED, DEFERRED)[n % 3]
            worker.lie(*lies(mine, session, other, status)[n])
            # a message at a time now, for each might be what killed it
            again = {}
            while len(again) < 2:
                (msgid, (at, job)), = worker.wait(1).items()
                assert job == held[msgid][1]
                again[msgid] = job
                worker.jobs.clear()
                worker.say(QO_RESULT, at, result(msgid, DELIVERED))
            assert set(again) == {mine, other}
        # the truth is not known here: gone by its word
        before = len(stage.violations)
        submitted(stage, ['foreign.com', 'another.com'])
        (mine, (at, _)), (other, (there, _)) = worker.wait(2).items()
        worker.jobs.clear()
        worker.say(QO_RESULT, at, result(mine, DELIVERED))
        worker.say(QO_RESULT, there, result(
            other, FAILED, text=b'x' * TEXT_MAX))
        # and the refusal makes one notice of bounded size, to the sender
        (notice, (at, job)), = worker.wait(1).items()
        assert notice not in (mine, other)
        assert b'a@sender.test' in job and len(job) < 16384, len(job)
        worker.jobs.clear()
        worker.say(QO_RESULT, at, result(notice, FAILED))
        stage.ping()
        assert len(stage.violations) == before
        # of which comes no other
        submitted(stage, ['foreign.com'])
        (_, (_, job)), = worker.wait(1).items()
        assert b'alice@foreign.com' in job
    chan_table.check_policy(
        'smtpd-out/ext', 'queued: delivered, refused or later for mail that '
        'it does not hold', 'replaced; the mail is handed out again',
        'queued/queue_result.c check_outcomes()')
    chan_table.check_policy(
        'smtpd-out/ext', 'queued: delivered or refused for mail that it holds',
        'believed: lost, or one bounded notice to the sender', 'none')


# --- two of them, one of which is owned

def of_another(mine, other, elsewhere, status):
    """[(session of, or None; type, payload)]: what an owned worker can say of
    the mail of another.  mine, other: (msgid, session); the last of each list
    is found out."""
    (own, at), (msgid, there) = mine, other
    return (
        [(at, QO_RESULT, result(msgid, status))],
        [(there, QO_RESULT, result(msgid, status))],
        [(there, QO_RESULT, result(own, status))],
        [(there, QO_GONE, gone(status))],
        [(there, QO_READY, RELAY)],
        [(at, QO_RESULT, result(elsewhere, status))],
        [(there, QO_RESULT, result(elsewhere, status))],
        [(at, QO_RESULT, result(own, DELIVERED)),
         (at, QO_RESULT, result(own, status))],
        [(at, QO_RESULT, result(own, DELIVERED)),
         (at, QO_RESULT, result(msgid, status))])


def handed_out(workers, n):
    """So many jobs in hand, of both: msgid -> (worker, session, job)."""
    def enough():
        for w in workers:
            w.read()
        return sum(len(w.jobs) for w in workers) >= n
    wait_until('%d jobs' % n, enough)
    return {struct.unpack_from('>Q', job)[0]: (w, at, job)
            for w in workers for at, job in w.jobs.items()}


def delivered_again(workers, want):
    """Each of these is handed out again, whole, to whom it may be, and
    nothing else is; it is delivered then."""
    seen = {}
    while len(seen) < len(want):
        for msgid, (w, at, job) in handed_out(workers, 1).items():
            assert msgid not in seen, 'handed out twice'
            seen[msgid] = job
            w.finish(at, result(msgid, DELIVERED))
    assert seen == want


def one_each(stage, workers):
    """Each worker has one job, of new mail: (msgid, session, job) each."""
    submitted(stage, ['foreign.com', 'another.com', 'thirdly.com'])
    handed_out(workers, 3)
    for w in workers:
        assert w.jobs, w.name
        for at in list(w.jobs)[1:]:
            w.finish(at, result(w.msgid(at), DELIVERED))
    stage.ping()
    return [(w.msgid(at), at, job) for w in workers
            for at, job in w.jobs.items()]


def test_false_deliveries_of_another(world):
    """What one says of mail that another holds, or nobody, is believed in
    nothing: what the other says counts, and no mail is lost."""
    prepare('retry { 1s }\n')
    with LyingStage('queued', CONF) as stage:
        stage.start()
        stage.channel('smtpd-out/ext.1')
        fair, owned = workers = [
            Worker(stage, 'smtpd-out/ext.%d' % n, b'waiting.com')
            for n in range(2)]
        elsewhere, = submitted(stage, ['waiting.com'])
        cases = len(of_another((0, 0), (0, 0), 0, FAILED))
        for n in range(cases):
            (other, there, kept), (mine, at, job) = one_each(stage, workers)
            # the contrary of what the other will say
            lie, truth = ((FAILED, DELIVERED), (DELIVERED, DEFERRED))[n % 2]
            *said, last = of_another((mine, at), (other, there), elsewhere,
                                     lie)[n]
            for session, type_, payload in said:
                owned.say(type_, session, payload)
            owned.lie(last[0], last[2], last[1])
            again = {} if said else {mine: job}
            # the other is asked by nobody to do it again, nor told to stop
            fair.read()
            assert list(fair.jobs) == [there], n
            fair.finish(there, result(other, truth))
            if truth == DEFERRED:
                again[other] = kept
            delivered_again(workers, again)
        # no notice was made, and what waited is whole
        for w in workers:
            w.read()
            assert not w.jobs
            for session in w.waiting:
                w.say(QO_READY, session, RELAY)
        (msgid, (w, at, job)), = handed_out(workers, 1).items()
        assert msgid == elsewhere and b'alice@waiting.com' in job
        w.say(QO_RESULT, at, result(msgid, DELIVERED))
        stage.ping()
        assert len(stage.violations) == cases
    chan_table.check_policy(
        'smtpd-out/ext', 'queued: delivered, refused, later or gone for mail '
        'and sessions of another smtpd-out, for mail in the queue, twice the '
        'same', 'replaced; what the other says counts, nothing is lost',
        'queued/session.c session_find(), queue_result.c check_outcomes()')
