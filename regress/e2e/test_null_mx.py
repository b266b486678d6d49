# SPDX-License-Identifier: ISC
"""Senders whose domain takes no mail, RFC 7505: refused if that is wanted and
known, taken otherwise."""
import signal

from lab.flows import USER, inside, outside, send_in
from lab.gateway import Gateway, conf
from lab.proc import wait_until

CHECK = 'check sender mx'


def mail(client, sender):
    reply = client.cmd('MAIL FROM:<%s>' % sender)
    client.expect(250, 'RSET')
    return reply


def refused(reply):
    return (reply.code, reply.enhanced) == (550, '5.7.27')


def test_null_mx(world):
    null, fair = world.domain('MX 0 .'), world.domain('MX 10 mx.@')
    bare = world.domain('TXT "no mail here"')
    with Gateway(world, conf(ext=CHECK)) as gw, outside(world) as c:
        assert refused(mail(c, 'a@' + null))
        line = gw.wait_log(event='reject')[0]
        assert line['reason'] == 'null-mx'
        assert line['stage'] == 'mail'
        assert refused(mail(c, 'a@' + null.upper()))
        for sender in ('a@' + fair, 'a@' + bare, 'a@nowhere.' + bare, '',
                       'a@[198.51.100.10]'):
            reply = mail(c, sender)
            assert reply.code == 250, (sender, reply)
        # pipelined with what follows; the session is as it was
        c.send('MAIL FROM:<a@%s>\r\nRCPT TO:<%s>\r\nMAIL FROM:<a@%s>\r\n'
               'RCPT TO:<%s>\r\nNOOP\r\n' % (null, USER, fair, USER))
        assert [c.reply().code for _ in range(5)] == [550, 503, 250, 250, 250]
        token = world.token()
        assert c.data(b'Subject: %s\r\n\r\nx\r\n' % token.encode()).code \
            == 250
        world.hosts['a'].wait_mail(token, USER, 30)
        # the intranet is not asked about
        with inside(world) as i:
            assert mail(i, 'a@' + null).code == 250


def test_not_stated(world):
    null = world.domain('MX 0 .')
    with Gateway(world, conf()), outside(world) as c:
        mark = world.ext.mark()
        assert mail(c, 'a@' + null).code == 250
        assert not world.ext.port(53, mark=mark)


def test_without_an_answer_mail_is_taken(world):
    """A stopped resolver, then none, then a new one."""
    null = world.domain('MX 0 .')
    with Gateway(world, conf(ext=CHECK)) as gw, outside(world) as c:
        old = gw.kill('dnsd-ext', signal.SIGSTOP)
        assert mail(c, 'a@' + null).code == 250
        token = world.token()
        assert send_in(world, token, sender='a@' + null).code == 250
        world.hosts['a'].wait_mail(token, USER, 30)
        gw.kill('dnsd-ext', signal.SIGKILL)
        gw.wait_replaced('dnsd-ext', old)
        wait_until('the new resolver to be asked',
                   lambda: refused(mail(c, 'a@' + null)))
