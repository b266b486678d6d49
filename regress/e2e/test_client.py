# SPDX-License-Identifier: ISC
"""Manners of the SMTP client: what a server takes at a time, and at all."""
import pytest

from lab.flows import USER
from lab.gateway import Gateway, conf
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
