# SPDX-License-Identifier: ISC
"""ACCEPTANCE C: outgoing mail."""
import pytest

from lab.dsn import Notification
from lab.flows import USER, inside, outside, send_in, send_out, try_rcpt
from lab.gateway import Gateway, conf
from lab.smtp import (DROP, RESET, Behaviour, Client, Closed, Sink,
                      mail_text, refused, send_mail)
from lab.world import (GW_EXT, GW_EXT2, GW_INT, HOST_A, HOST_B, HOST_C,
                       OUTSIDE_DNS)


def test_C1_inside_sends_by_the_inside_door(world, gw, sink):
    """All external mail to VS1; the same to VS2 is refused."""
    to = 'b@' + sink.domain
    token = world.token()
    send_out(world, token, to)
    message, = sink.wait(token)
    assert (message.mail, message.rcpts) == (USER, [to])
    assert len(message.received) == 1
    with outside(world) as c:
        reply = try_rcpt(c, to, sender=USER)
    assert (reply.code, reply.enhanced) == (550, '5.7.1')
    assert refused(world.intra, GW_EXT, source=HOST_A) is not None


def test_C1_real_postfix_hands_over(world, gw):
    """Postfix inside to Postfix outside, through the gateway."""
    token = world.token()
    send_mail(world.intra, HOST_A, USER, 'peer@dest.test', mail_text(token),
              source=HOST_A)
    mail, = world.mx.wait_mail(token, 'peer@dest.test')
    assert 'by gw.example.com' in mail.received[1], mail.received


def test_C2_only_listed_sources(world, gw):
    """10.0.0.12 is inside, but not listed: it may not even begin."""
    for source in (HOST_A, HOST_B):
        with inside(world, source) as c:
            assert try_rcpt(c, 'x@dest.test', USER).code == 250
    mark = gw.mark()
    try:
        with Client(world.intra, GW_INT, source=HOST_C) as c:
            if c.greeting.code == 220:
                c.ehlo()
                for to in ('x@dest.test', USER):
                    reply = try_rcpt(c, to, USER)
                    assert reply.code == 550, (to, reply)
                    assert reply.enhanced == '5.7.1'
            else:
                assert c.greeting.code in (421, 521, 554), c.greeting
    except Closed:
        pass
    gw.wait_log(10, mark, reason='client-denied')


def check_C3(world, gw, count=8):
    """External servers in order, with failover; never the internal one."""
    inner, ext = world.int.mark(), world.ext.mark()
    sinks = []

    def send():
        s = Sink(world.inet, world.address())
        sinks.append(s)
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        # The inside resolver tells another story about the same names.
        world.indns.put(domain, 'MX 10 wrong.dest.test.')
        token = world.token()
        send_out(world, token, 'u@' + domain)
        s.wait(token)
        return domain

    domains = [send() for _ in range(count)]
    asked = {p.dst for p in world.ext.port(53, mark=ext, out=True)}
    assert asked == {OUTSIDE_DNS[0]}, asked
    with world.dns.down(OUTSIDE_DNS[0]):
        domains.append(send())
    ext = world.ext.mark()
    with world.dns.trouble('silent', OUTSIDE_DNS[0]):
        domains.append(send())
        asked = {p.dst for p in world.ext.port(53, mark=ext, out=True)}
        assert OUTSIDE_DNS[1] in asked
    for name in world.int.questions(inner):
        assert not any(name.endswith(d) for d in domains), name
    for s in sinks:
        s.close()


def test_C3_external_servers_in_order(world, gw):
    check_C3(world, gw)


def test_C3_the_first_is_asked_again_when_it_is_back(world, gw):
    with world.dns.down(OUTSIDE_DNS[0]):
        with Sink(world.inet, world.address()) as s:
            domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
            token = world.token()
            send_out(world, token, 'u@' + domain)
            s.wait(token)

    def back():
        mark = world.ext.mark()
        with Sink(world.inet, world.address()) as s:
            domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
            token = world.token()
            send_out(world, token, 'u@' + domain)
            s.wait(token)
        return OUTSIDE_DNS[0] in {
            p.dst for p in world.ext.port(53, mark=mark, out=True)}

    assert any(back() for _ in range(60)), 'never asked again'


def test_C3_internal_lies_do_not_count(world, gw):
    """The inside says that dest.test is at 10.0.0.15."""
    token = world.token()
    with Sink(world.intra, '10.0.0.15') as wrong:
        send_out(world, token, 'peer@dest.test')
        world.mx.wait_mail(token, 'peer@dest.test')
        assert not wrong.sessions


def test_C3_outside_answers_with_inside_addresses_are_dropped(world, gw):
    """An MX of the Internet that points into the intranet, or to us."""
    mark = world.int.mark()
    for n, address in enumerate((HOST_A, '127.0.0.1', '10.0.0.15',
                                 '169.254.169.254', 'fd00:10::10', '::1',
                                 '::ffff:10.0.0.10', '192.168.1.1')):
        domain = world.domain('MX 10 mx.@', hosts={'mx': address})
        send_out(world, 'ssrf-%d-end' % n, 'u@' + domain)
    gw.wait_log(60, event='delivery', count=8,
                reason=('policy-address', 'mx-loop', 'no-route',
                        'dns-nodata', 'dns-temp'))
    opened = [p for p in world.int.opens(mark, out=True)
              if p.dport == 25 and p.dst != HOST_A]
    assert not opened, opened[:3]
    for row in gw.queue():
        # some have failed, and are reported, by now
        gw.postern('queue', 'remove', row['id'], check=False)
    for m in world.hosts['a'].mails('u@'):
        assert b'ssrf' not in m.raw


@pytest.mark.parametrize('source', [None, GW_EXT2])
def test_C4_source_and_name_are_the_configured_ones(world, sink, source):
    text = conf(ext='source %s' % source if source else '')
    with Gateway(world, text):
        mark = world.ext.mark()
        token = world.token()
        send_out(world, token, 'u@' + sink.domain, helo='secret.corp.test')
        message, = sink.wait(token)
    assert message.client == (source or GW_EXT)
    assert message.helo == 'gw.example.com'
    sources = {p.src for p in world.ext.since(
        mark, lambda p: p.out and (p.opens or p.dport == 53))}
    assert sources == {source or GW_EXT}


@pytest.mark.parametrize('rule,code', [('', 250), ('senders any', 250),
                                       ('senders company', 550)])
def test_C5_senders_of_other_domains(world, rule, code):
    """Refused or allowed as configured; the null sender always works."""
    with Gateway(world, conf(inside=rule)):
        with inside(world) as c:
            reply = c.cmd('MAIL FROM:<stranger@foreign.test>')
            if reply.code == 250:
                reply = c.cmd('RCPT TO:<x@dest.test>')
            assert reply.code == code, reply
            if code == 550:
                assert reply.enhanced == '5.7.1'
            c.expect(250, 'RSET')
            for sender in (USER, 'anyone@EXAMPLE.com', ''):
                assert try_rcpt(c, 'x@dest.test', sender).code == 250


def inside_dsn(world, token, timeout=40, box=USER):
    """The one notification about token that came to host a."""
    mail, = world.hosts['a'].wait_mail(token, box, timeout)
    assert mail['Return-Path'] == '<>'
    return Notification(mail.raw)


@pytest.mark.parametrize('stage', ['mail', 'rcpt', 'data', 'eod'])
def test_C7_a_permanent_failure_outside(world, gw, stage):
    """5xx at each stage: a DSN to the inside sender, by INT only."""
    script = Behaviour(replies={stage: '550 5.7.9 go away'})
    with Sink(world.inet, world.address(), behaviour=script) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        token = world.token()
        mark = world.ext.mark()
        send_out(world, token, 'u@' + domain)
        dsn = inside_dsn(world, token)
        fields = dsn.about('u@' + domain)
        assert (fields['action'], fields['status']) == ('failed', '5.7.9')
        assert 'go away' in fields['diagnostic-code']
        assert fields['remote-mta'].endswith('mx.' + domain)
        assert token in str(dsn.original)
        assert {p.dst for p in world.ext.opens(mark, out=True)} == \
            set(s.addresses)
        assert len(s.sessions) == 1


def test_C7_one_recipient_of_three_fails(world, gw):
    """Two are delivered once, one bounces, one transaction."""
    def rcpt(_session, line):
        return '550 5.1.1 unknown' if 'bad' in line else None

    with Sink(world.inet, world.address(),
              behaviour=Behaviour(replies={'rcpt': rcpt})) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        token = world.token()
        send_mail(world.intra, GW_INT, USER,
                  ['good@' + domain, 'bad@' + domain, 'fine@' + domain],
                  mail_text(token), source=HOST_A)
        dsn = inside_dsn(world, token)
        assert len(dsn.recipients) == 1
        assert dsn.about('bad@' + domain)['status'] == '5.1.1'
        message, = s.wait(token)
        assert sorted(message.rcpts) == ['fine@' + domain, 'good@' + domain]
        gw.wait_empty()
        assert len(s.find(token)) == 1


def test_C7_expiry_and_delay_warning(world, sink):
    """A warning first, the end later; both by INT, one of each."""
    sink.shut()
    text = conf(top='retry { 1s }\nwarn after 2s\nexpire 6s\n')
    with Gateway(world, text) as gw:
        token = world.token()
        send_out(world, token, 'u@' + sink.domain)
        mails = world.hosts['a'].wait_mail(token, USER, 30, count=2)
        actions = [Notification(m.raw).about('u@' + sink.domain)['action']
                   for m in mails]
        assert actions == ['delayed', 'failed']
        status = Notification(mails[1].raw).about('u@' + sink.domain)['status']
        assert status in ('4.4.7', '5.4.7', '4.4.1', '5.4.1'), status
        gw.wait_empty()
        assert len(world.hosts['a'].wait_mail(token, USER)) == 2


def test_C7_expiry_without_warning(world, sink):
    sink.behaviour = Behaviour(replies={'rcpt': '451 4.7.1 never yet'})
    with Gateway(world, conf(top='retry { 1s }\nexpire 3s\nwarn never\n')):
        token = world.token()
        send_out(world, token, 'u@' + sink.domain)
        dsn = inside_dsn(world, token)
        fields = dsn.about('u@' + sink.domain)
        assert fields['action'] == 'failed'
        assert 'never yet' in fields['diagnostic-code']


def test_C7_a_permanent_failure_inside(world, sink):
    """The inside host says no: the DSN leaves by EXT, as mail of ours."""
    text = conf(domains={'example.com': 'host 10.0.0.14'})
    script = Behaviour(replies={'rcpt': '550 5.2.1 mailbox closed'})
    with Sink(world.intra, '10.0.0.14', behaviour=script), \
            Gateway(world, text):
        token = world.token()
        send_in(world, token, sender='writer@' + sink.domain)
        message, = sink.wait(token)
    assert (message.mail, message.rcpts) == ('', ['writer@' + sink.domain])
    assert message.client == GW_EXT
    fields = Notification(message.data).about(USER)
    assert (fields['action'], fields['status']) == ('failed', '5.2.1')


@pytest.mark.parametrize('way', ['in', 'out'])
def test_C7_null_senders_end(world, way):
    """A bounce that cannot be delivered makes no other bounce."""
    script = Behaviour(replies={'rcpt': '550 5.1.1 nobody'})
    text = conf(domains={'example.com': 'host 10.0.0.14'})
    with Sink(world.intra, '10.0.0.14', behaviour=script) as host, \
            Sink(world.inet, world.address(), behaviour=script) as peer, \
            Gateway(world, text) as gw:
        domain = world.domain('MX 10 mx.@', hosts={'mx': peer.addresses[0]})
        if way == 'in':
            send_in(world, world.token(), sender='')
        else:
            send_out(world, world.token(), 'u@' + domain, sender='')
        gw.wait_log(event='delivery', status='bounced')
        gw.wait_empty()
        count = len(host.sessions), len(peer.sessions)
        assert count == ((1, 0) if way == 'in' else (0, 1))


def test_C7_a_loop_of_bounces_ends(world):
    """Both ends refuse everything: message, bounce, and silence."""
    script = Behaviour(replies={'rcpt': '550 5.1.1 nobody'})
    text = conf(domains={'example.com': 'host 10.0.0.14'})
    with Sink(world.intra, '10.0.0.14', behaviour=script) as host, \
            Sink(world.inet, world.address(), behaviour=script) as peer, \
            Gateway(world, text) as gw:
        domain = world.domain('MX 10 mx.@', hosts={'mx': peer.addresses[0]})
        send_in(world, world.token(), sender='x@' + domain)
        gw.wait_log(event='delivery', status='bounced', count=2)
        gw.wait_empty()
        assert (len(host.sessions), len(peer.sessions)) == (1, 1)


def test_C_reply_classes(world, gw):
    """4xx and lost connections are tried again; then it is delivered."""
    for stage, answer in [
            ('connect', '421 4.3.2 busy'), ('connect', DROP),
            ('connect', RESET), ('mail', '451 4.3.0 later'),
            ('rcpt', '450 4.2.1 greylisted'), ('data', '451 4.3.0 later'),
            ('eod', '451 4.3.0 later'), ('eod', DROP), ('eod', RESET),
            ('quit', DROP)]:
        script = Behaviour(replies={stage: [answer, None]})
        with Sink(world.inet, world.address(), behaviour=script) as s:
            domain = world.domain('MX 10 mx.@',
                                  hosts={'mx': s.addresses[0]})
            token = world.token()
            send_out(world, token, 'u@' + domain)
            s.wait(token)
            gw.wait_empty()
            assert len(s.find(token)) == 1, (stage, answer)


@pytest.mark.parametrize('extensions', [
    (), ('PIPELINING',), ('SIZE 1000000',), ('8BITMIME', 'SIZE')])
def test_C_fewer_extensions(world, gw, extensions):
    with Sink(world.inet, world.address(),
              behaviour=Behaviour(extensions)) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        token = world.token()
        send_out(world, token, 'u@' + domain)
        message, = s.wait(token)
        if 'SIZE 1000000' not in extensions and 'SIZE' not in extensions:
            assert 'SIZE' not in message.params.upper()


def test_C_helo_after_refused_ehlo(world, gw):
    script = Behaviour(replies={'ehlo': '502 5.5.1 what'})
    with Sink(world.inet, world.address(), behaviour=script) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        token = world.token()
        send_out(world, token, 'u@' + domain)
        message, = s.wait(token)
        verbs = [c.split()[0] for c in message.session.commands]
        assert verbs[:2] == ['EHLO', 'HELO'] and not message.params


def test_C_connections_are_reused(world, gw, sink):
    """A burst to one destination: far fewer sessions than messages."""
    with inside(world) as c:
        tokens = [world.token() for _ in range(100)]
        for token in tokens:
            c.envelope(USER, 'u@' + sink.domain)
            assert c.data(mail_text(token)).code == 250
    for token in tokens:
        sink.wait(token)
    gw.wait_empty()
    assert len(sink.sessions) <= 25, len(sink.sessions)


def test_C_company_mail_never_leaves(world, gw):
    """From inside to a domain of ours: by INT, whatever the DNS says."""
    mark = world.ext.mark()
    token = world.token()
    send_out(world, token, 'bob@example.com')
    world.hosts['a'].wait_mail(token, 'bob@example.com')
    assert not world.ext.since(mark, lambda p: p.out and p.dport != 25 or
                               p.opens and p.out)
