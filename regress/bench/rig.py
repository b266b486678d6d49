# SPDX-License-Identifier: ISC
"""What every measurement stands on: networks, sink, load, and the gateways.

    inet (smtpload) --- ext0 gw int0 --- intra (smtpsink)

No DNS server is needed: the inside host is given by address.  Ledgers lie on
a tmpfs, the spools and logs of what is measured on the disk of the tree.
"""
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'e2e'))

from lab import netns  # noqa: E402
from lab.inside import BUILD, WORK  # noqa: E402
from lab.proc import Process, wait_until  # noqa: E402

import cpu  # noqa: E402
from ledger import Account, Book  # noqa: E402

DISK = os.environ.get('BENCH_DIR', os.path.join(BUILD, 'bench'))
GW_EXT, GW_INT, INSIDE = '203.0.113.25', '10.0.0.5', '10.0.0.10'
SOURCES = '198.51.100.20'


def program(name):
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        raise RuntimeError('%s is missing: run make helper-bins' % path)
    return path


class Net:
    """The three namespaces."""

    def __init__(self):
        self.inet, self.gw, self.intra = netns.build()
        os.makedirs(DISK, exist_ok=True)
        self.lock = open(DISK + '/lock', 'w')
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit('another benchmark works in ' + DISK) from None
        shutil.rmtree(DISK + '/work', ignore_errors=True)
        os.makedirs(DISK + '/work')


class Sink:
    """smtpsink inside; a context, whose ledger stays readable."""

    def __init__(self, net, *options, address=INSIDE, port=25, name='sink'):
        self.net, self.path = net, '%s/%s.ledger' % (WORK, name)
        self.argv = [program('regress/bench/smtpsink'), '-l', address, '-p',
                     str(port), '-o', self.path] + [str(o) for o in options]
        self.process = self.book = None

    def start(self):
        self.process = Process(self.argv, self.net.intra)
        self.process.log.wait('the sink', lambda line: line == 'ready')
        self.book = Book(self.path)
        return self

    def stop(self):
        self.process.stop()

    def wait(self, count, quiet=30):
        """Until so many came, or nothing did for `quiet` seconds.

        The book is memory that the sink writes: it sends no event.
        """
        seen, since = -1, time.monotonic()
        while True:
            head = self.book.head()
            now = head.count + head.lost + head.damaged
            if now >= count:
                return True
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return False
            time.sleep(0.01)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Load:
    """smtpload outside."""

    runs = 0

    def __init__(self, net, messages, connections=20, size=4096,
                 address=GW_EXT, options=(), ns=None):
        Load.runs += 1
        self.run, self.messages = Load.runs, messages
        self.path = '%s/load-%d.ledger' % (WORK, self.run)
        self.argv = (ns or net.inet).command(
            [program('regress/bench/smtpload'), '-h', address,
             '-n', str(messages), '-c', str(connections), '-s', str(size),
             '-r', str(self.run), '-o', self.path]
            + [str(o) for o in options])
        self.process, self.said = None, {}

    def start(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE,
                                        text=True)
        return self

    def line(self):
        """Its next line: {key: value}."""
        text = self.process.stdout.readline()
        return dict(word.split('=', 1) for word in text.split())

    def wait(self, timeout=3600):
        out, _ = self.process.communicate(timeout=timeout)
        self.said = dict(word.split('=', 1) for word in out.split())
        return self

    def send(self):
        return self.start().wait()

    @property
    def book(self):
        return Book(self.path)

    def account(self, sink):
        return Account(self.book, sink.book, self.run)

    def forget(self):
        os.unlink(self.path)


CONF = '''\
hostname "gw.example.com"
spool "%(spool)s"
control socket "%(socket)s"
log to file "%(log)s"
%(top)s
external {
	listen on 203.0.113.25
	workers %(workers)d
	%(ext)s
}
internal {
	listen on 10.0.0.5
	networks { 10.0.0.0/8 }
	accept from { 10.0.0.10, 10.0.0.11 }
	workers %(workers)d
}
%(domains)s
connector "*" via smarthost 198.51.100.10
'''

DOMAIN = '''\
domain "%s" {
	recipients any
	deliver to host %s%s
}
'''


def example(port=25):
    return DOMAIN % ('example.com', INSIDE,
                     '' if port == 25 else ' port %d' % port)


class Postern:
    """posternd out of the build tree in namespace gw."""

    name = 'postern'

    def __init__(self, net, top='', domains=None, workers=None, wrap=(),
                 keep=False, ext=''):
        self.net, self.keep, self.wrap = net, keep, list(wrap)
        self.dir = DISK + '/work/postern'
        self.socket = WORK + '/control.sock'
        self.log = self.dir + '/log/postern.log'
        self.conf = CONF % {
            'spool': self.dir + '/spool', 'socket': self.socket,
            'log': self.log, 'top': top, 'ext': ext, 'domains': domains or example(),
            'workers': workers or os.cpu_count()}
        self.process = None

    def start(self, timeout=120):
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir + '/log', exist_ok=True)
        with open(WORK + '/postern.conf', 'w') as f:
            f.write(self.conf)
        at = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        self.process = Process(
            self.wrap + [program('master/posternd'), '-d', '-f',
                         WORK + '/postern.conf'], self.net.gw)
        wait_until('posternd to be ready', lambda: self._ready(at), timeout)
        return self

    def _ready(self, at):
        if not self.process.running:
            raise RuntimeError('posternd ended: %s %s' % (
                self.process.log.since(), cpu.read(self.log)))
        if not os.path.exists(self.log):
            return False
        with open(self.log) as f:
            f.seek(at)
            return 'event=ready' in f.read()

    def stop(self):
        status = self.process.stop(60)
        if status != 0:
            raise RuntimeError('posternd ended with %s: %s' % (
                status, self.process.log.since()))

    def ask(self, *args):
        """Rows of `postern ARGS -j`."""
        done = subprocess.run(
            [program('postern/postern'), '-s', self.socket, '-j']
            + list(args), capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stderr)
        return [json.loads(row) for row in done.stdout.splitlines()]

    def pids(self):
        """{'smtpd-in/ext': [pid, ...], ...}"""
        found = {'posternd': [self.process.pid]}
        for row in self.ask('status'):
            if 'process' in row and row['pid'] != self.process.pid:
                name = row['process'].partition('.')[0]
                found.setdefault(name, []).append(row['pid'])
        return found

    def stats(self):
        """Counters summed over the processes."""
        total = {}
        for row in self.ask('stats'):
            for key, value in row.items():
                if isinstance(value, (int, float)):
                    total[key] = total.get(key, 0) + value
        return total

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process is not None and self.process.running:
            self.process.stop()
