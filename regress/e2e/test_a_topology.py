# SPDX-License-Identifier: ISC
"""ACCEPTANCE A: topology and roles."""
import os
import shlex
import subprocess

import pytest

from lab.flows import USER, inside, outside, send_in, send_out, try_rcpt
from lab.gateway import (CONF, GOLDEN, QUICK, Gateway, check_conf, conf,
                         replace)
from lab import san
from lab.inside import PROJECT
from lab.load import Ledger, Load
from lab.smtp import Behaviour, Sink, mail_text, refused, send_mail
from lab.sockets import ESTABLISHED, LISTEN, TIME_WAIT, inventory
from lab.world import (GW_EXT, GW_EXT2, GW_INT, HOST_A, HOST_B, HOST_C, MX,
                       OUTSIDE_DNS)

SITES = (('a', HOST_A, 'example.com', 'mail'),
         ('b', HOST_B, 'branch.example.com', 'mail2'),
         ('c', HOST_C, 'works.example.com', 'mail3'))


@pytest.mark.parametrize('count', [1, 3])
def test_A1_inside_servers_send_and_receive(world, count):
    """Real Postfix on every host: each sends and each receives."""
    sites = SITES[:count]
    for key, address, domain, _ in sites:
        world.host(key, address, [domain])
        world.dns.put(domain, 'MX 10 gw.example.com.')
    world.dns.publish()
    text = conf(domains={d: 'host "%s.corp.example.com"' % name
                         for _, _, d, name in sites},
                accept=', '.join(a for _, a, _, _ in sites))
    users = ['user@' + domain for _, _, domain, _ in sites]
    with Gateway(world, text, users=users):
        for user, (key, address, domain, _) in zip(users, sites):
            out, back = world.token('out'), world.token('back')
            send_mail(world.intra, address, user, 'peer@dest.test',
                      mail_text(out, user), source=address)
            send_mail(world.inet, MX, 'peer@dest.test', user,
                      mail_text(back, to=user))
            mail, = world.mx.wait_mail(out, 'peer@dest.test')
            assert any('gw.example.com' in hop for hop in mail.received)
            world.hosts[key].wait_mail(back, user)


class ExtSockets:
    """What stands on the EXT side, judged against the declared owners."""

    def __init__(self, world, gw):
        self.world, self.gw, self.bad = world, gw, []
        self.seen = {'accepted': set(), 'opened': set(), 'asked': set()}

    def look(self):
        roles = {pid: role for role, pids in self.gw.instances().items()
                 for pid in pids}
        roles[self.gw.pid] = 'posternd'
        for s in inventory(self.world.gw):
            if s.state == TIME_WAIT or s.local.startswith('10.') or \
                    s.remote.startswith('10.'):
                continue
            allowed = self.allowed(s)
            held = {roles.get(pid, 'pid %d' % pid) for pid in s.owners}
            if allowed is None or not held <= allowed:
                self.bad.append((s, held))

    def allowed(self, s):
        """The roles that may hold this socket; None: nobody."""
        if (s.proto, s.local, s.lport) == ('tcp', GW_EXT, 25):
            if s.state == LISTEN:
                return {'posternd', 'connd-ext'}
            self.seen['accepted'].add(s.rport)
            return {'connd-ext', 'in-ext'}
        if s.proto == 'tcp' and s.rport == 25 and s.state != LISTEN:
            if s.state == ESTABLISHED:
                self.seen['opened'].add(s.lport)
            return {'connd-ext', 'out-ext'}
        if s.remote in OUTSIDE_DNS and s.rport == 53:
            self.seen['asked'].add(s.lport)
            return {'connd-ext', 'dnsd-ext'}
        return None


def check_A3(world, gw, sink, count=1500):
    """One role accepts from EXT, one opens port 25, and nothing else."""
    mark = world.ext.mark()
    loads = [Load(world.inet, GW_EXT, 'a@sender.test', USER, count, 10),
             Load(world.intra, GW_INT, USER, 'b@' + sink.domain, count,
                  10, source=HOST_A, prefix='o')]
    for load in loads:
        load.start()
    view = ExtSockets(world, gw)
    for part in range(1, 11):
        loads[0].wait_acked(part * count // 10)
        view.look()
    for load in loads:
        load.join()
    assert not view.bad, view.bad[:3]
    assert view.seen['accepted'] and view.seen['opened'], view.seen
    Ledger(loads[1], sink).wait().check()
    outward = world.ext.opens(mark, out=True)
    assert {p.dport for p in outward} <= {25, 53}, outward[:3]
    assert {p.dst for p in outward if p.dport == 53} <= set(OUTSIDE_DNS)
    inward = world.ext.opened(mark, out=True)
    assert {(p.src, p.sport) for p in inward} == {(GW_EXT, 25)}


def test_A3_one_entry_point(world, gw, sink):
    check_A3(world, gw, sink)


def test_A3_no_other_port_answers(world, gw):
    """Every TCP port of both EXT addresses, tried from the Internet."""
    mark = world.ext.mark()
    for address in (GW_EXT, GW_EXT2):
        for port in range(1, 65536):
            s = world.inet.socket(address)
            s.setblocking(False)
            s.connect_ex((address, port))
            s.close()
    inward = world.ext.opened(mark, out=True)
    assert {(p.src, p.sport) for p in inward} == {(GW_EXT, 25)}


def test_A4_both_sides_one_address(world):
    text = GOLDEN.replace('listen on 10.0.0.5', 'listen on 203.0.113.25')
    checked = check_conf(text)
    assert checked.returncode != 0
    assert '203.0.113.25' in checked.stderr
    assert '203.0.113.25' in Gateway(world, text).refused()


def test_A4_both_sides_one_interface_by_name(world):
    text = conf(ext='interface "ext0"', inside='interface "ext0"')
    assert 'single-homed' in check_conf(text).stderr
    assert 'ext0' in Gateway(world, text).refused()


def test_A4_both_sides_one_interface_by_address(world):
    """Two addresses, but the same wire: seen from the addresses alone."""
    world.gw.ip('addr add 10.9.9.9/32 dev ext0')
    try:
        text = conf().replace('listen on 10.0.0.5', 'listen on 10.9.9.9')
        assert 'ext0' in Gateway(world, text).refused()
    finally:
        world.gw.ip('addr del 10.9.9.9/32 dev ext0')


def check_A5(world):
    """The INT address, routed through EXT: nobody there."""
    mark = world.ext.mark()
    assert refused(world.inet, GW_INT) is not None
    assert world.ext.since(mark, lambda p: p.opens and p.dst == GW_INT and
                           not p.out), 'the packet never arrived'
    assert not world.ext.opened(mark, out=True)
    assert refused(world.intra, GW_INT, source=HOST_A) is None


def test_A5_inside_door_only_from_inside(world, gw):
    check_A5(world)


def check_A6(world):
    """The EXT address, routed through INT: nobody there."""
    mark = world.int.mark()
    assert refused(world.intra, GW_EXT, source=HOST_A) is not None
    assert world.int.since(mark, lambda p: p.opens and p.dst == GW_EXT and
                           not p.out), 'the packet never arrived'
    assert not world.int.opened(mark, out=True)
    assert refused(world.inet, GW_EXT) is None


def test_A6_outside_door_only_from_outside(world, gw):
    check_A6(world)


def test_A7_domains_are_stated_once(world):
    """A new domain: accepted outside and routed inside by one reload."""
    user = 'user@new.example.com'
    users = [USER, user]
    with Gateway(world, conf(), users=users) as gw, \
            Sink(world.intra, '10.0.0.14') as host:
        with outside(world) as c:
            assert try_rcpt(c, user).code == 550
        gw.reload(conf(domains={
            'example.com': 'host "mail.corp.example.com"',
            'new.example.com': 'host 10.0.0.14'}))
        for send in (send_in, send_out):
            token = world.token()
            send(world, token, user)
            mail, = host.wait(token)
            assert mail.rcpts == [user]
        gw.reload(conf())
        with outside(world) as c:
            assert try_rcpt(c, user).code == 550


# Every way one might try to give the Internet side a way out.
RELAY_STATEMENTS = [
    conf(ext='accept from { 0.0.0.0/0 }'),
    conf(ext='accept from { 198.51.100.0/24 }'),
    conf(ext='networks { 198.51.100.0/24 }'),
    conf(ext='connector "*" via dns'),
    conf(ext='senders any'),
    conf(accept='10.0.0.10, 198.51.100.0/24'),
    conf(accept='0.0.0.0/0'),
    conf(networks='0.0.0.0/0', accept='198.51.100.0/24'),
    conf(inside='listen on 203.0.113.26'),
    conf(domains={'*': 'host "mail.corp.example.com"'}),
]


@pytest.mark.parametrize('text', RELAY_STATEMENTS,
                         ids=range(len(RELAY_STATEMENTS)))
def test_A8_no_statement_makes_the_outside_relay(text):
    checked = check_conf(text)
    assert checked.returncode != 0 and checked.stderr.strip()


def test_A8_the_outside_has_no_route_out(world, gw, sink):
    with outside(world) as c:
        reply = try_rcpt(c, 'b@' + sink.domain)
    assert (reply.code, reply.enhanced) == (550, '5.7.1')


def test_A9_every_domain_has_one_connector(world):
    """Listed by name, by suffix, by IDN; unlisted; address literal."""
    ends = {name: world.address() for name in ('one', 'two', 'three', 'mx')}
    sinks = {name: Sink(world.inet, a) for name, a in ends.items()}
    dns = world.domain('MX 10 mx.@', hosts={'mx': ends['mx']})
    text = conf(connectors=[
        '"partner.test" via smarthost %s' % ends['one'],
        '"*.group.test" via smarthost %s' % ends['two'],
        '"xn--bcher-kva.test" via smarthost %s' % ends['three'],
        '"%s" via dns' % dns])
    cases = [('partner.test', 'one'), ('PARTNER.test', 'one'),
             ('x.group.test', 'two'), ('a.b.group.test', 'two'),
             ('xn--bcher-kva.test', 'three'), (dns, 'mx')]
    with Gateway(world, text):
        for domain, name in cases:
            token = world.token()
            send_out(world, token, 'user@' + domain)
            sinks[name].wait(token)
            assert not [n for n, s in sinks.items()
                        if n != name and s.find(token)]
        with inside(world) as c:
            for domain in ('unlisted.test', 'sub.partner.test', 'group.test',
                           '[%s]' % ends['one'], 'dest.test'):
                reply = try_rcpt(c, 'user@' + domain, sender=USER)
                assert 500 <= reply.code < 600, (domain, reply)
    for s in sinks.values():
        s.close()


@pytest.mark.parametrize('twice', [
    ['"*" via dns', '"*" via dns'],
    ['"partner.test" via dns', '"PARTNER.test" via smarthost 198.51.100.9'],
])
def test_A9_a_domain_cannot_match_two(twice):
    checked = check_conf(conf(connectors=twice))
    assert checked.returncode != 0 and 'twice' in checked.stderr


def test_A9_star_takes_literals_to_their_address(world, gw):
    with Sink(world.inet, world.address()) as s:
        token = world.token()
        send_out(world, token, 'user@[%s]' % s.addresses[0])
        s.wait(token)
    with inside(world) as c:
        for literal in ('[10.0.0.10]', '[127.0.0.1]', '[IPv6:::1]',
                        '[IPv6:fd00:10::10]', '[203.0.113.25]'):
            reply = try_rcpt(c, 'user@' + literal, sender=USER)
            if reply.code == 250:
                send_out(world, world.token(), 'user@' + literal)
    mark = world.int.mark()
    gw.wait_empty()
    assert not [p for p in world.int.opens(mark, out=True)
                if p.dst != HOST_A]


def two_hosts(world, first, second):
    """Two sinks and a domain with MX records of these preferences."""
    a, b = world.address(), world.address()
    domain = world.domain('MX %d a.@' % first, 'MX %d b.@' % second,
                          hosts={'a': a, 'b': b})
    return Sink(world.inet, a), Sink(world.inet, b), domain


def test_A10_mx_order(world, gw):
    high, low, domain = two_hosts(world, 20, 10)
    with high, low:
        tokens = [world.token() for _ in range(10)]
        for token in tokens:
            send_out(world, token, 'u@' + domain)
        for token in tokens:
            low.wait(token)
        assert not high.messages.since()


@pytest.mark.parametrize('kind', ['refused', 'greeting', 'hangup', 'mail'])
def test_A10_mx_failover(world, gw, kind):
    first, second, domain = two_hosts(world, 10, 20)
    with first, second:
        if kind == 'refused':
            first.shut()
        else:
            first.behaviour = Behaviour(replies={
                'greeting': {'connect': '421 4.3.2 busy'},
                'hangup': {'connect': 'DROP'},
                'mail': {'mail': '421 4.3.2 going down'}}[kind])
        token = world.token()
        send_out(world, token, 'u@' + domain)
        second.wait(token)
        assert not first.messages.since()


def test_A10_equal_preferences_share(world):
    """Each new connection takes one of them; none is left out."""
    a, b, domain = two_hosts(world, 10, 10)
    text = conf(top='limit messages-per-connection 2\n')
    with a, b, Gateway(world, text) as gw:
        for _ in range(60):
            send_out(world, world.token(), 'u@' + domain)
        gw.wait_empty()
        got = len(a.messages.since()), len(b.messages.since())
        assert sum(got) == 60 and min(got) >= 8, got


def test_A10_null_mx(world, gw):
    """RFC 7505: refused at once with 5.1.10, though the name has an A."""
    with Sink(world.inet, world.address()) as s:
        domain = world.domain('MX 0 .', 'A ' + s.addresses[0])
        token = world.token()
        send_out(world, token, 'u@' + domain)
        mail, = world.hosts['a'].wait_mail(token, USER)
        assert b'5.1.10' in mail.raw
        assert not s.sessions


@pytest.mark.parametrize('records', [['A %s'], ['CNAME host.@']])
def test_A10_address_without_mx(world, gw, records):
    with Sink(world.inet, world.address()) as s:
        address = s.addresses[0]
        domain = world.domain(*[r.replace('%s', address) for r in records],
                              hosts={'host': address})
        token = world.token()
        send_out(world, token, 'u@' + domain)
        s.wait(token)


def test_A10_mx_that_is_ourselves(world, gw):
    """The best MX is the gateway: a loop, seen, and bounced."""
    domain = world.domain('MX 10 gw.example.com.')
    token = world.token()
    mark = world.ext.mark()
    send_out(world, token, 'u@' + domain)
    mail, = world.hosts['a'].wait_mail(token, USER)
    assert b'5.4.6' in mail.raw
    assert not world.ext.since(mark, lambda p: p.opens and p.dport == 25)


def test_A10_smarthost_is_the_alternative(world):
    with Sink(world.inet, world.address(), port=587) as s:
        text = conf(connectors=['"*" via smarthost %s port 587'
                                % s.addresses[0]])
        with Gateway(world, text):
            token = world.token()
            mark = world.ext.mark()
            send_out(world, token, 'u@dest.test')
            s.wait(token)
            assert not world.ext.port(53, mark=mark)


FORWARDING = ('net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding',
              'net.ipv4.conf.ext0.forwarding', 'net.ipv4.conf.int0.forwarding',
              'net.ipv6.conf.int0.forwarding')


@pytest.mark.parametrize('key', FORWARDING)
def test_A11_forwarding_is_refused_at_start(world, key):
    world.gw.sysctl(key, 1)
    try:
        assert 'forwarding' in Gateway(world, conf()).refused()
        allowed = conf(top=QUICK + 'ip forwarding allow\n')
        with Gateway(world, allowed) as gw:
            assert gw.postern('status')
    finally:
        calm(world)


def calm(world):
    for key in FORWARDING + ('net.ipv4.conf.all.forwarding',
                             'net.ipv6.conf.ext0.forwarding'):
        world.gw.sysctl(key, 0)


@pytest.mark.parametrize('key', ['net.ipv4.ip_forward',
                                 'net.ipv6.conf.int0.forwarding'])
def test_A11_forwarding_raises_an_alarm_later(world, gw, key):
    """The kernel tells posternd, and posternd the operator."""
    mark = gw.mark()
    world.gw.sysctl(key, 1)
    try:
        gw.wait_log(5, mark, event='forwarding', alarm='on', level='error')
        assert 'forwarding' in gw.postern('status').stdout
        mark = gw.mark()
    finally:
        calm(world)
    gw.wait_log(5, mark, event='forwarding', alarm='off')


def test_A12_one_installation_one_configuration_one_service(world):
    """make install; what the unit's ExecStart runs brings up all of it."""
    root = '/run/lab/installed'
    subprocess.run(['make', '-s', '-C', PROJECT, 'install', 'PREFIX=' + root,
                    'UNITDIR=%s/unit' % root, 'SYSCONFDIR=/etc', *san.MAKE],
                   check=True, stdout=subprocess.DEVNULL)
    assert os.listdir(root + '/unit') == ['postern.service']
    with open(root + '/unit/postern.service') as f:
        starts = [line.partition('=')[2].strip() for line in f
                  if line.startswith('ExecStart=')]
    argv = shlex.split(starts[0])
    assert len(starts) == 1 and argv[0] == root + '/sbin/posternd'
    assert argv[-1] == CONF
    with Gateway(world, QUICK + GOLDEN, argv=argv) as gw:
        exe = {os.readlink('/proc/%d/exe' % p) for p in gw.all_pids()}
        assert all(e.startswith(root + '/libexec/') for e in exe), exe
        out, back = world.token(), world.token()
        send_out(world, out, 'peer@dest.test')
        send_in(world, back)
        world.mx.wait_mail(out)
        world.hosts['a'].wait_mail(back)


def test_A12_the_sample_is_accepted(world):
    replace('/etc/postern/recipients', USER + '\n')
    with open(PROJECT + '/etc/postern.conf') as f:
        text = f.read()
    checked = check_conf(text)
    assert checked.returncode == 0, checked.stderr
