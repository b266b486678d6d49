# SPDX-License-Identifier: ISC
"""ACCEPTANCE B: incoming Internet mail."""
import statistics
import time

import pytest

from lab.flows import (OUTSIDER, USER, outside, send_in, send_out, try_rcpt)
from lab.gateway import Gateway, conf
from lab.load import Load, Ledger
from lab.smtp import Behaviour, Client, Closed, Sink, mail_text, refused
from lab.world import GW_EXT, HOST_A, HOST_B, INSIDE_DNS, MX

# B2: what an open relay test tries; each must be refused for relaying.
BATTERY = [
    'victim@dest.test',
    'victim%dest.test@example.com',
    'victim%dest.test@gw.example.com',
    'victim%dest.test@[203.0.113.25]',
    'victim%dest.test',
    '"victim%dest.test"',
    'dest.test!victim',
    'dest.test!victim@example.com',
    'dest.test!victim@[203.0.113.25]',
    'example.com!dest.test!victim',
    '@example.com:victim@dest.test',
    '@gw.example.com,@example.com:victim@dest.test',
    '@[203.0.113.25]:victim@dest.test',
    '"victim@dest.test"',
    '"victim@dest.test"@example.com',
    '"victim@dest.test"@[203.0.113.25]',
    'victim@dest.test@example.com',
    'victim@dest.test@[203.0.113.25]',
    'victim@[198.51.100.10]',
    'victim@[IPv6:2001:db8:2::10]',
    'victim@[203.0.113.25]',
    'victim@[10.0.0.10]',
    'victim@dest.test.',
    'victim@DEST.Test',
    'victim@xn--bcher-kva.test',
    'victim@b\u00fccher.test',
    'victim@sub.example.com',
    'victim@example.com.dest.test',
    'victim@notexample.com',
    'victim@\uff45xample.com',
]
SENDERS = ['spam@sender.test', '', 'alice@example.com',
           'root@gw.example.com', 'spam@[203.0.113.1]']


def check_B2(world):
    """The battery from every sender; returns how many were tried."""
    wrong, tried = [], 0
    for sender in SENDERS:
        for to in BATTERY:
            with outside(world) as c:
                reply = try_rcpt(c, to, sender)
                tried += 1
                if reply.code != 550 or not refusal(to, reply):
                    wrong.append((sender, to, str(reply)))
    assert not wrong, '%d of %d: %s' % (len(wrong), tried, wrong[:8])
    return tried


def refusal(to, reply):
    """Relaying is 5.7.1; what is ours but nobody's is 5.1.1."""
    ours = to.endswith('@example.com') and to.count('@') == 1 or \
        to.startswith('"') and to.endswith('"@example.com')
    return reply.enhanced in (('5.7.1', '5.1.1') if ours else ('5.7.1',))


def test_B1_the_record_says_how_it_came(world):
    """The channel, not a field, says which side a queued message is of."""
    text = conf(domains={'example.com': 'host 10.0.0.14'})
    with Gateway(world, text) as gw:
        send_in(world, world.token(), sender=USER)
        row, = gw.queue()
        assert row['origin'] == 'ext'
        assert gw.json('queue', 'show', row['id'])[0]['origin'] == 'ext'
        send_out(world, world.token(), USER)
        assert [r['origin'] for r in gw.queue()] == ['ext', 'int']


@pytest.fixture
def quiet(world, gw):
    """Fails if anything at all leaves by EXT for port 25."""
    gw.wait_empty()
    mark = world.ext.mark()
    yield
    sent = world.ext.since(mark, lambda p: p.opens and p.out and
                           p.dport == 25)
    assert not sent, sent[:3]


def test_B2_open_relay_battery(world, gw, quiet):
    check_B2(world)


def test_B2_no_recipient_leaks_into_a_taken_message(world, gw, quiet):
    """A refused recipient beside a good one gets nothing."""
    token = world.token()
    with outside(world) as c:
        c.expect(250, 'MAIL FROM:<%s>' % OUTSIDER)
        c.expect(550, 'RCPT TO:<victim@dest.test>')
        c.expect(250, 'RCPT TO:<%s>' % USER)
        c.expect(550, 'RCPT TO:<victim%%dest.test@example.com>')
        assert c.data(mail_text(token)).code == 250
    world.hosts['a'].wait_mail(token, USER)
    gw.wait_empty()
    assert not world.mx.has(token)


@pytest.mark.parametrize('sender', [
    '', 'any.one@anywhere.test', '"quoted one"@x.test', 'a@[198.51.100.1]',
    'alice@example.com', 'a+b@sub.domain.example'])
def test_B3_anonymous_senders(world, gw, sender):
    token = world.token()
    send_in(world, token, sender=sender)
    mail, = world.hosts['a'].wait_mail(token, USER)
    assert mail['Return-Path'] == '<%s>' % sender


def check_B4(world, gw):
    """Foreign domains die at RCPT: nothing is queued, nothing bounces."""
    mark = world.ext.mark()
    log = gw.mark()
    check_B2(world)
    with outside(world) as c:
        reply = try_rcpt(c, 'victim@dest.test')
    assert (reply.code, reply.enhanced) == (550, '5.7.1')
    gw.wait_empty()
    assert not gw.log(log, event='accept')
    assert not world.ext.since(mark, lambda p: p.opens and p.out and
                               p.dport == 25)


def test_B4_refused_at_rcpt_never_bounced(world, gw):
    check_B4(world, gw)


def check_B5(world):
    with outside(world) as c:
        for user in ('nobody', 'alic', 'alice2', 'alice+x', 'postmaste'):
            reply = try_rcpt(c, user + '@example.com')
            assert (reply.code, reply.enhanced) == (550, '5.1.1'), user
        for user in ('alice', 'bob', 'ALICE'):
            assert try_rcpt(c, user + '@EXAMPLE.com').code == 250


def test_B5_unknown_recipients(world, gw):
    check_B5(world)


def test_B5_changed_file_counts_at_once(world):
    """The file is read again when it changes; no reload is needed."""
    user = 'newcomer@example.com'
    with Gateway(world, conf()) as gw:
        with outside(world) as c:
            assert try_rcpt(c, user).code == 550
            mark = gw.mark()
            gw.write_recipients([USER, user])
            gw.wait_log(10, mark, event='recipients', count=1)
            assert try_rcpt(c, user).code == 250
            assert try_rcpt(c, 'bob@example.com').code == 550


def test_B5_postmaster_is_always_there(world, gw):
    """RFC 5321 4.5.1: the postmaster of a domain that we take mail for."""
    with outside(world) as c:
        assert try_rcpt(c, 'Postmaster@example.com').code == 250


def test_B5_dictionary_learns_nothing_from_time(world, gw):
    """Known and unknown take the same time, within the noise."""
    times = {True: [], False: []}
    for _ in range(8):
        with outside(world) as c:
            c.expect(250, 'MAIL FROM:<%s>' % OUTSIDER)
            for n in range(40):
                known = n % 2 == 0
                to = USER if known else 'nobody%d@example.com' % n
                start = time.monotonic()
                reply = c.cmd('RCPT TO:<%s>' % to)
                times[known].append(time.monotonic() - start)
                assert reply.code == (250 if known else 550)
    yes, no = (statistics.median(times[k]) for k in (True, False))
    assert abs(yes - no) < max(0.0005, 0.35 * max(yes, no)), (yes, no)


def test_B5_dictionary_meets_a_limit(world):
    """After the budget the session ends with 421, and says why."""
    text = conf(top='limit unknown-recipients 10\n')
    with Gateway(world, text) as gw:
        answered = 0
        with outside(world) as c:
            c.expect(250, 'MAIL FROM:<%s>' % OUTSIDER)
            with pytest.raises(Closed):
                for n in range(200):
                    reply = c.cmd('RCPT TO:<guess%d@example.com>' % n)
                    answered += reply.code == 550
                    assert reply.code in (550, 421)
        assert answered <= 11
        assert gw.log(event='reject', reason=('too-many-errors',
                                              'no-such-user'))


def test_B6_the_directory_decides_the_host(world):
    """Two domains, two hosts; the directory is asked inside only."""
    world.host('b', HOST_B, ['branch.example.com'])
    text = conf(domains={
        'example.com': 'host "mail.corp.example.com"',
        'branch.example.com': 'host "mail2.corp.example.com"'})
    users = [USER, 'user@branch.example.com']
    with Gateway(world, text, users=users):
        mark = world.ext.mark()
        tokens = [world.token() for _ in users]
        for token, user in zip(tokens, users):
            send_in(world, token, user)
        world.hosts['a'].wait_mail(tokens[0], users[0])
        world.hosts['b'].wait_mail(tokens[1], users[1])
        assert not world.hosts['a'].has(tokens[1])
        assert not world.hosts['b'].has(tokens[0])
        out = world.ext.since(mark, lambda p: p.out)
        assert {p.sport for p in out} <= {25}, out[:3]


def test_B7_and_B8_one_hop_out_by_INT(world, gw):
    """One Received field of ours; one connection, and it is on INT."""
    token = world.token()
    ext, inner = world.ext.mark(), world.int.mark()
    send_in(world, token)
    mail, = world.hosts['a'].wait_mail(token, USER)
    ours = [hop for hop in mail.received if 'by gw.example.com' in hop]
    assert len(ours) == 1 and '203.0.113.1' in ours[0], mail.received
    assert len(mail.received) == 2
    opens = world.int.opens(inner)
    assert {(p.out, p.dst, p.dport) for p in opens} <= \
        {(True, HOST_A, 25), (True, INSIDE_DNS, 53)}
    assert not world.ext.opens(ext, out=True)


def check_B9(world, gw, count=20):
    """Inbound mail needs no external name: not one packet to DNS."""
    gw.wait_empty()
    mark = world.ext.mark()
    tokens = [world.token() for _ in range(count)]
    for token in tokens:
        send_in(world, token)
    for token in tokens:
        world.hosts['a'].wait_mail(token, USER)
    with outside(world) as c:
        try_rcpt(c, 'nobody@example.com')
        try_rcpt(c, 'x@dest.test')
    assert not world.ext.port(53, 853, mark=mark)


def test_B9_no_external_dns_for_inbound(world, gw):
    check_B9(world, gw)


def test_B9_internal_names_are_never_asked_outside(world):
    """Not even when the internal servers are gone."""
    with Gateway(world, conf()) as gw:
        mark = world.ext.mark()
        with world.indns.down():
            token = world.token()
            send_in(world, token)
            gw.wait_log(30, event='delivery', status='deferred')
        world.hosts['a'].wait_mail(token, USER)
        assert not world.ext.port(53, 853, mark=mark)


@pytest.mark.parametrize('way', ['down', 'silent', 'servfail'])
def test_B11_internal_dns_down(world, way):
    """1,000 messages while it is gone: each delivered once, no bounce."""
    text = conf(domains={'example.com': 'host "sink.corp.example.com"'})
    world.indns.put('sink.corp.example.com', 'A 10.0.0.14')
    world.indns.publish()
    with Sink(world.intra, '10.0.0.14') as host, Gateway(world, text) as gw:
        mark = world.ext.mark()
        trouble = world.indns.down() if way == 'down' else \
            world.indns.trouble(way)
        with trouble:
            load = Load(world.inet, GW_EXT, OUTSIDER, USER, 1000, 20,
                        prefix=way)
            load.start()
            gw.wait_log(60, event='delivery', status='deferred')
            assert not host.messages.since()
        load.join()
        Ledger(load, host).wait().check()
        gw.wait_empty()
        assert not world.ext.opens(mark, out=True), 'bounced'


def test_B11_directory_down(world):
    """dird stopped: 451 and nothing lost; it goes on when dird does."""
    with Gateway(world, conf()) as gw:
        pid = gw.pids('dird')[0]
        gw.kill('dird', 19)
        with outside(world) as c:
            reply = try_rcpt(c, USER)
        assert reply.code in (250, 451), reply
        gw.wait_replaced('dird', pid, timeout=60)
        token = world.token()
        send_in(world, token)
        world.hosts['a'].wait_mail(token, USER)


def test_B_inside_host_down_then_up(world):
    """A dead inside host defers; its mail arrives when it is back."""
    text = conf(domains={'example.com': 'host 10.0.0.14'})
    with Sink(world.intra, '10.0.0.14') as host, Gateway(world, text) as gw:
        host.shut()
        token = world.token()
        send_in(world, token)
        gw.wait_log(event='delivery', status='deferred')
        host.open()
        host.wait(token)


def test_B_host_list_fails_over(world):
    """deliver to { host a, host b }: the second when the first is dead."""
    text = conf(domains={
        'example.com': '{ host 10.0.0.13, host 10.0.0.14 }'})
    with Sink(world.intra, '10.0.0.14') as host, Gateway(world, text):
        token = world.token()
        send_in(world, token)
        host.wait(token)


def test_B_deliver_to_mx_asks_inside(world):
    """deliver to mx "name": preferences of the internal DNS."""
    world.indns.put('mx.corp.example.com', 'MX 10 m1.corp.example.com.',
                    'MX 20 m2.corp.example.com.')
    world.indns.put('m1.corp.example.com', 'A 10.0.0.13')
    world.indns.put('m2.corp.example.com', 'A 10.0.0.14')
    world.indns.publish()
    text = conf(domains={'example.com': 'mx "mx.corp.example.com"'})
    with Sink(world.intra, '10.0.0.14') as host, Gateway(world, text):
        mark = world.ext.mark()
        token = world.token()
        send_in(world, token)
        host.wait(token)
        assert not world.ext.port(53, mark=mark)


def test_B_connections_beyond_the_limit_get_421(world):
    text = conf(top='limit sessions-per-address 5\n')
    with Gateway(world, text):
        clients = [outside(world) for _ in range(5)]
        with Client(world.inet, GW_EXT) as c:
            assert c.greeting.code == 421
        with Client(world.inet, GW_EXT, source=MX) as c:
            assert c.greeting.code == 220
        clients.pop().quit()
        for c in clients:
            c.close()


def test_B_slow_inside_host_does_not_hold_the_others(world):
    """One domain's host hangs; the other domain's mail goes on."""
    text = conf(domains={'example.com': 'host 10.0.0.14',
                         'branch.example.com': 'host 10.0.0.13'})
    users = [USER, 'user@branch.example.com']
    slow = Behaviour(delays={'connect': 300})
    with Sink(world.intra, '10.0.0.14', behaviour=slow), \
            Sink(world.intra, '10.0.0.13') as good, \
            Gateway(world, text, users=users) as gw:
        for _ in range(30):
            send_in(world, world.token())
        token = world.token()
        send_in(world, token, users[1])
        good.wait(token, timeout=5)
        gw.kill_all()
    assert refused(world.inet, GW_EXT) is not None
