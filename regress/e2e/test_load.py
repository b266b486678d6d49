# SPDX-License-Identifier: ISC
"""10,000 messages each way while every worker is killed in turn."""
import pytest

from lab.flows import OUTSIDER, USER
from lab.gateway import QUICK, Gateway, conf
from lab.load import Ledger, Load
from lab.smtp import Sink
from lab.world import GW_EXT, GW_INT, HOST_A

HOST = '10.0.0.14'
COUNT = 10000
WORKERS = ('in-ext', 'in-int', 'out-ext', 'out-int')


def kill_workers(gw, load, rounds):
    """Every worker of both sides in turn, spread over the load."""
    killed = []
    targets = [(w, n) for w in WORKERS for n in range(len(gw.pids(w)))]
    steps = len(targets) * rounds
    for step in range(steps):
        load.wait_acked((step + 1) * load.count // (steps + 2))
        worker, index = targets[step % len(targets)]
        pid = gw.kill(worker, index=index)
        gw.wait_replaced(worker, pid)
        killed.append((worker, pid))
    return killed


@pytest.mark.parametrize('way', ['in', 'out'])
def test_10000_messages_workers_killed(world, sink, way):
    """All delivered, none lost; doubled only what was in hand."""
    text = conf(domains={'example.com': 'host %s' % HOST},
                top=QUICK + 'workers 2\n')
    with Sink(world.intra, HOST) as host, Gateway(world, text) as gw:
        assert all(len(gw.pids(w)) == 2 for w in WORKERS)
        if way == 'in':
            load = Load(world.inet, GW_EXT, OUTSIDER, USER, COUNT)
        else:
            load = Load(world.intra, GW_INT, USER, 'u@' + sink.domain, COUNT,
                        source=HOST_A)
        load.start()
        killed = kill_workers(gw, load, rounds=2)
        assert len(killed) == 16
        load.join()
        ledger = Ledger(load, host if way == 'in' else sink).wait()
        ledger.check_lost()
        ledger.check_doubles_in_hand()
        gw.wait_empty()
        assert gw.audit()[0] == 0


def test_10000_messages_undisturbed(world, sink):
    """Both ways at once, nothing killed: exactly once each."""
    text = conf(domains={'example.com': 'host %s' % HOST})
    with Sink(world.intra, HOST) as host, Gateway(world, text) as gw:
        loads = [Load(world.inet, GW_EXT, OUTSIDER, USER, COUNT // 2),
                 Load(world.intra, GW_INT, USER, 'u@' + sink.domain,
                      COUNT // 2, source=HOST_A, prefix='o')]
        for load in loads:
            load.start()
        for load, where in zip(loads, (host, sink)):
            load.join()
            Ledger(load, where).wait().check()
        gw.wait_empty()
