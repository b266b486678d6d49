# SPDX-License-Identifier: ISC
"""Limits of destinations and senders, and schedules by domain, as the
programs keep them.  What a rate allows has a least time, which no load of the
machine can make shorter; nothing else here depends on time."""
import time

from lab.dsn import Notification
from lab.flows import USER, inside, send_out
from lab.gateway import QUICK, Gateway, conf
from lab.proc import wait_until
from lab.smtp import Behaviour, Sink, mail_text, send_mail
from lab.world import GW_INT, HOST_A, HOST_B

N = 5


def another(world, **kw):
    """One more sink, with .domain to match."""
    s = Sink(world.inet, world.address(), **kw)
    s.domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
    return s


def wait_rows(gw, n):
    """What is queued, once it is so many: a sink knows before the queue."""
    def rows():
        found = gw.queue()
        return found if len(found) == n else None
    return wait_until('%d messages queued' % n, rows)


def takes_mail(world):
    with inside(world, HOST_B) as c:
        return c.cmd('MAIL FROM:<%s>' % USER).code == 250


def test_rate_of_a_destination(world, sink):
    """One a second, one at a time and two to a connection; the others are
    delivered meanwhile, and a reload lifts the limit."""
    text = conf(top=QUICK + 'limit to "%s" { connections 1, '
                'messages-per-connection 2, rate 10 per 10s }\n' % sink.domain)
    with another(world) as free, Gateway(world, text) as gw:
        token, other = world.token(), world.token()
        start = time.monotonic()
        for _ in range(N):
            send_out(world, token, 'u@' + sink.domain)
        send_out(world, other, 'u@' + free.domain)
        free.wait(other)
        assert len(sink.find(token)) < N
        mails = sink.wait(token, count=N)
        # the first at once; each of the others a second after its token's
        assert mails[-1].time - start > N - 1.1
        used = {}
        for m in mails:
            used[id(m.session)] = used.get(id(m.session), 0) + 1
        assert max(used.values()) <= 2
        # one that begins while it runs, and is lifted again
        token, mark = world.token(), gw.mark()
        to = 'v@' + free.domain
        gw.reload(conf(top=QUICK +
                       'limit to "%s" rate 1 per 1h\n' % free.domain))
        for _ in range(N):
            send_out(world, token, to)
        gw.wait_log(mark=mark, event='delivery', to=to)
        wait_rows(gw, N - 1)
        gw.reload(conf())
        free.wait(token, count=N)
        gw.wait_empty()


def test_rate_of_a_sender(world, sink):
    """HOST_A's mail is accepted and waits; HOST_B's passes it."""
    text = conf(top=QUICK + 'limit from %s rate 1 per 1h\n' % HOST_A)
    with Gateway(world, text) as gw:
        first, late = world.token(), world.token()
        send_out(world, first, 'u@' + sink.domain)
        sink.wait(first)
        send_out(world, late, 'u@' + sink.domain)
        for _ in range(N):
            token = world.token()
            send_out(world, token, 'u@' + sink.domain, source=HOST_B)
            sink.wait(token)
        assert not sink.find(late)
        row, = wait_rows(gw, 1)
        why = gw.json('queue', 'why', row['id'])
        assert 'rate' in str(why), why
        # the time that it was given outlives the process
        gw.wait_replaced('queued', gw.kill('queued'))
        wait_until('the new queued to take mail', lambda: takes_mail(world))
        token = world.token()
        send_out(world, token, 'u@' + sink.domain, source=HOST_B)
        sink.wait(token)
        assert not sink.find(late)
        gw.postern('queue', 'flush')
        sink.wait(late)
        gw.wait_empty()


def test_schedule_of_a_connector(world, sink):
    """A message to two domains: each is given up in its own time."""
    never = Behaviour(replies={'rcpt': '451 4.7.1 never yet'})
    later = Behaviour(replies={'rcpt': '451 4.7.1 not now'})
    sink.behaviour = never
    with another(world, behaviour=later) as patient:
        text = conf(connectors=(
            '"%s" via dns { retry { 1s } expire 3s warn never }' % sink.domain,
            '"*" via dns'))
        with Gateway(world, text) as gw:
            token = world.token()
            rcpts = ['u@' + sink.domain, 'v@' + patient.domain]
            send_mail(world.intra, GW_INT, USER, rcpts, mail_text(token),
                      source=HOST_A)
            mail, = world.hosts['a'].wait_mail(token, USER, 30)
            dsn = Notification(mail.raw)
            assert [len(dsn.recipients), dsn.about(rcpts[0])['action']] == \
                [1, 'failed']
            wait_rows(gw, 1)
            patient.behaviour = Behaviour()
            gw.postern('queue', 'flush')
            message, = patient.wait(token)
            assert message.rcpts == [rcpts[1]]
            gw.wait_empty()
