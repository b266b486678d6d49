# SPDX-License-Identifier: ISC
"""The black-box suites against a single-homed Postern on loopback.

Postfix 3.7 fails three of the plain inbound cases and none of the outbound
ones; Postern is held to all of them.
"""
import os
import re

import pytest

from lab.certs import Cert
from lab.gateway import Gateway
from lab.inside import WORK
from lab.netns import Namespace
from lab.suites import (Orders, prepare_outbound, run_clients, run_suite,
                        run_torture)

# Both sides on loopback: the suites' mail servers, DNS servers and next hop
# are all addresses of 127.0.0.0/8.
CONF = '''\
hostname "mx.gw.test"
single-homed
log to stderr
retry { 5s }
external {
	listen on 127.0.0.1 port 2525
	dns { 127.0.0.1 }
	reach { 127.1.0.0/16 }
	%s
}
internal {
	listen on 127.0.0.2 port 2625
	networks { 127.0.0.0/24 }
	accept from { 127.0.0.1, 127.0.0.2 }
}
domain "gw.test" {
	recipients %s
	deliver to host 127.0.0.3 port 2600
}
connector "*" via dns
'''
SINK = '127.0.0.3:2600'
USERS = ['user@gw.test', 'other@gw.test']
CLIENTS = {'raw HELO', 'smtplib', 'smtplib 8bit', 'smtplib STARTTLS',
           'smtplib SMTPUTF8', 'swaks', 'swaks pipelined', 'swaks STARTTLS',
           'curl', 'curl STARTTLS', 'msmtp', 'msmtp STARTTLS', 's-nail',
           'smtp-source'}


@pytest.fixture(scope='module')
def solo():
    """A namespace with nothing but loopback."""
    return Namespace('solo')


def judge(output, results, least):
    """Every case passes, none is left out, and enough of them ran."""
    failed = {cid: why for cid, (status, why) in results.items()
              if status == 'FAIL'}
    assert not failed, '%s\n%s' % (failed, output[-3000:])
    skipped = {cid for cid, (status, _) in results.items()
               if status == 'skip'}
    assert not skipped, skipped
    passed = sum(status == 'pass' for status, _ in results.values())
    assert passed >= least, output[-500:]


@pytest.fixture
def inbound(world, solo):
    """A gateway with TLS at its Internet door."""
    cert = Cert(WORK + '/suites', 'suites', ['mx.gw.test'])
    text = CONF % (cert.statement, 'file "/etc/postern/recipients"')
    with Gateway(world, text, users=USERS, ns=solo) as gw:
        yield gw


def test_smtp_conform(world, solo, inbound):
    output, results = run_suite(
        solo, world.peers, 'smtp_conform.py', '--host', '127.0.0.1',
        '--port', '2525', '--local-domain', 'gw.test', '--valid-rcpt',
        USERS[0], '--valid-rcpt2', USERS[1], '--sink', SINK)
    judge(output, results, least=136)


def test_interop_clients(world, solo, inbound):
    """Real clients, in clear text and under TLS; all that is installed."""
    output = run_clients(solo, world.peers, '--host', '127.0.0.1', '--port',
                         '2525', '--sink', SINK, '--rcpt', USERS[0])
    passed = set(re.findall(r'^pass (.+?) *$', output, re.M))
    assert re.search(r'^\d+ passed, 0 failed$', output, re.M), output
    assert passed >= CLIENTS, CLIENTS - passed


def test_outbound_suite(world, solo):
    directory = WORK + '/outbound'
    prepare_outbound(directory)
    with Gateway(world, CONF % ('', 'any'), ns=solo):
        output, results = run_suite(
            solo, world.peers, 'outbound_suite.py', '--dir', directory,
            '--inject', '127.0.0.2:2625', '--sink', SINK, '--wait', '60',
            '--group', 'mx,reply,tls')
    assert os.listdir(directory)
    judge(output, results, least=36)


ROUNDS = int(os.environ.get('TORTURE_ROUNDS', '20'))


class Victim:
    """A gateway that is killed whole, and started again on its spool."""

    def __init__(self, *args, **kw):
        self.args, self.kw = args, kw
        self.gw = Gateway(*args, **kw).start()

    def kill(self):
        self.gw.kill_all()

    def start(self):
        self.gw = Gateway(*self.args, fresh=False, **self.kw).start()


def test_queue_torture(world, solo):
    """kill -9 of everything, again and again, with a rude next hop."""
    victim = Victim(world, CONF % ('', 'any'), ns=solo)
    with Orders(kill=victim.kill, start=victim.start) as orders:
        output = run_torture(
            solo, '--port', '2525', '--sink', SINK, '--rounds', str(ROUNDS),
            '--period', '2', '--kill', orders.command('kill'), '--start',
            orders.command('start'))
    print(output)
    assert not orders.wrong, orders.wrong
    assert orders.done == ['kill', 'start'] * ROUNDS
    m = re.search(r'(\d+) acknowledged, .* (\d+) lost, (\d+) changed', output)
    assert m and int(m[1]) > 10 * ROUNDS, output
    assert (m[2], m[3]) == ('0', '0'), output
    assert re.search(r'^\d+ passed, 0 failed$', output, re.M), output
    victim.gw.wait_empty()
    victim.gw.stop()
