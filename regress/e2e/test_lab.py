# SPDX-License-Identifier: ISC
"""The lab proves itself, without a gateway."""
import pytest

from lab import dnswire
from lab.load import Ledger, Load
from lab.smtp import (DROP, Behaviour, Client, Closed, Sink, mail_text,
                      refused, send_mail)
from lab.world import HOST_A, INSIDE_DNS, MX, OUTSIDE_DNS


def test_no_way_between_the_sides(world):
    assert refused(world.inet, HOST_A, timeout=1) is not None
    assert refused(world.intra, MX, timeout=1) is not None


def test_outside_dns_recurses(world):
    for server in OUTSIDE_DNS:
        rcode, found = dnswire.ask(world.gw, server, 'example.com', 'MX')
        assert rcode == 0 and found[0][1] == 'MX'
    rcode, _ = dnswire.ask(world.gw, OUTSIDE_DNS[0], 'none.test', 'A')
    assert rcode == dnswire.NXDOMAIN


def test_inside_dns_tells_its_own_story(world):
    _, found = dnswire.ask(world.gw, INSIDE_DNS, 'mail.corp.example.com',
                           'A')
    assert found[0][2] == bytes([10, 0, 0, 10])


def test_zones_change_while_they_are_served(world):
    name = world.domain('MX 10 mx.@', 'TXT "x"', hosts={'mx': MX})
    _, found = dnswire.ask(world.gw, OUTSIDE_DNS[0], name, 'MX')
    assert len(found) == 1


@pytest.mark.parametrize('kind,rcode', [('servfail', 2), ('refused', 5)])
def test_dns_trouble_is_made_and_mended(world, kind, rcode):
    with world.dns.trouble(kind) as rogues:
        got, _ = dnswire.ask(world.gw, OUTSIDE_DNS[0], 'dest.test', 'MX')
        assert got == rcode and ('dest.test', 'MX') in rogues[0].questions
    got, _ = dnswire.ask(world.gw, OUTSIDE_DNS[0], 'dest.test', 'MX')
    assert got == 0


def test_dns_blackhole(world):
    with world.dns.blackhole(), pytest.raises(TimeoutError):
        dnswire.ask(world.gw, OUTSIDE_DNS[0], 'dest.test', 'MX', timeout=1)
    assert dnswire.ask(world.gw, OUTSIDE_DNS[0], 'dest.test', 'MX')[0] == 0


def test_capture_sees_both_directions_and_questions(world):
    mark = world.ext.mark()
    dnswire.ask(world.gw, OUTSIDE_DNS[0], 'dest.test', 'MX')
    assert [p.out for p in world.ext.port(53, mark=mark)] == [True, False]
    assert world.ext.questions(mark) == ['dest.test']
    with Client(world.gw, MX) as c:
        c.quit()
    assert [p.dst for p in world.ext.opens(mark, out=True)] == [MX]
    assert [p.src for p in world.ext.opened(mark)] == [MX]
    assert not world.int.port(25, mark=world.int.mark())


def test_capture_reads_ipv6(world):
    mark = world.ext.mark()
    with Sink(world.inet, '2001:db8:2::99'):
        with Client(world.gw, '2001:db8:2::99') as c:
            c.quit()
    assert [p.dst for p in world.ext.opens(mark)] == ['2001:db8:2::99']


def test_postfix_to_postfix(world):
    """An inside Postfix and the Internet's, joined by a direct link."""
    token = world.token()
    inside = world.hosts['a']
    world.inet.ip('link add direct0 type veth peer name direct1 netns intra',
                  'addr add 192.0.2.1/24 dev direct0', 'link set direct0 up',
                  'route del 10.0.0.0/8 via 203.0.113.25 dev inet0',
                  'route add 10.0.0.0/8 via 192.0.2.2')
    world.intra.ip('addr add 192.0.2.2/24 dev direct1', 'link set direct1 up',
                   'route del 198.51.100.0/24 via 10.0.0.5',
                   'route add 198.51.100.0/24 via 192.0.2.1')
    try:
        world.dns.put('direct.test', 'MX 10 host.direct.test.')
        world.dns.put('host.direct.test', 'A ' + HOST_A)
        world.dns.put('example.com', 'MX 10 host.direct.test.')
        world.dns.publish()
        send_mail(world.inet, MX, 'a@sender.test', 'b@example.com',
                  mail_text(token), source='198.51.100.11')
        mail, = inside.wait_mail(token, 'b@example.com')
        assert len(mail.received) == 2
        assert 'mx.example.net' in mail.received[0]
    finally:
        world.inet.ip('link del direct0',
                      'route add 10.0.0.0/8 via 203.0.113.25 onlink '
                      'dev inet0')
        world.intra.ip('route add 198.51.100.0/24 via 10.0.0.5')
        world.dns.put('example.com', 'MX 10 gw.example.com.')
        world.dns.publish()


def test_sink_obeys(world):
    script = Behaviour(replies={'mail': ['451 4.3.0 later', '250 ok'],
                                'rcpt': lambda s, line: '550 5.1.1 no'
                                if 'bad' in line else None,
                                'eod': ['550 5.7.1 no', DROP]})
    with Sink(world.inet, '198.51.100.99', behaviour=script) as sink:
        with Client(world.inet, '198.51.100.99') as c:
            assert 'PIPELINING' in c.ehlo()
            assert c.cmd('MAIL FROM:<a@b.test>').code == 451
            bad, good = c.envelope('a@b.test', 'bad@c.test', 'good@c.test')
            assert (bad.code, bad.enhanced, good.code) == (550, '5.1.1', 250)
            assert c.data('x').code == 550
            c.envelope('a@b.test', 'good@c.test')
            with pytest.raises(Closed):
                c.data('x')
        assert sink.messages.since() == []


def test_dots_survive(world):
    body = '.\r\n..\r\n.x\r\n\r\nend'
    with Sink(world.inet, '198.51.100.98') as sink:
        send_mail(world.inet, '198.51.100.98', 'a@b.test', 'c@d.test', body)
        message, = sink.wait('end')
        assert message.data == body.encode() + b'\r\n'
        assert (message.mail, message.rcpts) == ('a@b.test', ['c@d.test'])


def test_load_and_ledger(world):
    with Sink(world.inet, '198.51.100.97') as sink:
        load = Load(world.gw, '198.51.100.97', 'a@b.test', 'c@d.test', 2000)
        load.start().join()
        Ledger(load, sink).wait().check()


def test_ledger_finds_losses_and_doubles(world):
    with Sink(world.inet, '198.51.100.96') as sink:
        load = Load(world.gw, '198.51.100.96', 'a@b.test', 'c@d.test', 40,
                    connections=1)
        load.start().join()
        ledger = Ledger(load, sink).wait()
        gone = sink.messages.items.pop(7)
        sink.messages.items.append(sink.messages.items[0])
        assert len(ledger.missing()) == 1 and len(ledger.doubles()) == 1
        with pytest.raises(AssertionError):
            ledger.check_doubles_in_hand()
        sink.messages.items.append(gone)
        ledger.check_lost()
