# SPDX-License-Identifier: ISC
"""A running gateway, one of its processes in an attacker's hands, and what it
answers is wrong: where mail, connections and packets go then.  Each attack
has its control: the same twin with an answer that works."""
import contextlib
import ipaddress
import os
import ssl
import sys

import pytest

from lab import dnswire
from lab.capture import UDP
from lab.certs import Cert
from lab.dns import Rogue
from lab.flows import OUTSIDER, USER, outside, send_in, send_out, try_rcpt
from lab.gateway import CONF, DEFAULT_DOMAIN, Gateway, conf, program
from lab.inside import PROJECT, WORK
from lab.netns import link_down
from lab.proc import wait_until
from lab.smtp import Client, Sink, mail_text, unverified
from lab.world import GW_EXT, GW_EXT2, GW_INT, HOST_A, INET, INSIDE_DNS
from test_hostile_twin import probes, take_over, tree
from test_posternd import door  # noqa: F401

sys.path.insert(0, os.path.join(PROJECT, 'regress', 'hostile'))

import answers as say  # noqa: E402
import chan_stage  # noqa: E402
import chan_table  # noqa: E402
import policy_words as words  # noqa: E402

AT_ONCE = 12  # connections that smtpd-out tries: smtpd-out/plan.h
OTHER_HOST = '10.0.0.14'  # inside, and in no configuration
KEPT = pytest.StashKey()
LOCKED = {'locked.com': 'host "mail.corp.example.com"\n\ttls require'}
LISTENERS = (GW_EXT, GW_INT)


def gateway(world, text):
    return Gateway(world, text, argv=[
        program('master/posternd'), '-d', '-L', tree(), '-f', CONF])


@pytest.fixture(scope='module')
def cert():
    return Cert(WORK + '/answers', 'rsa', ['gw.example.com'], 'rsa')


@pytest.fixture
def twins(world, cert, request):
    """One gateway for all, unless a test had its own."""
    kept = request.session.stash.setdefault(KEPT, {})
    gw = kept.get('gateway')
    if gw is None or Gateway.current is not gw:
        gw = kept['gateway'] = gateway(world, conf(
            ext='workers 1\n' + cert.statement, inside='workers 1',
            domains=dict(DEFAULT_DOMAIN, **LOCKED))).start()
    return gw


@contextlib.contextmanager
def owned(gw, instance, *orders):
    """Taken over for as long; then honest again.  The mark to look from."""
    mark = take_over(gw, instance, *orders)
    line, = gw.wait_log(20, mark, event='child-start', instance=instance)
    try:
        yield mark
    finally:
        if len(gw.log(mark, event='child-exit', instance=instance)) == 1:
            os.kill(int(line['pid']), 9)
    gw.wait_log(20, mark, event='child-start', instance=instance, count=2)


def hang_up(gw, instance):
    """Another worker, which has no session open."""
    row = next(r for r in gw.json('status', check=False)
               if r.get('process') == instance)
    mark = gw.mark()
    os.kill(row['pid'], 9)
    gw.wait_log(20, mark, event='child-start', instance=instance)


class Links:
    """What went over both links since."""

    def __init__(self, world):
        self.world = world
        self.ext, self.int = world.ext.mark(), world.int.mark()

    def called(self, link, mark):
        """Whom the gateway began to talk to, in any protocol."""
        return {p.dst for p in link.since(
            mark, lambda p: p.out and (p.opens or p.proto == UDP))}

    def outside(self):
        return self.called(self.world.ext, self.ext)

    def inside(self):
        return self.called(self.world.int, self.int)


def plain(address):
    return str(ipaddress.ip_address(address))


def denied(gw, mark, proc):
    """Addresses that connd would not dial -> why."""
    return {plain(line['to'].rpartition(':')[0].strip('[]')): line['why']
            for line in gw.log(mark, event='dial-denied', proc=proc)}


def all_denied(gw, mark, proc, those):
    """Until connd has refused each; the reasons.  No other was refused."""
    wait_until('all that is denied', lambda: those <= set(
        denied(gw, mark, proc)))
    why = denied(gw, mark, proc)
    assert set(why) == those
    return set(why.values())


def fate(gw, mark, to):
    line, = gw.wait_log(30, mark, event='delivery', to=to)
    return line['status'], line['reason']


# --- dnsd-ext


def groups():
    """Inside addresses in every form, as the answers about so many names:
    (record type, addresses).  What is a listener comes by itself: smtpd-out
    goes past a host that is the gateway by one of its addresses."""
    every = sorted(set(map(plain, words.inside_forms())) - set(LISTENERS))
    v6 = [a for a in every if ':' in a]
    # an AAAA may come with the IPv4 address that was in it
    v4 = [a for a in every if ':' not in a] + [GW_EXT2]
    for rrtype, found in (say.A, v4), (say.AAAA, v6), (say.AAAA, v4):
        for n in range(0, len(found), AT_ONCE):
            yield rrtype, found[n:n + AT_ONCE]
    for own in LISTENERS:
        yield say.A, [own]


def dns_answers(peer, name, rrtype, found):
    """It has no MX, and these addresses of the one type."""
    for kind in say.A, say.AAAA:
        yield say.when(peer, say.SD_QUERY, say.question(kind, name),
                       say.SD_ANSWER, say.addresses(
                           kind, *(found if kind == rrtype else ())))


def test_dnsd_ext(world, twins, sink):
    """Inside addresses for outside names."""
    found, peer = list(groups()), 'smtpd-out/ext.0'
    name = 'g%02d.lie.test'
    orders = [say.when(peer, say.SD_QUERY, say.question(say.MX),
                       say.SD_ANSWER, say.no_mx())]
    for n, (rrtype, some) in enumerate(found):
        orders += dns_answers(peer, name % n, rrtype, some)
    orders += dns_answers(peer, 'good.lie.test', say.A, [sink.address])
    # the first time the one, the second the other
    for rrtype, turns in ((say.A, ([sink.address], [HOST_A])),
                          (say.AAAA, ([],))):
        orders += [say.when(peer, say.SD_QUERY, say.names(
            rrtype, len('turn1.lie.test'), 'turn'), say.SD_ANSWER,
            say.addresses(rrtype, *t)) for t in turns]
    probes(world, sink)
    with owned(twins, 'dnsd-ext', *orders) as mark:
        links, token = Links(world), world.token()
        for n in range(len(found)):
            send_out(world, token, 'u@' + name % n)
        for n, (_, some) in enumerate(found):
            assert fate(twins, mark, 'u@' + name % n) == (
                'bounced', 'mx-loop' if some[0] in LISTENERS
                else 'policy-address')
        everything = set().union(*(some for _, some in found))
        assert all_denied(
            twins, mark, 'connd/ext', everything - set(LISTENERS)) == {
                'inside', 'special-use', 'own'}
        # the notices to the sender are all that goes anywhere
        assert len(world.hosts['a'].wait_mail(token, USER, 30)) > 0
        twins.wait_empty()
        assert links.outside() == set()
        assert links.inside() <= {HOST_A, INSIDE_DNS}
        # the control: to the Internet it may send what it likes
        token = world.token()
        send_out(world, token, 'u@good.lie.test')
        sink.wait(token)
        token = world.token()
        send_out(world, token, 'u@turn1.lie.test')
        sink.wait(token)
        turn = twins.mark()
        send_out(world, token, 'u@turn2.lie.test')
        assert fate(twins, mark, 'u@turn2.lie.test') == (
            'bounced', 'policy-address')
        assert all_denied(twins, turn, 'connd/ext', {HOST_A}) == {'inside'}
        assert not twins.log(mark, event='violation')
        twins.wait_empty()
        assert links.outside() == {sink.address}
    probes(world, sink)
    chan_table.check_policy(
        'dnsd-ext', 'smtpd-out: %d special-use, inside and own addresses for '
        'outside names' % len(everything), 'connd denies each; nobody is '
        'called', 'connd/policy.c policy_dial(), dial.c is_local()')
    chan_table.check_policy(
        'dnsd-ext', 'smtpd-out: any Internet address for any name',
        'mail goes there', 'none, but "tls verify" and "tls fingerprint"')


def says(client, line):
    reply = client.cmd(line)
    client.expect(250, 'RSET')
    return reply.code, reply.enhanced


def test_dnsd_ext_about_senders(world, sink):
    """All of them take no mail, it says, and so may not send any."""
    with gateway(world, conf(ext='check sender mx\nworkers 1',
                             inside='workers 1')) as gw:
        probes(world, sink)
        with owned(gw, 'dnsd-ext', say.when(
                'smtpd-in/ext.0', say.IN_SENDER, b'', say.IN_ANSWER,
                b'\x02')), outside(world) as c:
            # taken as long as there is nobody to ask
            wait_until('a refusal', lambda: says(
                c, 'MAIL FROM:<%s>' % OUTSIDER) == (550, '5.7.27'))
        probes(world, sink)
    chan_table.check_policy(
        'dnsd-ext', 'smtpd-in: a null MX of every sender, with "check sender '
        'mx"', 'incoming mail is refused', 'none')


def test_dnsd_ext_with_an_address_in_disguise(world, twins, sink):
    """::ffff:10.0.0.10 is no way to write an address here: it is replaced,
    and the question is asked of the next one."""
    peer, raw = 'smtpd-out/ext.0', words.mapped(HOST_A, 0)[:19]
    domain = world.domain('A ' + sink.address)
    probes(world, sink)
    with owned(twins, 'dnsd-ext', say.when(
            peer, say.SD_QUERY, say.question(say.MX), say.SD_ANSWER,
            say.no_mx()), say.when(
            peer, say.SD_QUERY, say.question(say.AAAA), say.SD_ANSWER,
            say.addresses(say.AAAA, raw))) as mark:
        links, token = Links(world), world.token()
        send_out(world, token, 'u@' + domain)
        line = twins.wait_log(20, mark, event='violation')[0]
        assert (line['proc'], line['peer'], line['kind']) == (
            peer, 'dnsd-ext', 'content'), line.text
        twins.wait_log(20, mark, event='child-kill', instance='dnsd-ext')
        sink.wait(token)
        assert links.outside() <= {sink.address, '9.9.9.9',
                                   '149.112.112.112'}
        assert links.inside() == set()
    probes(world, sink)


# --- dnsd-int

INTERNET = ('198.51.100.10', INET, '9.9.9.9', GW_EXT2, '192.168.0.1',
            '127.0.0.1', '169.254.169.254', '224.0.0.1')
INTERNET6 = ('2001:db8:2::10', '2002:c633:640a::1', '64:ff9b::c633:640a',
             '::1')


def send_in_silently(world, token, to=USER):
    """From nobody, so that no notice goes out if it cannot be delivered."""
    reply = send_in(world, token, to=to, sender='')
    assert reply.code == 250
    return reply


def test_dnsd_int(world, twins, sink):
    """Internet addresses for the name of an inside host."""
    peer, name = 'smtpd-out/int.0', 'mail.corp.example.com'
    orders = [say.when(peer, say.SD_QUERY, say.question(kind, name),
                       say.SD_ANSWER, say.addresses(kind, *turn))
              for kind, turns in (
                  (say.A, (INTERNET, [OTHER_HOST])),
                  (say.AAAA, (INTERNET6, []))) for turn in turns]
    probes(world, sink)
    with owned(twins, 'dnsd-int', *orders) as mark, \
            Sink(world.intra, OTHER_HOST) as other:
        hang_up(twins, peer)
        links, token = Links(world), world.token()
        send_in_silently(world, token)
        assert fate(twins, mark, USER) == ('bounced', 'policy-address')
        assert all_denied(
            twins, mark, 'connd/int', set(INTERNET + INTERNET6)) == {
                'outside', 'special-use'}
        assert links.inside() == set()
        # the control: to inside hosts it may
        token = world.token()
        send_in_silently(world, token)
        other.wait(token)
        assert links.inside() == {OTHER_HOST}
        assert links.outside() == set()
        assert not twins.log(mark, event='violation')
    probes(world, sink)
    chan_table.check_policy(
        'dnsd-int', 'smtpd-out: Internet addresses for inside names',
        'connd denies each; nobody is called', 'connd/policy.c dial_int()')
    chan_table.check_policy(
        'dnsd-int', 'smtpd-out: any inside address for any name',
        'mail goes there', 'none, but "tls verify" and "tls fingerprint"')


# --- dird


def test_dird_says_yes(world, twins, sink):
    """To unknown recipients and to foreign domains: mail for these is refused
    all the same, by smtpd-in, and by queued if that is owned as well."""
    peer = 'smtpd-in/ext.0'
    yes = say.when(peer, say.ID_RCPT, b'', say.ID_ANSWER, b'\x01')
    _, samples = chan_stage.contracts()
    local = next(s.payload for s in samples if s.type == words.IQ_COMMIT and
                 s.fd == 'none' and s.sender == 'smtpd-in/ext')
    foreign = local.replace(b'alice@example.com', b'alice@foreign.com')
    assert foreign != local
    probes(world, sink)
    with owned(twins, 'dird', yes) as mark:
        links = Links(world)
        with outside(world) as c:
            reply = try_rcpt(c, 'x@' + sink.domain)
            assert (reply.code, reply.enhanced) == (550, '5.7.1'), reply
            # the control: it is believed about the company's domains
            assert try_rcpt(c, 'nobody-at-all@example.com').code == 250
        twins.wait_log(20, mark, event='twin', to=peer, said='1')
        with owned(twins, peer, say.say('queued', words.IQ_COMMIT, foreign)):
            line, = twins.wait_log(20, mark, event='refuse', proc='queued')
            assert line['to'] == 'alice@foreign.com', line.text
            assert line['reason'] == 'direction', line.text
        assert not twins.queue()
        assert links.outside() == set()
    probes(world, sink)
    chan_table.check_policy(
        'dird', 'smtpd-in: yes to foreign domains', 'not asked: refused',
        'smtpd-in/client.c judge_rcpt(); queued/direction.c')
    chan_table.check_policy(
        'dird', 'smtpd-in: yes to unknown recipients', 'accepted', 'none')


def routes(sink):
    """Recipient -> (hop, status and reason of the delivery)."""
    by = {'policy-address': [
        say.hop(say.HOSTS, say.host(a)) for a in INTERNET + INTERNET6] + [
        say.hop(say.HOSTS, say.host(sink.address)),
        say.hop(say.SMARTHOST, say.host(sink.address)),
        say.hop(say.BY_MX, name='[%s]' % sink.address),
        say.hop(say.BY_DNS, name='[IPv6:2001:db8:2::10]'),
        # of an inside host other ports than those of the configuration
        say.hop(say.HOSTS, *[say.host(HOST_A, p) for p in (
            22, 53, 389, 445)])],
          # names of the Internet are not looked up inside
          'no-route': [
        say.hop(say.HOSTS, say.host('mx.' + sink.domain)),
        say.hop(say.BY_MX, name=sink.domain),
        say.hop(say.BY_DNS, name=sink.domain)],
          'mx-loop': [say.hop(say.HOSTS, say.host(GW_INT))]}
    return {'r%02d' % n: row for n, row in enumerate(
        (hop, why) for why, hops in by.items() for hop in hops)}


def test_dird_routes(world, twins, sink):
    """Routes for the company's mail: to the Internet, to special addresses,
    to other ports; no packet leaves outside."""
    table = routes(sink)
    orders = [say.say('queued', say.QD_CHANGED),
              say.when('smtpd-in/ext.0', say.ID_RCPT, b'', say.ID_ANSWER,
                       b'\x01')]
    table['other'] = say.hop(say.HOSTS, say.host(OTHER_HOST)), None
    orders += [say.when('queued', say.QD_ROUTE, say.recipient(name),
                        say.QD_ANSWER, say.route(hop))
               for name, (hop, _) in table.items()]
    probes(world, sink)
    with owned(twins, 'dird', *orders) as mark, \
            Sink(world.intra, OTHER_HOST) as other:
        twins.wait_log(20, mark, event='twin', to='queued')
        links, token = Links(world), world.token()
        for name, (_, why) in table.items():
            if why is not None:
                send_in_silently(world, token, name + '@example.com')
        for name, (_, why) in table.items():
            if why is not None:
                assert fate(twins, mark, name + '@example.com') == (
                    'bounced', why), name
        twins.wait_empty()
        assert all_denied(twins, mark, 'connd/int', set(
            INTERNET + INTERNET6) | {sink.address, HOST_A}) == {
                'outside', 'special-use', 'port'}
        assert links.inside() == set()
        # the control: another inside host is what it may say
        send_in_silently(world, token, 'other@example.com')
        other.wait(token)
        assert links.inside() == {OTHER_HOST}
        assert links.outside() == set()
        assert not twins.log(mark, event='violation')
    probes(world, sink)
    chan_table.check_policy(
        'dird', 'queued: routes to the Internet, special addresses, other '
        'ports', 'connd denies each; nobody is called',
        'connd/policy.c dial_int(), port_ok()')
    chan_table.check_policy(
        'dird', 'queued: routes by names of the Internet', 'not looked up',
        'common/dns/policy.c dns_policy_may_ask()')
    chan_table.check_policy(
        'dird', 'queued: routes to another inside host',
        'the company\'s mail goes there', 'none')


def test_dird_leaves_tls_out(world, twins, sink):
    """A route says what is asked of TLS there, and is not believed."""
    to = 'someone@locked.com'
    probes(world, sink)
    with owned(twins, 'dird', say.say('queued', say.QD_CHANGED), say.when(
            'smtpd-in/ext.0', say.ID_RCPT, b'', say.ID_ANSWER, b'\x01'),
            say.when('queued', say.QD_ROUTE, b'', say.QD_ANSWER, say.route(
                say.hop(say.HOSTS, say.host(OTHER_HOST))))) as mark, \
            Sink(world.intra, OTHER_HOST) as other:
        twins.wait_log(20, mark, event='twin', to='queued')
        token = world.token()
        send_in_silently(world, token, to)
        assert fate(twins, mark, to) == ('deferred', 'tls-needed')
        assert other.sessions and not other.find(token)
        # the control
        send_in_silently(world, token)
        other.wait(token)
        twins.postern('queue', 'remove', *[m['id'] for m in twins.queue()])
    probes(world, sink)
    chan_table.check_policy(
        'dird', 'queued: a route without the "tls" of its domain',
        'the configuration\'s holds', 'queued/queue_route.c answered_dest()')


# --- queued


def jobs(world, token, *hops, peer):
    """Sessions to these hops, and a message for each that is ready."""
    body = 'Subject: %s\r\n\r\nx\r\n' % token
    yield say.when(peer, say.QO_READY, b'', say.QO_JOB, say.job(
        body, USER, 'u@anywhere.test'))
    for n, hop in enumerate(hops):
        yield say.say(peer, say.QO_OPEN, hop, n + 1)


def literals(found):
    for n in range(0, len(found), 8):
        yield say.hop(say.SMARTHOST, *map(say.host, found[n:n + 8]))


def test_queued(world, twins, sink):
    """Opens jobs outside to inside addresses and inside to the Internet's."""
    token, ext, inside = world.token(), 'smtpd-out/ext.0', 'smtpd-out/int.0'
    v4 = sorted(set(words.INSIDE_V4) - set(LISTENERS))
    orders = [*jobs(
        world, token, *literals(v4), *literals(words.INSIDE_V6),
        say.hop(say.BY_DNS, name='[%s]' % HOST_A),
        say.hop(say.BY_DNS, name='[IPv6:64:ff9b::10.0.0.12]'),
        say.hop(say.BY_DNS, name='mail.corp.example.com'),
        say.hop(say.HOSTS, say.host(sink.address)), peer=ext), *jobs(
        world, token, *literals(INTERNET + INTERNET6),
        say.hop(say.BY_MX, name='[%s]' % sink.address),
        say.hop(say.BY_DNS, name=sink.domain),
        say.hop(say.HOSTS, say.host(OTHER_HOST)), peer=inside)]
    probes(world, sink)
    with Sink(world.intra, OTHER_HOST) as other:
        links = Links(world)
        with owned(twins, 'queued', *orders) as mark:
            sink.wait(token)
            other.wait(token)
            all_denied(twins, mark, 'connd/ext', set(v4) | {
                HOST_A, '64:ff9b::a00:c'} | set(map(plain, words.INSIDE_V6)))
            all_denied(twins, mark, 'connd/int', set(
                INTERNET + INTERNET6) | {sink.address})
            assert links.outside() == {sink.address}
            assert links.inside() == {OTHER_HOST}
    probes(world, sink)
    chan_table.check_policy(
        'queued', 'smtpd-out/ext: jobs to inside and special addresses',
        'connd denies each', 'connd/policy.c dial_ext()')
    chan_table.check_policy(
        'queued', 'smtpd-out/int: jobs to Internet addresses',
        'connd denies each', 'connd/policy.c dial_int()')
    chan_table.check_policy(
        'queued', 'smtpd-out: mail of its own to any host of that side',
        'delivered', 'none')


def test_queued_accepts_and_drops(world, twins, sink):
    """What it says is on disk is taken for that."""
    peer = 'smtpd-in/ext.0'
    probes(world, sink)
    with owned(twins, 'queued', say.say(peer, say.IQ_ROOM, say.room()),
               say.when(peer, say.IQ_COMMIT, b'', say.IQ_DONE,
                        say.accepted())) as mark:
        twins.wait_log(20, mark, event='twin', to=peer)
        links, token = Links(world), world.token()
        wait_until('an accepted message', lambda: answers_250(world, token))
        assert links.outside() == links.inside() == set()
    probes(world, sink)
    assert not world.hosts['a'].has(token)
    chan_table.check_policy(
        'queued', 'smtpd-in: accepted, for mail that it drops',
        'the client hears 250', 'none')


def answers_250(world, token):
    try:
        return send_in(world, token).code == 250
    except (OSError, EOFError, AssertionError):
        return False


# --- connd/int


def dials(peer, where):
    """Whatever it is asked for, this is what it is connected to."""
    return say.when(peer, say.OC_CONNECT, b'', say.OC_ANSWER,
                    say.connected(), where + ':25')


def servers(where):
    """Whatever server dnsd-int asks for, this is the one that it gets."""
    return say.when('dnsd-int', say.DC_SOCKET, b'', say.DC_ANSWER,
                    say.connected(), where + '/53')


def test_connd_int_dials(world, twins, sink):
    """As far as the routes of its namespace go: the company's incoming mail
    can be sent out again."""
    peer = 'smtpd-out/int.0'
    probes(world, sink)
    # names go on being looked up, as those in the cache do not last
    with owned(twins, 'connd/int', dials(peer, sink.address),
               servers(INSIDE_DNS)) as mark:
        hang_up(twins, 'dnsd-int')
        hang_up(twins, peer)
        links, token = Links(world), world.token()
        send_in_silently(world, token)
        sink.wait(token)
        twins.wait_log(20, mark, event='twin', to=peer, said='1')
        assert links.outside() == {sink.address}
    hang_up(twins, peer)  # or that session goes on
    probes(world, sink)
    chan_table.check_policy(
        'connd/int', 'smtpd-out: a socket connected to an Internet host',
        'inside mail goes there', 'none')


def test_connd_int_names_servers(world, twins, sink):
    """Whom dnsd-int asks: names of inside hosts go out."""
    name = 'mail.corp.example.com'

    def answer(query):
        return [dnswire.reply(query, [(query.name, 'A', 1, HOST_A)]
                              if query.kind == 'A' else [])]
    probes(world, sink)
    with contextlib.closing(Rogue(world.inet, sink.address, answer)) as rogue:
        with owned(twins, 'connd/int', servers(sink.address)):
            hang_up(twins, 'dnsd-int')
            hang_up(twins, 'smtpd-out/int.0')
            links, token = Links(world), world.token()
            send_in_silently(world, token)
            wait_until('a question', lambda: name in {
                q.lower() for q, _ in rogue.questions})
            assert links.outside() == {sink.address}
        world.hosts['a'].wait_mail(token)
    probes(world, sink)
    chan_table.check_policy(
        'connd/int', 'dnsd-int: an Internet host as a server',
        'it hears inside names, and answers', 'none')


def test_connd_int_of_a_side_without_the_internet(world, door, sink):  # noqa
    """With the external side in a namespace of its own, and no way out in
    that of posternd, there is nothing to dial."""
    text = conf(ext='namespace "door"\nworkers 1',
                inside='workers 1', domains={
                    'example.com': 'host "%s"' % HOST_A}).replace(
                        GW_EXT, '192.0.2.25')
    peer = 'smtpd-out/int.0'
    with link_down(world.gw, 'ext0'), gateway(world, text) as gw:
        token = world.token()
        with owned(gw, 'connd/int', dials(peer, sink.address)) as mark:
            with Client(world.inet, '192.0.2.25') as c:
                c.ehlo()
                c.envelope('', USER)
                assert c.data(mail_text(token)).code == 250
            # it has tried, and has nothing to hand over
            line, = gw.wait_log(20, mark, event='twin', to=peer)
            assert line['said'] == '0', line.text
        world.hosts['a'].wait_mail(token)
        assert not sink.sessions
    chan_table.check_policy(
        'connd/int', 'smtpd-out: the same, with the Internet interface in '
        'the "namespace" of the external side', 'nothing to connect with',
        'no route; master/spawn.c setns()')


class Called(Client):
    """A client on a connection that the gateway opened."""

    def __init__(self, listener):  # pylint: disable=super-init-not-called
        listener.settimeout(20)
        self.s, self.buf = listener.accept()[0], b''
        self.s.settimeout(20)
        self.greeting = self.reply()


def test_connd_int_vouches(world, twins, sink):
    """For an Internet host, as one of those that may send anywhere."""
    address, token = world.address(), world.token()
    probes(world, sink)
    with contextlib.closing(world.inet.listen(address, 2500)) as listener, \
            owned(twins, 'connd/int', say.say(
                'smtpd-in/int.0', say.CI_SESSION, say.session(HOST_A, GW_INT),
                fd=address + ':2500')), Called(listener) as c:
        assert c.greeting.code == 220
        c.ehlo()
        assert [r.code for r in c.envelope(
            USER, 'u@' + sink.domain)] == [250]
        assert c.data(mail_text(token)).code == 250
        sink.wait(token)
    probes(world, sink)
    chan_table.check_policy(
        'connd/int', 'smtpd-in: an Internet host as a listed inside one',
        'it may send anywhere, as that may', 'none, but "accept certificate" '
        'without addresses')


# --- keyd


def shake_hands(client):
    """(the error, all that the server said)"""
    context, said = unverified(), b''
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(come, go, server_hostname='gw.example.com')
    client.expect(220, 'STARTTLS')
    while True:
        try:
            tls.do_handshake()
            return None, said
        except ssl.SSLWantReadError:
            client.s.sendall(go.read())
            data = client.s.recv(65536)
            assert data, said
            said += data
            come.write(data)
        except ssl.SSLError as e:
            return e, said


def offers_tls(world):
    with outside(world) as c:
        return c.cmd('STARTTLS').code == 220


def test_keyd(world, twins, sink):
    """It signs what is no signature: nobody takes it for one, and mail goes
    on without TLS.  But what it says reaches the client: of its keys, too."""
    secret = (b'what stands in no certificate: ' * 9)[:256]  # RSA, 2048 bits
    peer = 'smtpd-in/ext.0'
    probes(world, sink)
    with owned(twins, 'keyd', say.when(peer, say.SK_PING, b'', say.SK_PONG),
               say.when(peer, say.SK_SIGN, b'', say.SK_SIGNED,
                        say.signed(secret))):
        wait_until('an offer', lambda: offers_tls(world))
        with outside(world) as c:
            error, said = shake_hands(c)
            assert error is not None and secret in said, (error, said)
        probes(world, sink)
    wait_until('an offer', lambda: offers_tls(world))
    with outside(world) as c:
        assert shake_hands(c)[0] is None
    probes(world, sink)
    chan_table.check_policy(
        'keyd', 'smtpd-in: anything for a signature',
        'handed on: its keys can leave in handshakes', 'none')
    chan_table.check_policy(
        'keyd', 'smtpd-in: what is no signature',
        'the handshake fails; mail without TLS goes on', 'the client')
