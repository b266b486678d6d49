# SPDX-License-Identifier: ISC
"""Manners of the SMTP client: what a server takes at a time, and at all."""
import email

import pytest

from lab.dsn import Notification
from lab.flows import USER
from lab.gateway import Gateway, conf
from lab.proc import wait_until
from lab.smtp import EXTENSIONS, Behaviour, Sink, mail_text, send_mail
from lab.world import GW_INT, HOST_A

SLOW = 'retry { 1h }\nexpire 2d\n'  # what is tried again is not seen here


@pytest.fixture(scope='module')
def slow(world):
    with Gateway(world, conf(top=SLOW)) as gateway:
        yield gateway


def some_only(most):
    """Refuse each recipient after that many of a transaction."""
    def rcpt(session, _line):
        full = len(session.message.rcpts) >= most
        return '452 4.5.3 too many recipients' if full else None
    return rcpt


@pytest.mark.parametrize('extensions, replies, most', [
    (('LIMITS RCPTMAX=7',), {}, 7),
    (('LIMITS RCPTMAX=7 MAILMAX=2',), {}, 7),
    (('LIMITS RCPTMAX=1',), {}, 1),
    ((), {'rcpt': some_only(10)}, 10),
    (('LIMITS RCPTMAX=20',), {'rcpt': some_only(3)}, 3),
], ids=('rcptmax', 'mailmax', 'one', '452', 'both'))
def test_recipients_at_a_time(world, slow, extensions, replies, most):
    """All get it once, at once, in transactions that the server likes."""
    with Sink(world.inet, world.address(),
              behaviour=Behaviour(EXTENSIONS + extensions, replies)) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        rcpts = ['u%02d@%s' % (n, domain) for n in range(30)]
        token = world.token()
        send_mail(world.intra, GW_INT, USER, rcpts, mail_text(token),
                  source=HOST_A)
        slow.wait_empty()
        messages = s.find(token)
        assert all(len(m.rcpts) <= most for m in messages)
        assert sorted(r for m in messages for r in m.rcpts) == rcpts
        if 'MAILMAX' in str(extensions):
            for session in s.sessions:
                mails = [c for c in session.commands if c[:4] == 'MAIL']
                assert len(mails) <= 2, session.commands


EIGHT = (
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b c"\r\n'
    'Content-Transfer-Encoding: 8bit\r\nSubject: %s\r\n\r\n'
    '--b c\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n'
    '--alt\r\nContent-Type: text/plain; charset=utf-8\r\n'
    'Content-Transfer-Encoding: 8bit\r\n\r\n'
    'Grüße = \r\n.\r\n-- \r\n' + 'ж' * 300 + '\r\n'
    '--alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>é</p>\r\n'
    '--alt--\r\n'
    '--b c\r\nContent-Type: message/rfc822\r\n\r\n'
    'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n'
    'Content-Transfer-Encoding: 8bit\r\nSubject: inner\r\n\r\nnaïve\r\n'
    '--b c\r\nContent-Type: application/octet-stream\r\n'
    'Content-Transfer-Encoding: base64\r\n\r\nAAECA/8=\r\n--b c--\r\n')
NO_8BITMIME = tuple(e for e in EXTENSIONS if e != '8BITMIME')


def parts(raw):
    """Types, names and decoded octets of all that has no parts."""
    mail = email.message_from_bytes(raw)
    assert not any(p.defects for p in mail.walk())
    return [(p.get_content_type(), p.get_content_charset(),
             p.get_payload(decode=True)) for p in mail.walk()
            if not p.is_multipart()]


@pytest.mark.parametrize('extensions', [
    NO_8BITMIME, (), NO_8BITMIME + ('CHUNKING',)], ids=('7bit', 'helo', 'bdat'))
@pytest.mark.parametrize('copies', (1, 300), ids=('inline', 'in-a-file'))
def test_8_bit_to_a_7_bit_server(world, gw, extensions, copies):
    """RFC 6152 3: converted, and the same mail to whoever reads it."""
    with Sink(world.inet, world.address(),
              behaviour=Behaviour(extensions)) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        token = world.token()
        inner = '--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n' \
            + 'viele Wörter\r\n' * 40
        text = EIGHT.replace('--alt--', inner * (copies - 1) + '--alt--')
        send_mail(world.intra, GW_INT, USER, 'u@' + domain,
                  (text % token).encode(), source=HOST_A)
        message, = s.wait(token)
        assert 'BODY' not in message.params
        assert max(message.data) < 128
        assert max(map(len, message.data.split(b'\r\n'))) <= 998
        assert parts(message.data) == parts((text % token).encode())


def test_8_bit_that_is_signed(world, gw):
    """RFC 1847: it is not touched, but returned."""
    text = ('MIME-Version: 1.0\r\nSubject: %s\r\n'
            'Content-Type: multipart/signed; boundary=s\r\n\r\n'
            '--s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\né\r\n'
            '--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n'
            '--s--\r\n')
    with Sink(world.inet, world.address(),
              behaviour=Behaviour(NO_8BITMIME)) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        token = world.token()
        send_mail(world.intra, GW_INT, USER, 'u@' + domain, text % token,
                  source=HOST_A)
        mail, = world.hosts['a'].wait_mail(token, USER, 40)
        fields = Notification(mail.raw).about('u@' + domain)
        assert (fields['action'], fields['status']) == ('failed', '5.6.3')
        assert not s.find(token)


def test_a_reply_in_drips(world, slow):
    """The time of a reply is that of the whole of it (RFC 5321 4.5.3.2)."""
    def drip(session, _line):
        session.s.sendall(b'221-')
        for _ in range(120):
            session.sink.over.wait(0.5)
            session.s.sendall(b'x')

    with Sink(world.inet, world.address(),
              behaviour=Behaviour(replies={'quit': drip})) as s:
        domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
        token = world.token()
        send_mail(world.intra, GW_INT, USER, ['u@' + domain],
                  mail_text(token), source=HOST_A)
        s.wait(token)
        session = s.sessions[0]
        wait_until('the session to end', lambda: session.ended, 50)
        assert session.commands[-1] == 'QUIT'
        assert session.ended == 'dropped'  # by the gateway
