# SPDX-License-Identifier: ISC
"""What a rude client meets: who speaks first, comes too often, makes nothing
but errors, or dribbles.  A limit of time has a least time, which no load of the
machine can make shorter."""
import time

from lab.flows import USER, outside, send_in
from lab.gateway import Gateway, conf
from lab.proc import wait_until
from lab.smtp import Client, Closed
from lab.world import GW_EXT, MX


def counter(gw, name):
    """All processes together."""
    return sum(row.get(name, 0) for row in gw.json('stats'))


def wait_counter(gw, name, value):
    wait_until('%s to be %d' % (name, value),
               lambda: counter(gw, name) == value)


def is_closed(client):
    try:
        client.reply()
    except Closed:
        return True
    return False


def test_who_speaks_before_the_greeting(world):
    """RFC 5321 3.1, 4.3.1; who waits is greeted, and not before."""
    with Gateway(world, conf(top='limit greeting-delay 3s\n')) as gw:
        start = time.monotonic()
        with Client(world.inet, GW_EXT, greet=False) as rude:
            rude.send('EHLO rude.test\r\n')
            assert rude.reply().code == 554
            assert is_closed(rude)
        line = gw.wait_log(event='reject')[0]
        assert line['reason'] == 'early-talker'
        assert counter(gw, 'smtp_sessions_early_total') == 1
        with Client(world.inet, GW_EXT) as polite:
            assert polite.greeting.code == 220
            assert time.monotonic() - start >= 3
            polite.ehlo()
        # the intranet does not wait
        start = time.monotonic()
        for _ in range(3):
            Client(world.intra, '10.0.0.5', source='10.0.0.10').quit()
        assert time.monotonic() - start < 9


def test_connections_in_a_minute(world):
    with Gateway(world, conf(top='limit connections-per-minute 5\n')) as gw:
        for _ in range(5):
            outside(world).quit()
        with Client(world.inet, GW_EXT) as c:
            assert c.greeting.code == 421
            assert is_closed(c)
        line = gw.wait_log(event='refuse')[0]
        assert line['reason'] == 'too-fast'
        assert line['limit'] == 'connections-per-minute'
        assert counter(gw, 'connections_refused_rate_total') == 1
        outside(world, source=MX).quit()


def test_connections_of_a_network(world):
    top = 'limit sessions-per-address 2\nlimit sessions-per-network 3\n'
    with Gateway(world, conf(top=top)) as gw:
        clients = [outside(world, source='198.51.100.%d' % n)
                   for n in (201, 202, 203)]
        with Client(world.inet, GW_EXT, source='198.51.100.204') as c:
            assert c.greeting.code == 421
        line = gw.wait_log(event='refuse')[0]
        assert line['limit'] == 'sessions-per-network'
        clients.append(outside(world))
        clients.pop(0).quit()
        wait_until('a place in the network',
                   lambda: is_let_in(world, '198.51.100.204'))
        for c in clients:
            c.close()


def is_let_in(world, source=None):
    with Client(world.inet, GW_EXT, source=source) as c:
        return c.greeting.code == 220


def test_sessions_of_errors_only(world):
    """Three of them, and the client is kept out; others are not, nor is one
    that gets an unknown recipient refused."""
    with Gateway(world, conf(top='limit bad-sessions-per-hour 3\n')) as gw:
        for _ in range(5):
            with outside(world) as c:
                c.envelope('a@sender.test', 'nobody@example.com')
                c.quit()
        for _ in range(3):
            with outside(world) as c:
                c.expect(500, 'BOGUS')
                c.quit()
        wait_counter(gw, 'smtp_sessions_bad_total', 3)
        wait_until('the client to be kept out', lambda: not is_let_in(world))
        with Client(world.inet, GW_EXT) as c:
            assert (c.greeting.code, c.greeting.enhanced) == (421, '4.7.0')
        line = gw.wait_log(event='refuse')[0]
        assert line['reason'] == 'bad-client'
        token = world.token()
        assert send_in(world, token, source=MX).code == 250
        world.hosts['a'].wait_mail(token, USER, 30)


def dribble(client, octets, pause):
    """An octet now and then until there is a reply, or none is to be sent."""
    client.s.settimeout(pause)
    for octet in octets:
        client.send(octet)
        try:
            client.buf += client.s.recv(4096)
            break
        except TimeoutError:
            pass
    client.s.settimeout(30)
    return client.reply()


def test_a_command_that_dribbles(world):
    """The time is that of the whole command, good or bad."""
    with Gateway(world, conf(top='limit command-timeout 4s\n')) as gw:
        for before in (None, 'NOOP\n'):
            with outside(world) as c:
                if before:
                    c.send(before)
                    assert c.reply().code == 500
                start = time.monotonic()
                reply = dribble(c, 'N' * 100, 1)
                assert (reply.code, reply.enhanced) == (421, '4.4.2')
                assert 3.9 < time.monotonic() - start < 60
                assert is_closed(c)
        assert counter(gw, 'smtp_sessions_timeout_total') == 2


def test_a_message_that_dribbles(world):
    """An octet a second keeps no message alive beyond a minute."""
    with Gateway(world) as gw, outside(world) as c:
        c.envelope('a@sender.test', USER)
        c.expect(354, 'DATA')
        start = time.monotonic()
        reply = dribble(c, 'x' * 300, 1)
        assert (reply.code, reply.enhanced) == (421, '4.4.2')
        assert 59 < time.monotonic() - start < 200
        assert is_closed(c)
        assert counter(gw, 'smtp_sessions_slow_total') == 1
        assert gw.wait_log(event='reject')[0]['reason'] == 'too-slow'
