# SPDX-License-Identifier: ISC
"""Mail of every kind: IPv6, 25 MB, 1,000 recipients, odd contents."""
import random

import pytest

from lab.flows import OUTSIDER, USER, inside, outside, send_in, send_out
from lab.gateway import QUICK, Gateway, conf
from lab.postfix import Postfix
from lab.smtp import Client, Sink, mail_text, send_mail
from lab.world import GW_EXT, GW_EXT6, GW_INT, GW_INT6, HOST_A, HOST_A6, MX

HOST = '10.0.0.14'

V6 = dict(ext='listen on %s' % GW_EXT6,
          inside='listen on %s' % GW_INT6,
          accept='%s, %s' % (HOST_A, HOST_A6),
          networks='10.0.0.0/8, fd00:10::/64')


def test_IPv6_inbound(world):
    """From an IPv6 client to an inside host that has IPv6 only."""
    text = conf(domains={'example.com': 'host "six.corp.example.com"'}, **V6)
    world.indns.put('six.corp.example.com', 'AAAA ' + HOST_A6)
    world.indns.publish()
    with Sink(world.intra, HOST_A6) as host, Gateway(world, text):
        token = world.token()
        mark = world.int.mark()
        send_mail(world.inet, GW_EXT6, OUTSIDER, USER, mail_text(token))
        message, = host.wait(token)
        assert message.client == GW_INT6
        assert 'IPv6:2001:db8:1::1' in message.received[0]
        assert [p.dst for p in world.int.opens(mark, out=True)
                if p.dport == 25] == [HOST_A6]


def test_IPv6_outbound(world):
    """From an inside IPv6 host to an MX that has IPv6 only."""
    address = '2001:db8:2::77'
    domain = world.domain('MX 10 mx.@', hosts={'mx': address})
    with Sink(world.inet, address) as peer, Gateway(world, conf(**V6)):
        token = world.token()
        send_mail(world.intra, GW_INT6, USER, 'u@' + domain,
                  mail_text(token), source=HOST_A6)
        message, = peer.wait(token)
        assert message.client == GW_EXT6
        assert 'IPv6:' + HOST_A6 in message.received[0]


def test_IPv6_real_postfix_both_ways(world):
    text = conf(domains={'example.com': 'host %s' % HOST_A6}, **V6)
    outer = Postfix(world.inet, world.peers, world.dir + '/mx6',
                    '2001:db8:2::10', 'mx6.six.test', ['six.test'],
                    mynetworks='[2001:db8::]/32').start()
    inner = Postfix(world.intra, world.peers, world.dir + '/host6', HOST_A6,
                    'six.corp.example.com', ['example.com'],
                    relayhost='[%s]' % GW_INT6, mynetworks='[fd00:10::]/64',
                    smtp_dns_support_level='disabled').start()
    world.dns.put('six.test', 'MX 10 mx6.six.test.')
    world.dns.put('mx6.six.test', 'AAAA 2001:db8:2::10')
    world.dns.put('example.com', 'MX 10 gw6.example.com.')
    world.dns.put('gw6.example.com', 'AAAA ' + GW_EXT6)
    world.dns.publish()
    try:
        with Gateway(world, text):
            out, back = world.token(), world.token()
            send_mail(world.intra, HOST_A6, USER, 'peer@six.test',
                      mail_text(out), source=HOST_A6)
            send_mail(world.inet, '2001:db8:2::10', 'peer@six.test', USER,
                      mail_text(back))
            outer.wait_mail(out, 'peer@six.test')
            inner.wait_mail(back, USER)
    finally:
        outer.stop()
        inner.stop()
        world.dns.put('example.com', 'MX 10 gw.example.com.')
        world.dns.publish()


def test_IPv6_falls_back_to_IPv4(world, sink):
    """An MX with a dead AAAA and a living A."""
    host = 'mx.' + sink.domain
    world.dns.put(host, 'AAAA 2001:db8:2::dead', 'A ' + sink.address)
    world.dns.publish()
    with Gateway(world, conf(**V6)):
        token = world.token()
        send_out(world, token, 'u@' + sink.domain)
        sink.wait(token)


def big_body(megabytes):
    """Lines of random text: no two alike, some that begin with a dot."""
    rng = random.Random(25)
    line = bytes(rng.choices(b'abcdefghijklmnopqrstuvwxyz. ', k=76))
    block = b''.join(b'%s%06d%s\r\n' % (b'.' if n % 50 == 0 else b'', n,
                                        line[:70])
                     for n in range(megabytes * 1000000 // 78))
    return block


@pytest.mark.parametrize('way', ['in', 'out'])
def test_25_MB(world, sink, way):
    text = conf(domains={'example.com': 'host %s' % HOST})
    token = world.token()
    body = mail_text(token).encode() + big_body(25)
    with Sink(world.intra, HOST) as host, Gateway(world, text):
        if way == 'in':
            send_mail(world.inet, GW_EXT, OUTSIDER, USER, body)
            message, = host.wait(token, 60)
        else:
            send_mail(world.intra, GW_INT, USER, 'u@' + sink.domain, body,
                      source=HOST_A)
            message, = sink.wait(token, 60)
    assert message.data.endswith(body)
    assert len(message.data) - len(body) < 2000


def test_25_MB_between_real_servers(world, gw):
    out, back = world.token(), world.token()
    for ns, address, sender, to, token in (
            (world.intra, HOST_A, USER, 'peer@dest.test', out),
            (world.inet, MX, 'peer@dest.test', USER, back)):
        send_mail(ns, address, sender, to,
                  mail_text(token).encode() + big_body(25), source=address)
    for box, token in ((world.mx, out), (world.hosts['a'], back)):
        mail, = box.wait_mail(token, timeout=90)
        assert len(mail.raw) > 25000000 * 0.98


def test_too_big_is_refused(world):
    """By the SIZE parameter at MAIL, and by counting at the end."""
    with Gateway(world, conf(top=QUICK + 'limit message-size 1m\n')):
        with outside(world) as c:
            reply = c.cmd('MAIL FROM:<%s> SIZE=2000000' % OUTSIDER)
            assert (reply.code, reply.enhanced) == (552, '5.3.4')
            c.envelope(OUTSIDER, USER)
            reply = c.data(mail_text('big').encode() + big_body(2))
            assert (reply.code, reply.enhanced) == (552, '5.3.4')
            token = world.token()
            c.envelope(OUTSIDER, USER)
            assert c.data(mail_text(token)).code == 250
        world.hosts['a'].wait_mail(token)


@pytest.mark.parametrize('way', ['in', 'out'])
def test_1000_recipients(world, sink, way):
    """One transaction in; every recipient once out."""
    text = conf(domains={'example.com': 'host %s' % HOST})
    users = ['user%04d@example.com' % n for n in range(1000)]
    token = world.token()
    with Sink(world.intra, HOST) as host, \
            Gateway(world, text, users=users) as gw:
        if way == 'in':
            rcpts, where, client = users, host, outside(world)
        else:
            rcpts = ['user%04d@%s' % (n, sink.domain) for n in range(1000)]
            where, client = sink, inside(world)
        with client as c:
            assert {r.code for r in c.envelope(USER, *rcpts)} == {250}
            assert c.data(mail_text(token)).code == 250
        where.wait(token, 60)
        gw.wait_empty()
        got = [r for m in where.find(token) for r in m.rcpts]
        assert sorted(got) == sorted(rcpts)
        assert len(where.find(token)) <= 20


def test_recipients_beyond_the_limit(world):
    users = ['user%04d@example.com' % n for n in range(120)]
    with Gateway(world, conf(top=QUICK + 'limit recipients 100\n'),
                 users=users):
        with outside(world) as c:
            codes = [r.code for r in c.envelope(OUTSIDER, *users)]
    assert codes[:100] == [250] * 100 and set(codes[100:]) == {452}


BODIES = {
    'empty': '',
    'dots': '.\r\n..\r\n.x\r\n\r\n.y.',
    'long lines': 'x' * 990 + '\r\n' + 'y' * 998 + '\r\n',
    'eight bits': 'caf\u00e9 \u2709\r\n' * 50,
    'no header': 'just text',
    'blank lines': '\r\n' * 200 + 'end',
    'mime': 'a\r\n--b\r\nContent-Type: text/plain\r\n\r\n.\r\n--b--\r\n',
}


@pytest.mark.parametrize('name', BODIES)
@pytest.mark.parametrize('way', ['in', 'out'])
def test_bodies_arrive_as_they_were(world, sink, way, name):
    text = conf(domains={'example.com': 'host %s' % HOST})
    token = world.token()
    body = (mail_text(token) + BODIES[name]).encode()
    with Sink(world.intra, HOST) as host, Gateway(world, text):
        where = host if way == 'in' else sink
        with outside(world) if way == 'in' else inside(world) as c:
            c.expect(250, 'MAIL FROM:<%s> BODY=8BITMIME' % USER)
            c.expect(250, 'RCPT TO:<%s>' % (
                USER if way == 'in' else 'u@' + sink.domain))
            assert c.data(body).code == 250
        message, = where.wait(token)
    want = body if body.endswith(b'\r\n') else body + b'\r\n'
    assert message.data.endswith(want)
    assert message.received and message.data.startswith(b'Received: ')


# RFC 5321 2.3.8, 4.1.1.4: only CRLF.CRLF ends the data.
ENDINGS = {
    'LF.LF': b'\n.\n', 'LF.CRLF': b'\n.\r\n', 'CRLF.LF': b'\r\n.\n',
    'CR.CR': b'\r.\r', 'CRLF.CR': b'\r\n.\r', 'CR.CRLF': b'\r.\r\n',
    'bare CR': b'a\rb', 'bare LF': b'a\nb', 'NUL': b'a\0b',
}


@pytest.mark.parametrize('name', ENDINGS)
def test_no_message_is_smuggled(world, gw, name):
    """One message or none: never a second one from inside the data."""
    token = world.token()
    inner = b'MAIL FROM:<x@y.test>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n'
    with outside(world) as c:
        c.envelope(OUTSIDER, USER)
        c.expect(354, 'DATA')
        c.send(mail_text(token).encode() + b'first' + ENDINGS[name] + inner +
               mail_text(token).encode() + b'\r\n.\r\n')
        reply = c.reply()
        assert 500 <= reply.code < 600, reply
    check = world.token()
    send_in(world, check)
    world.hosts['a'].wait_mail(check)
    gw.wait_empty()
    assert not world.hosts['a'].has(token)


def test_a_loop_is_seen(world, gw):
    """Too many Received fields: refused, 5.4.6."""
    hops = ''.join('Received: from a by b with SMTP; Tue, 24 Nov 2026 '
                   '10:00:%02d +0000\r\n' % n for n in range(50))
    with outside(world) as c:
        c.envelope(OUTSIDER, USER)
        reply = c.data(hops + mail_text(world.token()))
        assert (reply.code // 100, reply.enhanced) == (5, '5.4.6')


def test_received_field(world, gw):
    """RFC 5321 4.4: from, by, with, id, for, date; id as in the log."""
    token = world.token()
    mark = gw.mark()
    send_in(world, token, helo='client.sender.test')
    mail, = world.hosts['a'].wait_mail(token, USER)
    hop = mail.received[1]
    ident = gw.wait_log(mark=mark, event='accept')[0]['id']
    for part in ('from client.sender.test', '[203.0.113.1]',
                 'by gw.example.com', 'with ESMTP', 'id ' + ident,
                 'for <%s>' % USER):
        assert part in hop, (part, hop)
    sent, = gw.wait_log(mark=mark, event='delivery', id=ident)
    assert sent['status'] == 'sent' and sent['to'] == USER


def test_vrfy_help_noop_rset(world, gw):
    with outside(world) as c:
        assert c.cmd('VRFY alice').code == 252
        assert c.cmd('HELP').code == 214
        assert c.cmd('NOOP').code == 250
        assert c.cmd('RSET').code == 250
        assert c.cmd('EXPN list').code in (500, 502)
        assert c.cmd('WHAT').code in (500, 502)
        c.quit()


def test_ehlo_offers_what_it_does(world, gw):
    for open_session in (outside, inside):
        with open_session(world) as c:
            offers = c.ehlo()
            for word in ('PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES',
                         'CHUNKING', 'SMTPUTF8', 'LIMITS MAILMAX=1000 '
                         'RCPTMAX=1000'):
                assert word in offers, offers
            assert any(o.startswith('SIZE ') for o in offers)


def test_pipelined_transaction(world, gw):
    token = world.token()
    with outside(world) as c:
        c.send('MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nRCPT TO:<no@example.com>'
               '\r\nDATA\r\n' % (OUTSIDER, USER))
        assert [c.reply().code for _ in range(4)] == [250, 250, 550, 354]
        c.send(mail_text(token) + '.\r\nQUIT\r\n')
        assert [c.reply().code for _ in range(2)] == [250, 221]
    world.hosts['a'].wait_mail(token)


def test_many_small_steps(world, gw):
    """A session sent one byte at a time is a session."""
    token = world.token()
    # what must be the last of a group (RFC 2920 3.1) waits for its reply
    groups = (('EHLO slow.test\r\n', 1),
              ('MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n'
               % (OUTSIDER, USER), 3),
              ('%s.\r\nQUIT\r\n' % mail_text(token), 2))
    codes = []
    with Client(world.inet, GW_EXT) as c:
        for text, replies in groups:
            for byte in text.encode():
                c.send(bytes([byte]))
            codes += [c.reply().code for _ in range(replies)]
    assert codes == [250, 250, 250, 354, 250, 221]
    world.hosts['a'].wait_mail(token)
