# SPDX-License-Identifier: ISC
"""Line ends of inside devices: repaired for those that are listed, refused from
all others and always outside."""
from lab.certs import Cert
from lab.flows import USER, inside, outside
from lab.gateway import Gateway, conf
from lab.inside import WORK
from lab.world import HOST_A, HOST_B, INET

TEXT = 'repair lines from %s' % HOST_B
BODY = 'Subject: %s\n\none\rtwo\n..three\n.\n'


def begin(client, ends='\r\n'):
    client.send('MAIL FROM:<%s>%sRCPT TO:<%s>%s' % (USER, ends, USER, ends))
    assert [client.reply().code for _ in range(2)] == [250, 250]
    client.send('DATA' + ends)
    assert client.reply().code == 354


def deliver(world, client):
    """A message with LF alone; as it arrives inside."""
    token = world.token()
    begin(client, '\n')
    client.send(BODY % token)
    assert client.reply().code == 250
    mail, = world.hosts['a'].wait_mail(token, USER, 30)
    return mail.raw


def test_a_listed_device(world):
    with Gateway(world, conf(inside=TEXT)) as gw:
        with inside(world, HOST_B) as c:
            assert 'CHUNKING' not in c.ehlo()
            for _ in range(2):
                raw = deliver(world, c)
                lines = bytes(raw).replace(b'\r\n', b'\n').split(b'\n')
                at = lines.index(b'one')
                assert lines[at:at + 3] == [b'one', b'two', b'.three'], raw
            c.quit()
        line = gw.wait_log(event='repaired')[0]
        assert line['client'].startswith(HOST_B)
        assert int(line['lines']) == 2 * 9
        # neither a listed host without a fault, nor one that is not listed
        mark = gw.mark()
        with inside(world, HOST_B) as c:
            c.quit()
        with inside(world, HOST_A) as c:
            begin(c)
            c.send('a\nb\r\n.\r\n')
            assert c.reply().code == 550
            c.quit()
        assert not gw.log(mark=mark, event='repaired')


def test_outside_never(world):
    text = 'repair lines from 10.0.0.0/8'
    with Gateway(world, conf(inside=text)), \
            outside(world, source=INET) as c:
        assert 'CHUNKING' in c.ehlo()
        c.send('NOOP\n')
        assert c.reply().code == 500


def test_under_tls(world):
    cert = Cert(WORK + '/tls-repair', 'gw', ['gw.corp.example.com'])
    with Gateway(world, conf(inside=TEXT + '\n' + cert.statement)):
        with inside(world, HOST_B) as c:
            c.starttls()
            assert 'CHUNKING' not in c.ehlo()
            assert b'one' in bytes(deliver(world, c))
            c.quit()
