# SPDX-License-Identifier: ISC
"""ACCEPTANCE D: internal mail, and flows that fail apart."""
import contextlib
import signal
import threading
import time

import pytest

from lab.flows import OUTSIDER, USER, send_in, send_out
from lab.gateway import QUICK, Gateway, conf
from lab.load import Ledger, Load, percentile
from lab.proc import is_alive, wait_until
from lab.smtp import Client, Sink, mail_text, send_mail
from lab.world import GW_EXT, GW_INT, HOST_A, HOST_B

HOST = '10.0.0.14'
HOST_NAME = 'sink.corp.example.com'

# Which flows may suffer from a process; DESIGN section 2 and promise 4.
FLOWS = {'in', 'out', 'local'}
DEGRADES = {
    'connd-ext': {'in', 'out'}, 'connd-int': {'in', 'out', 'local'},
    'in-ext': {'in'}, 'in-int': {'out', 'local'}, 'queued': FLOWS,
    'out-ext': {'out'}, 'out-int': {'in', 'local'},
    'dnsd-ext': {'out'}, 'dnsd-int': {'in', 'local'},
    'dird': {'in', 'out', 'local'}, 'logd': set(), 'ctld': set(),
    'keyd': set(),
}


class Flows:
    """Probes of the three flows against a sink on either side."""

    def __init__(self, world, host, peer):
        self.world, self.host, self.peer = world, host, peer

    def send(self, flow, token):
        if flow == 'in':
            send_in(self.world, token)
        elif flow == 'local':
            send_out(self.world, token, 'bob@example.com')
        else:
            send_out(self.world, token, 'u@' + self.peer.domain)

    def arrive(self, flow, token, timeout):
        where = self.peer if flow == 'out' else self.host
        where.wait(token, timeout)

    def work(self, flows=FLOWS, timeout=10):
        """One message of each flow, there in time."""
        sent = []
        for flow in sorted(flows):
            token = self.world.token(flow)
            wait_until('%s to be accepted' % flow,
                       lambda f=flow, t=token: self.accepted(f, t), timeout)
            sent.append((flow, token))
        for flow, token in sent:
            self.arrive(flow, token, timeout)

    def accepted(self, flow, token):
        try:
            self.send(flow, token)
            return True
        except (OSError, AssertionError):
            return False


@pytest.fixture
def flows(world, sink):
    world.indns.put(HOST_NAME, 'A ' + HOST)
    world.indns.publish()
    text = conf(domains={'example.com': 'host "%s"' % HOST_NAME})
    with Sink(world.intra, HOST) as host, Gateway(world, text) as gw:
        gw.flows = Flows(world, host, sink)
        yield gw


def test_D1_not_in_the_path_of_inside_mail(world):
    """Inside servers reach each other with no gateway at all."""
    if Gateway.current:
        Gateway.current.stop()
    world.host('b', HOST_B, ['branch.example.com'])
    token = world.token()
    with Client(world.intra, HOST_B, source=HOST_A) as c:
        c.ehlo()
        c.envelope(USER, 'user@branch.example.com')
        assert c.data(mail_text(token)).code == 250
    world.hosts['b'].wait_mail(token)


def test_D1_company_mail_goes_back_by_INT(world, gw):
    """What an inside server does send to VS1 never sees EXT."""
    gw.wait_empty()
    mark, inner = world.ext.mark(), world.int.mark()
    token = world.token()
    send_mail(world.intra, GW_INT, USER, 'bob@example.com', mail_text(token),
              source=HOST_B)
    mail, = world.hosts['a'].wait_mail(token, 'bob@example.com')
    assert 'by gw.example.com' in mail.received[1]
    assert [p.dst for p in world.int.opens(inner, out=True)
            if p.dport == 25] == [HOST_A]
    assert not world.ext.since(mark, lambda p: p.out)


TROUBLE = {
    'blackhole': lambda dns: dns.blackhole(),
    'servfail': lambda dns: dns.trouble('servfail'),
    'drip': lambda dns: dns.trouble('drip'),
    'garbage': lambda dns: dns.trouble('garbage'),
}


def latencies(world, count=150):
    """Seconds from MAIL to the final 250, inbound and inside."""
    spent = {}
    for name, ns, address, source, to in (
            ('in', world.inet, GW_EXT, None, USER),
            ('local', world.intra, GW_INT, HOST_A, 'bob@example.com')):
        spent[name] = []
        with Client(ns, address, source=source) as c:
            c.ehlo()
            for _ in range(count):
                start = time.monotonic()
                c.envelope(OUTSIDER if name == 'in' else USER, to)
                assert c.data(mail_text('latency')).code == 250
                spent[name].append(time.monotonic() - start)
    return spent


def p99(spent):
    return {name: percentile(v, 0.99) for name, v in spent.items()}


def check_calm(world, gw, trouble, rounds=12):
    """p99 in trouble is within 10 % of p99 without.

    The machine is shared, and what others do on it only ever adds: so the
    rounds alternate, and the least of each is what the gateway needs by
    itself.  What trouble costs it stands in every round, in the least, too.
    Five milliseconds, a slice of the scheduler, are the grain below which two
    runs cannot be told apart; one question to a dead resolver takes seconds.
    """
    calm, during = [], []
    for _ in range(rounds):
        calm.append(p99(latencies(world)))
        with trouble():
            send_out(world, world.token(), 'u@%s' % unasked(world))
            during.append(p99(latencies(world)))
        if all(min(d[f] for d in during) <=
               1.1 * min(c[f] for c in calm) + 0.005 for f in calm[0]):
            return
    raise AssertionError('p99 in s, before and in trouble: %s, %s' % (
        calm, during))


def unasked(world):
    """A name that the gateway cannot have in its cache."""
    return world.token('never').replace('-', '') + '.test'


def check_D2(world, gw, kind, sink):
    """External DNS trouble: inbound and inside mail do not notice."""
    gw.wait_empty()
    mark = gw.mark()
    check_calm(world, gw, lambda: TROUBLE[kind](world.dns))
    with TROUBLE[kind](world.dns):
        tokens = [world.token() for _ in range(20)]
        late = [world.token() for _ in range(20)]
        for token, other in zip(tokens, late):
            send_in(world, token)
            send_out(world, other, 'u@' + sink.domain)
        for token in tokens:
            world.hosts['a'].wait_mail(token, USER, timeout=10)
        assert not [m for m in late if sink.find(m)]
        gw.wait_log(60, mark, event='delivery', status='deferred')
    for token in late:
        sink.wait(token, timeout=60)
    wrong = [line.text for line in gw.deliveries(mark)
             if line['status'] != 'sent' and
             line.get('to', '').endswith('@example.com')]
    assert not wrong, wrong[:3]
    for row in gw.queue():
        gw.postern('queue', 'remove', row['id'], check=False)


@pytest.mark.parametrize('kind', sorted(TROUBLE))
def test_D2_external_dns_trouble(world, gw, sink, kind):
    check_D2(world, gw, kind, sink)


@contextlib.contextmanager
def killed_every_second(gw, instance):
    """SIGKILL for the instance each second; yields the list of pids."""
    over, killed = threading.Event(), []

    def work():
        while not over.wait(1.0):
            with contextlib.suppress(IndexError, ProcessLookupError):
                killed.append(gw.kill(instance))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_D3_external_resolver_killed_every_second(world):
    """dnsd-ext dies each second: inbound and inside mail go on."""
    with Gateway(world, conf()) as gw:
        mark = gw.mark()
        check_calm(world, gw, lambda: killed_every_second(gw, 'dnsd-ext'))
        with killed_every_second(gw, 'dnsd-ext') as killed:
            tokens = [world.token() for _ in range(30)]
            for token in tokens:
                send_in(world, token)
                world.hosts['a'].wait_mail(token, USER, timeout=5)
            wait_until('some kills', lambda: len(killed) >= 3)
        assert not [line for line in gw.deliveries(mark, status='deferred')
                    if line.get('to', '').endswith('@example.com')]


def test_D3_external_servers_killed_every_second(world, gw, sink):
    """The same with the DNS servers themselves; outbound drains after."""
    over = threading.Event()

    def work():
        while not over.wait(1.0):
            with world.dns.down():
                over.wait(0.5)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    late = [world.token() for _ in range(10)]
    try:
        for other in late:
            token = world.token()
            send_in(world, token)
            send_out(world, other, 'u@' + sink.domain)
            world.hosts['a'].wait_mail(token, USER, timeout=5)
    finally:
        over.set()
        thread.join()
        world.dns.start_all()
    for token in late:
        sink.wait(token, timeout=60)


@pytest.mark.parametrize('instance', sorted(DEGRADES))
def test_D4_killed(flows, instance):
    """SIGKILL: the other flows go on, it is replaced, all flows work."""
    gw = flows
    gw.flows.work()
    pid = gw.kill(instance)
    gw.flows.work(FLOWS - DEGRADES[instance], timeout=5)
    gw.wait_replaced(instance, pid)
    gw.flows.work(timeout=20)
    gw.wait_empty()


@pytest.mark.parametrize('instance', sorted(DEGRADES))
def test_D4_stopped(flows, instance):
    """SIGSTOP: no end of file, no answers; noticed and replaced."""
    gw = flows
    gw.flows.work()
    pid = gw.kill(instance, signal.SIGSTOP)
    gw.flows.work(FLOWS - DEGRADES[instance], timeout=10)
    gw.wait_replaced(instance, pid, timeout=60)
    gw.flows.work(timeout=20)
    gw.wait_empty()


def test_D4_every_process_killed_under_load(world, flows):
    """Each process in turn, with mail both ways: nothing is lost."""
    gw = flows
    loads = [Load(world.inet, GW_EXT, OUTSIDER, USER, 3000, 10),
             Load(world.intra, GW_INT, USER, 'u@' + gw.flows.peer.domain,
                  3000, 10, source=HOST_A, prefix='o')]
    for load in loads:
        load.start()
    for step, instance in enumerate(sorted(DEGRADES), 1):
        loads[0].wait_acked(200 * step)
        pid = gw.kill(instance)
        gw.wait_replaced(instance, pid)
    for load, where in zip(loads, (gw.flows.host, gw.flows.peer)):
        load.join()
        ledger = Ledger(load, where).wait()
        ledger.check_lost()
    gw.wait_empty()


def test_D4_posternd_killed(world, sink):
    """Its children do not outlive it; what was queued is delivered."""
    sink.shut()
    gw = Gateway(world, conf()).start()
    tokens = [world.token() for _ in range(50)]
    for token in tokens:
        send_out(world, token, 'u@' + sink.domain)
    pids = gw.all_pids()
    gw.process.signal(signal.SIGKILL)
    gw.process.wait()
    Gateway.current = None
    wait_until('the children to end', lambda: not any(map(is_alive, pids)))
    sink.open()
    with Gateway(world, conf(), fresh=False) as again:
        for token in tokens:
            sink.wait(token, timeout=60)
        again.wait_empty()
        assert len(sink.messages.since()) == len(tokens)


def test_D4_a_power_cut_at_any_moment(world, sink):
    """Everything dies at once under load, five times: nothing is lost."""
    gw = Gateway(world, conf()).start()
    load = Load(world.intra, GW_INT, USER, 'u@' + sink.domain, 3000, 10,
                source=HOST_A)
    load.start()
    for step in range(1, 6):
        load.wait_acked(400 * step)
        gw.kill_all()
        gw = Gateway(world, conf(), fresh=False).start()
    load.join()
    Ledger(load, sink).wait().check_lost()
    gw.wait_empty()
    gw.stop()


def test_D_reload_drops_no_session(world):
    """Sessions begun before a reload end well after it."""
    with Gateway(world, conf()) as gw:
        with Client(world.inet, GW_EXT) as c:
            c.ehlo()
            c.envelope(OUTSIDER, USER)
            gw.reload(conf(top=QUICK + 'limit recipients 500\n'))
            token = world.token()
            assert c.data(mail_text(token)).code == 250
            c.quit()
        world.hosts['a'].wait_mail(token)


def test_D_a_bad_reload_changes_nothing(world):
    with Gateway(world, conf()) as gw:
        line = gw.reload(conf().replace('listen', 'lisen', 1))
        assert line['result'] == 'refused', line
        token = world.token()
        send_in(world, token)
        world.hosts['a'].wait_mail(token)
        gw.write_conf(conf())


def test_D_listeners_survive_connd(world):
    """connd killed: a connection made meanwhile waits and is served."""
    with Gateway(world, conf()) as gw:
        for instance, ns, address in (('connd-ext', world.inet, GW_EXT),
                                      ('connd-int', world.intra, GW_INT)):
            pid = gw.kill(instance)
            with Client(ns, address, source=HOST_A if ns is world.intra
                        else None) as c:
                assert c.greeting.code == 220
            assert pid not in gw.pids(instance)
