# SPDX-License-Identifier: ISC
"""A listener behind a proxy: PROXY protocol version 2, from listed proxies
only; the client that the header names is the one that counts."""
import socket
import struct

from lab.flows import OUTSIDER, USER
from lab.gateway import Gateway, conf
from lab.smtp import Client, Closed, mail_text
from lab.world import GW_EXT, GW_INT, HOST_A, HOST_B, INET, MX

PORT = 2525
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
CLIENT, CLIENT6 = '198.51.100.77', '2001:db8:2::77'
EXT = 'listen on %s port %d proxy from { %s }' % (GW_EXT, PORT, INET)


def header(client=CLIENT, server=GW_EXT, tlvs=b'', command=1):
    family = socket.AF_INET6 if ':' in client else socket.AF_INET
    if ':' not in server and ':' in client:
        server = '2001:db8:1::25'
    body = socket.inet_pton(family, client) + \
        socket.inet_pton(family, server) + struct.pack('>HH', 4711, PORT) + tlvs
    kind = 0x21 if ':' in client else 0x11
    return SIGNATURE + bytes([0x20 | command, kind]) + \
        struct.pack('>H', len(body)) + body


def proxy(world, head, source=None, pieces=None):
    """A proxy's connection; its client has said nothing yet."""
    c = Client(world.inet, GW_EXT, PORT, source=source, greet=False)
    for i in range(0, len(head), pieces or len(head) or 1):
        c.send(head[i:i + (pieces or len(head))])
    return c


def is_closed(client):
    try:
        client.reply()
    except Closed:
        return True
    return False


def test_the_client_is_who_the_header_says(world):
    with Gateway(world, conf(ext=EXT)) as gw:
        for client, pieces in ((CLIENT, None), (CLIENT6, None), (CLIENT, 1)):
            mark = gw.mark()
            with proxy(world, header(client), pieces=pieces) as c:
                assert c.reply().code == 220
                c.ehlo()
                token = world.token()
                c.envelope(OUTSIDER, USER)
                assert c.data(mail_text(token)).code == 250
                mail, = world.hosts['a'].wait_mail(token, USER, 30)
                assert client in str(mail.raw), mail.raw
                assert INET not in str(mail.raw)
                assert c.cmd('RCPT TO:<%s>' % USER).code == 503
                line = gw.wait_log(mark=mark, event='reject')[0]
                assert line['client'] in (client + ':4711',
                                          '[%s]:4711' % client)
        # a health check: the proxy for itself
        with proxy(world, SIGNATURE + b'\x20\0\0\0') as c:
            assert c.reply().code == 220
            c.quit()
        # the other listener is as it was
        with Client(world.inet, GW_EXT) as c:
            assert c.greeting.code == 220


def test_strict(world):
    """No header, no greeting: a line in the log, and no more."""
    wrong = {
        b'EHLO client.test\r\n': 'no header',
        b'PROXY TCP4 192.0.2.1 203.0.113.25 1 25\r\n': 'version 1',
        SIGNATURE + b'\x21\x31\0\x0c' + b'x' * 12: 'neither TCP',
        SIGNATURE + b'\x21\x11\0\x04' + b'x' * 4: 'too short',
        SIGNATURE + b'\x21\x11\xff\xff': 'too long',
        SIGNATURE + b'\x21\0\0\0': 'neither TCP',
        header(tlvs=b'\x04\0\x09x'): 'a field is longer',
        header(tlvs=b'\x03\0\x04abcd'): 'the checksum',
    }
    with Gateway(world, conf(ext=EXT)) as gw:
        for head, why in wrong.items():
            mark = gw.mark()
            with proxy(world, head) as c:
                assert is_closed(c), head
            line = gw.wait_log(mark=mark, event='proxy-refused')[0]
            assert line['text'].startswith(why), (line.text, why)
            assert line['proxy'].startswith(INET)
        # none at all: as long as it may take
        mark = gw.mark()
        with proxy(world, SIGNATURE[:5]) as c:
            assert is_closed(c)
        line = gw.wait_log(mark=mark, event='proxy-refused')[0]
        assert line['text'] == 'no header in time'
        # who is not listed is nobody's proxy, whatever he says
        mark = gw.mark()
        with proxy(world, header(), source=MX) as c:
            assert c.reply().code == 554
            assert is_closed(c)
        line = gw.wait_log(mark=mark, event='refuse')[0]
        assert line['client'].startswith(MX)
        # the client spoke too early: that is its fault, not the proxy's
        mark = gw.mark()
        with proxy(world, header() + b'EHLO client.test\r\n') as c:
            assert c.reply().code == 554
            assert is_closed(c)
        line = gw.wait_log(mark=mark, event='reject')[0]
        assert (line['reason'], line['client'].split(':')[0]) == \
            ('early-talker', CLIENT)
        assert line['proxy'].startswith(INET)


def test_limits_are_the_clients(world):
    """One proxy, many clients: each has its own count."""
    top = 'limit sessions-per-address 2\n'
    with Gateway(world, conf(ext=EXT, top=top)) as gw:
        held = [proxy(world, header('198.51.100.%d' % (n // 2)))
                for n in range(2 * 100, 2 * 104)]
        for c in held:
            assert c.reply().code == 220
        with proxy(world, header('198.51.100.101')) as c:
            assert c.reply().code == 421
            assert is_closed(c)
        line = gw.wait_log(event='refuse')[0]
        assert line['client'].startswith('198.51.100.101:')
        assert line['limit'] == 'sessions-per-address'
        for c in held:
            c.close()


def test_inside(world):
    """accept from is measured by the client, not by its proxy."""
    text = 'listen on %s port %d proxy from %s' % (GW_INT, PORT, HOST_B)
    with Gateway(world, conf(inside=text, accept=HOST_A)):
        for client, code in ((HOST_A, 220), (HOST_B, 554), ('10.0.0.12', 554)):
            c = Client(world.intra, GW_INT, PORT, source=HOST_B, greet=False)
            with c:
                c.send(header(client, GW_INT))
                assert c.reply().code == code, client


def test_connd_is_replaced(world):
    """The new one knows nothing of what the old one handed out: who waits for
    its word is let go, sessions go on, and no worker pays for it."""
    with Gateway(world, conf(ext=EXT + '\nworkers in 1')) as gw:
        worker, = gw.pids('in-ext')
        with proxy(world, header()) as old, Client(world.inet, GW_EXT) as too:
            assert old.reply().code == 220
            c = proxy(world, header()[:20])
            # the worker has it: it serves in this order
            Client(world.inet, GW_EXT).quit()
            gw.wait_replaced('connd-ext', gw.kill('connd-ext'))
            with proxy(world, header()) as new:
                assert new.reply().code == 220
            c.send(header()[20:])
            assert is_closed(c)
            c.close()
            old.quit()
            too.quit()
        with proxy(world, header()) as new:
            assert new.reply().code == 220
        assert gw.pids('in-ext') == [worker]
