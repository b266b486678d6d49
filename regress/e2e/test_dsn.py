# SPDX-License-Identifier: ISC
"""RFC 3461 and RFC 8689 from end to end: what a sender asks of reports, by a
next hop that knows it and by one that does not; REQUIRETLS."""
import pytest

from lab.certs import Cert
from lab.dsn import Notification
from lab.flows import USER, inside
from lab.gateway import QUICK, Gateway, conf
from lab.inside import WORK
from lab.smtp import EXTENSIONS, Behaviour, Client, Sink, mail_text
from lab.world import GW_INT, HOST_A

MAIL = 'MAIL FROM:<%s> RET=HDRS ENVID=QQ+2B314' % USER
ORCPT = 'ORCPT=rfc822;Bob+2BX@old.test'


def target(world, extensions, replies=None):
    """A next hop and a domain that leads there."""
    s = Sink(world.inet, world.address(),
             behaviour=Behaviour(extensions, replies))
    s.domain = world.domain('MX 10 mx.@', hosts={'mx': s.addresses[0]})
    return s


def submit(world, rcpt, params, mail=MAIL):
    token = world.token()
    with inside(world) as c:
        assert 'DSN' in c.ehlo()
        c.expect(250, mail)
        c.expect(250, 'RCPT TO:<%s> %s' % (rcpt, params))
        assert c.data(mail_text(token)).code == 250
    return token


def command(message, verb):
    return next(c for c in message.session.commands if c.startswith(verb))


def notice(world, token):
    mail, = world.hosts['a'].wait_mail(token, USER, 40)
    assert mail['Return-Path'] == '<>'
    return Notification(mail.raw)


def test_a_next_hop_with_dsn(world, gw):
    """All is handed on, and no word of success is ours (5.2.1)."""
    with target(world, EXTENSIONS + ('DSN',)) as s:
        mark = gw.mark()
        token = submit(world, 'u@' + s.domain,
                       'NOTIFY=SUCCESS,FAILURE ' + ORCPT)
        message, = s.wait(token)
        assert 'RET=HDRS' in message.params
        assert 'ENVID=QQ+2B314' in message.params
        rcpt = command(message, 'RCPT')
        assert 'NOTIFY=SUCCESS,FAILURE' in rcpt and ORCPT in rcpt
        gw.wait_empty()
        gw.wait_log(mark=mark, event='delivery', status='sent')
        assert not gw.log(mark, event='notice')
        assert not world.hosts['a'].has(token, USER)


def test_a_next_hop_without_dsn(world, gw):
    """Nothing is handed on; "relayed" goes to the sender (5.2.2)."""
    with target(world, EXTENSIONS) as s:
        mark = gw.mark()
        token = submit(world, 'u@' + s.domain, 'NOTIFY=SUCCESS ' + ORCPT)
        message, = s.wait(token)
        assert not {'RET', 'ENVID', 'NOTIFY', 'ORCPT'} & {
            w.split('=')[0] for w in ' '.join(message.session.commands).split()}
        dsn = notice(world, token)
        fields = dsn.about('u@' + s.domain)
        assert fields['action'] == 'relayed'
        assert fields['original-recipient'] == 'rfc822; Bob+X@old.test'
        assert dsn.message['original-envelope-id'] == 'QQ+314'
        assert dsn.original.get_content_type() == 'text/rfc822-headers'
        gw.wait_log(mark=mark, event='notice', kind='success')


@pytest.mark.parametrize('extensions', [EXTENSIONS, EXTENSIONS + ('DSN',)],
                         ids=('without', 'with'))
@pytest.mark.parametrize('params', ['NOTIFY=NEVER', 'NOTIFY=DELAY',
                                    'NOTIFY=SUCCESS'])
def test_failures_are_told_to_those_who_ask(world, gw, extensions, params):
    """4.1: a failure is told to none of these."""
    with target(world, extensions, {'rcpt': '550 5.1.1 no'}) as s:
        mark = gw.mark()
        token = submit(world, 'u@' + s.domain, params)
        gw.wait_log(mark=mark, event='delivery', status='bounced')
        gw.wait_empty()
        assert not gw.log(mark, event='notice')
        assert not world.hosts['a'].has(token, USER)


@pytest.mark.parametrize('ret, whole', [('FULL', True), ('HDRS', False)])
def test_ret(world, gw, ret, whole):
    """4.3: what comes back of the text."""
    with target(world, EXTENSIONS, {'rcpt': '550 5.1.1 no'}) as s:
        token = submit(world, 'u@' + s.domain, 'NOTIFY=FAILURE',
                       'MAIL FROM:<%s> RET=%s' % (USER, ret))
        dsn = notice(world, token)
        assert dsn.about('u@' + s.domain)['action'] == 'failed'
        want = 'message/rfc822' if whole else 'text/rfc822-headers'
        assert dsn.original.get_content_type() == want


def test_requiretls(world):
    """Offered under TLS only; never over clear text, nor is the report."""
    cert = Cert(WORK + '/dsn-tls', 'inside', ['gw.corp.example.com'])
    text = conf(top=QUICK, inside=cert.statement + '\n')
    with Gateway(world, text) as gw, target(world, EXTENSIONS) as s:
        token = world.token()
        with Client(world.intra, GW_INT, source=HOST_A) as c:
            assert 'REQUIRETLS' not in c.ehlo()
            c.expect(555, 'MAIL FROM:<%s> REQUIRETLS' % USER)
            c.starttls()
            assert 'REQUIRETLS' in c.ehlo()
            c.expect(250, 'MAIL FROM:<%s> RET=FULL REQUIRETLS' % USER)
            c.expect(250, 'RCPT TO:<u@%s>' % s.domain)
            assert c.data(mail_text(token)).code == 250
        gw.wait_log(to='u@' + s.domain, status='bounced', dsn='5.7.30')
        gw.wait_log(event='notice', kind='failure')
        gw.wait_log(to=USER, status='bounced', dsn='5.7.30')
        gw.wait_log(event='drop')
        gw.wait_empty()
        assert not s.find(token)
        assert not world.hosts['a'].has(token, USER)
