# SPDX-License-Identifier: ISC
"""posternd under test: its configuration, its processes, its log."""
import contextlib
import datetime
import json
import os
import pwd
import shutil
import signal
import subprocess

from .inside import BUILD
from .logfmt import Line
from .proc import (Process, Timeout, children, is_alive, proc_status,
                   wait_until)

CONF = '/etc/postern/postern.conf'
RECIPIENTS = '/etc/postern/recipients'
SPOOL = '/var/spool/postern'
SOCKET = '/run/postern/control.sock'
USERS = ('alice@example.com', 'bob@example.com', 'carol@example.com')

# Section 5 of the design, to the letter.
GOLDEN = '''\
hostname "gw.example.com"
external {
	listen on 203.0.113.25
	dns { 9.9.9.9, 149.112.112.112 }
}
internal {
	listen on 10.0.0.5
	networks { 10.0.0.0/8 }
	dns { 10.0.0.53 }
	accept from { 10.0.0.10, 10.0.0.11 }
}
domain "example.com" {
	recipients file "/etc/postern/recipients"
	deliver to host "mail.corp.example.com"
}
connector "*" via dns
'''

# The lab's clients share a few addresses, and many of them are rude.
PATIENT = '''\
limit connections-per-minute 60000
limit bad-sessions-per-hour 100000
'''
# Where a test cannot wait for the schedule of the real world.
QUICK = 'retry { 1s, 2s, 3s }\n'

DEFAULT_DOMAIN = {'example.com': 'host "mail.corp.example.com"'}


def conf(ext='', inside='', domains=None, connectors=('"*" via dns',),
         accept='10.0.0.10, 10.0.0.11', networks='10.0.0.0/8', top=QUICK,
         recipients='file "%s"' % RECIPIENTS):
    """The golden minimum with changes: extra statements by section."""
    blocks = ''.join(
        'domain "%s" {\n\trecipients %s\n\tdeliver to %s\n}\n'
        % (name, recipients, where)
        for name, where in (domains or DEFAULT_DOMAIN).items())
    lines = ''.join('connector %s\n' % c for c in connectors)
    top += ''.join('%s\n' % limit for limit in PATIENT.splitlines()
                   if limit.split()[1] not in top)
    return ('hostname "gw.example.com"\n%s'
            'external {\n\tlisten on 203.0.113.25\n'
            '\tdns { 9.9.9.9, 149.112.112.112 }\n%s}\n'
            'internal {\n\tlisten on 10.0.0.5\n\tnetworks { %s }\n'
            '\tdns { 10.0.0.53 }\n\taccept from { %s }\n%s}\n%s%s' % (
                top, indent(ext), networks, accept, indent(inside), blocks,
                lines))


def indent(text):
    return ''.join('\t%s\n' % line for line in text.splitlines())


def program(name):
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        raise RuntimeError('%s is missing: run make first' % path)
    return path


def check_conf(text, *options, path='/run/lab/check.conf'):
    """posternd -n on a text: the completed process."""
    with open(path, 'w') as f:
        f.write(text)
    return subprocess.run([program('master/posternd'), '-n', '-f', path]
                          + list(options), capture_output=True, text=True)


class Refused(AssertionError):
    """posternd did not start; .output says why."""

    def __init__(self, status, output):
        super().__init__('posternd ended with %s:\n%s' % (status, output))
        self.status, self.output = status, output


class Gateway:
    """One posternd in namespace gw, from start to drained stop.

    Only one runs at a time: starting one stops the one before.
    """

    current = None

    def __init__(self, world, text=None, users=USERS, fresh=True,
                 ns=None, argv=None):
        self.world, self.ns = world, ns or world.gw
        self.conf = conf() if text is None else text
        self.argv = argv or [program('master/posternd'), '-d', '-f', CONF]
        self.process, self.users, self.fresh = None, users, fresh
        self.counted = {}  # instance -> processes before one was killed

    @staticmethod
    def stop_running():
        """For who needs the spool and the ports for something else."""
        if Gateway.current is not None:
            Gateway.current.stop()

    def write_conf(self, text):
        self.conf = text
        replace(CONF, text)

    def write_recipients(self, users):
        replace(RECIPIENTS, ''.join(u + '\n' for u in users))

    def start(self, timeout=30):
        """Start and wait for event=ready; raises Refused."""
        self.stop_running()
        if self.fresh:
            shutil.rmtree(SPOOL, ignore_errors=True)
            self.fresh = False
        os.makedirs(SPOOL, exist_ok=True)
        self.write_recipients(self.users)
        self.write_conf(self.conf)
        self.process = Process(self.argv, self.ns, parse=Line)
        try:
            self.wait_log(timeout, event='ready')
        except Timeout:
            if not self.process.log.closed:
                self.kill_all()
                raise
            raise Refused(self.process.wait(), self.output()) from None
        Gateway.current = self
        return self

    def refused(self):
        """Start, expecting that it does not; its output."""
        try:
            self.start()
        except Refused as e:
            assert e.status not in (0, None) and e.status > 0, e
            return e.output
        self.stop()
        raise AssertionError('posternd started:\n' + self.output())

    def stop(self, timeout=60):
        """SIGTERM: drain and end; the exit status must be 0."""
        if Gateway.current is self:
            Gateway.current = None
        if self.running:
            status = self.process.stop(timeout)
            assert status == 0, 'posternd ended with %s:\n%s' % (
                status, self.output())

    @property
    def running(self):
        return self.process is not None and self.process.running

    def kill_all(self):
        """The power cut: posternd and all its children at once."""
        if Gateway.current is self:
            Gateway.current = None
        pids = [self.process.pid] + self.all_pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_until('the children to be gone',
                   lambda: not any(map(is_alive, pids)))

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, _):
        if kind is None:
            self.stop()
        else:
            with contextlib.suppress(Exception):
                self.kill_all()
            value.add_note('the gateway said, last:\n' + '\n'.join(
                self.output().splitlines()[-40:]))

    # --- the log

    def mark(self):
        return self.process.log.mark()

    def log(self, mark=0, **want):
        return [line for line in self.process.log.since(mark)
                if line.matches(want)]

    def wait_log(self, timeout=20, mark=0, count=1, **want):
        """The first `count` lines whose keys match, as a list."""
        return self.process.log.wait(
            'log line %s' % want, lambda line: line.matches(want), timeout,
            mark, count)

    def output(self):
        return '\n'.join(line.text for line in self.process.log.since())

    def deliveries(self, mark=0, **want):
        return self.log(mark, event='delivery', **want)

    # --- processes

    @property
    def pid(self):
        return self.process.pid

    def all_pids(self):
        return children(self.process.pid)

    def instances(self):
        """account of the instance -> pids of its live processes."""
        found = {}
        for pid in self.all_pids():
            status = proc_status(pid)
            if status is None or status.get('State', 'X')[0] in 'ZX' or \
                    'Uid' not in status:
                continue
            uid = int(status['Uid'].split()[0])
            try:
                name = pwd.getpwuid(uid).pw_name
            except KeyError:
                name = str(uid)
            name = name.replace('_postern-', '')
            found.setdefault(name, []).append(pid)
        return found

    def pids(self, instance):
        """Pids of 'in-ext', 'queued', ...; oldest first."""
        return sorted(self.instances().get(instance, []))

    def kill(self, instance, signo=signal.SIGKILL, index=0):
        pids = self.pids(instance)
        self.counted[instance] = len(pids)
        os.kill(pids[index], signo)
        return pids[index]

    def wait_replaced(self, instance, old, timeout=20):
        """Until `old` is gone and as many processes are there again."""
        def replaced():
            pids = self.pids(instance)
            enough = len(pids) >= self.counted.get(instance, 1)
            return pids if enough and old not in pids else None
        return wait_until('a new %s for %d' % (instance, old), replaced,
                          timeout)

    def reload(self, text):
        """SIGHUP with another configuration, and wait for it."""
        mark = self.mark()
        self.write_conf(text)
        os.kill(self.pid, signal.SIGHUP)
        return self.wait_log(20, mark, event='reload')[0]

    # --- the control socket

    def postern(self, *args, check=True):
        done = subprocess.run(
            [program('postern/postern'), '-s', SOCKET] + list(args),
            capture_output=True, text=True, timeout=60)
        if check:
            assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done

    def json(self, *args, check=True):
        """Rows of `postern COMMAND -j`."""
        done = self.postern('-j', *args, check=check)
        return [json.loads(row) for row in done.stdout.splitlines()]

    def queue(self):
        return self.json('queue', 'list')

    def wait_empty(self, timeout=60):
        """Until nothing is queued any more."""
        try:
            wait_until('an empty queue', lambda: not self.queue(), timeout,
                       step=0.1)
        except Timeout:
            raise Timeout('still queued after %gs: %s' % (
                timeout, self.queue()[:5])) from None

    def audit(self):
        """(exit status, rows of the processes) of postern audit."""
        done = self.postern('-j', 'audit', check=False)
        assert done.returncode in (0, 1), (done.stdout, done.stderr)
        rows = [json.loads(row) for row in done.stdout.splitlines()]
        return done.returncode, [row for row in rows if 'process' in row]


def replace(path, text):
    """Write a file as an operator's tool does: whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)


def log_time(line):
    """A line's time= in seconds since the epoch."""
    stamp = datetime.datetime.fromisoformat(
        line['time'].replace('Z', '+00:00'))
    return stamp.timestamp()
