# SPDX-License-Identifier: ISC
"""Mail through the gateway, as the tests send it again and again."""
from .smtp import Client, mail_text, send_mail
from .world import GW_EXT, GW_INT, HOST_A

USER = 'alice@example.com'
OUTSIDER = 'someone@sender.test'


def send_in(world, token, to=USER, sender=OUTSIDER, **kw):
    """Mail from the Internet to the gateway; the reply."""
    return send_mail(world.inet, GW_EXT, sender, to,
                     mail_text(token, sender, USER), **kw)


def send_out(world, token, to, sender=USER, source=HOST_A, **kw):
    """Mail from an inside host to the gateway; the reply."""
    return send_mail(world.intra, GW_INT, sender, to,
                     mail_text(token, sender, 'x@dest.test'), source=source,
                     **kw)


def both_ways(world, sink, source=None):
    """A message in, from this Internet host, and one out to the sink."""
    token = world.token()
    assert send_in(world, token, source=source).code == 250
    world.hosts['a'].wait_mail(token)
    token = world.token()
    assert send_out(world, token, 'u@' + sink.domain).code == 250
    sink.wait(token)


def outside(world, **kw):
    """A session of an Internet host, after EHLO."""
    client = Client(world.inet, GW_EXT, **kw)
    assert client.greeting.code == 220, client.greeting
    client.ehlo()
    return client


def inside(world, source=HOST_A, **kw):
    """A session of an inside mail server, after EHLO."""
    client = Client(world.intra, GW_INT, source=source, **kw)
    assert client.greeting.code == 220, client.greeting
    client.ehlo()
    return client


def try_rcpt(client, to, sender=OUTSIDER):
    """The reply to RCPT in a transaction of its own."""
    client.expect(250, 'MAIL FROM:<%s>' % sender)
    reply = client.cmd('RCPT TO:<%s>' % to)
    client.expect(250, 'RSET')
    return reply
