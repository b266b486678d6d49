# SPDX-License-Identifier: ISC
"""The black-box suites that stand beside the project, in ../shared."""
import json
import os
import subprocess
import threading

from .inside import PROJECT, WORK

SHARED = os.environ.get('SHARED',
                        os.path.join(os.path.dirname(PROJECT), 'shared'))


def suite(name):
    path = os.path.join(SHARED, 'suites', name)
    if not os.path.exists(path):
        raise AssertionError(
            '%s is missing: the suites are expected in ../shared beside the '
            'project, or where SHARED points' % path)
    return path


def run_suite(ns, peers, name, *args, timeout=420):
    """Run a suite; (output, case id -> (status, why))."""
    result = '%s/%s.json' % (WORK, name)
    env = dict(os.environ, **peers.env)
    env['PATH'] = '%s/usr/sbin:%s' % (peers.root, env['PATH'])
    done = subprocess.run(
        ns.command(['/usr/bin/python3', suite(name)]) + list(args) +
        ['--json', result], capture_output=True, text=True, env=env,
        timeout=timeout, cwd=WORK)
    output = done.stdout + done.stderr
    assert os.path.exists(result), output
    with open(result) as f:
        return output, json.load(f)


def run_clients(ns, peers, *args, timeout=300):
    """interop_clients.py, which writes no list of results; its output.

    Postfix's smtp-source comes from the unpacked peers, with their libraries.
    """
    env = dict(os.environ, **peers.env)
    env['PATH'] = '%s:%s/usr/sbin' % (env['PATH'], peers.root)
    done = subprocess.run(
        ns.command(['/usr/bin/python3', suite('interop_clients.py')]) +
        list(args), capture_output=True, text=True, env=env, timeout=timeout,
        cwd=WORK)
    return done.stdout + done.stderr


class Orders:
    """Commands for a suite that have this process do something.

    command(name) is a line for the shell that returns once work[name]() has
    been done here; what went wrong with it stands in .wrong.
    """

    def __init__(self, **work):
        self.work, self.wrong, self.done = work, [], []
        self.ask, self.answer = WORK + '/orders', WORK + '/orders.done'
        for path in (self.ask, self.answer):
            if not os.path.exists(path):
                os.mkfifo(path)
        threading.Thread(target=self._serve, daemon=True).start()

    def command(self, name):
        return 'echo %s >%s && cat %s' % (name, self.ask, self.answer)

    def _serve(self):
        while True:
            with open(self.ask) as f:
                names = f.read().split()
            for name in names:
                if name == 'end':
                    return
                try:
                    self.work[name]()
                    self.done.append(name)
                except Exception as e:
                    self.wrong.append('%s: %s' % (name, e))
                with open(self.answer, 'w') as f:
                    f.write('done\n')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with open(self.ask, 'w') as f:
            f.write('end\n')


def run_torture(ns, *args, timeout=600):
    """queue_torture.py, which has no list of cases; its output."""
    done = subprocess.run(
        ns.command(['/usr/bin/python3', suite('queue_torture.py')]) +
        list(args), capture_output=True, text=True, timeout=timeout, cwd=WORK)
    return done.stdout + done.stderr


# The set of cases that is given out names no host for one certificate, and
# OpenSSL makes none without a name.
PREPARE = '''
import sys
sys.path.insert(0, sys.argv[1])
import outbound_suite
make = outbound_suite.mkcert
outbound_suite.mkcert = lambda d, name, san, **kw: make(
    d, name, san or "unused.test", **kw)
outbound_suite.prepare(sys.argv[2])
'''


def prepare_outbound(directory):
    """The zones, keys and certificates of outbound_suite.py."""
    subprocess.run(['/usr/bin/python3', '-c', PREPARE,
                    os.path.dirname(suite('outbound_suite.py')), directory],
                   check=True, stdout=subprocess.DEVNULL)
