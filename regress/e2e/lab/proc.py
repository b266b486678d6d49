# SPDX-License-Identifier: ISC
"""Processes of the lab, their output, and waiting for events."""
import os
import signal
import subprocess
import threading
import time

from . import san


class Timeout(AssertionError):
    """Something that should have happened did not."""


def wait_until(what, test, timeout=20.0, step=0.02):
    """Return test()'s first true value; for states that send no event."""
    end = time.monotonic() + timeout
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout('waited %gs for %s' % (timeout, what))
        time.sleep(step)


class Lines:
    """Lines that threads add and others wait for."""

    def __init__(self, parse=None):
        self.parse = parse or (lambda line: line)
        self.items = []
        self.closed = False
        self.changed = threading.Condition()

    def add(self, line):
        item = self.parse(line)
        with self.changed:
            self.items.append(item)
            self.changed.notify_all()

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def mark(self):
        """A position to look from."""
        with self.changed:
            return len(self.items)

    def since(self, mark=0):
        with self.changed:
            return self.items[mark:]

    def wait(self, what, match, timeout=20.0, mark=0, count=1):
        """The first `count` items after mark that match, as a list."""
        end = time.monotonic() + timeout
        found = []
        with self.changed:
            while True:
                new = self.items[mark:]
                mark += len(new)
                found += [i for i in new if match(i)]
                if len(found) >= count:
                    return found[:count]
                left = end - time.monotonic()
                if self.closed or left <= 0:
                    tail = '\n  '.join(str(i) for i in self.items[-15:])
                    raise Timeout('%s: %d of %d, %s; the last lines:\n  %s' % (
                        what, len(found), count, 'output ended' if self.closed
                        else 'after %gs' % timeout, tail))
                self.changed.wait(left)


class Process:
    """A program in a namespace whose standard error is kept as Lines."""

    def __init__(self, argv, ns=None, parse=None, env=None, **kw):
        self.argv = list(argv)
        full = ns.command(self.argv) if ns else self.argv
        self.log = Lines(parse)
        san.SEEN.watch(self.log)
        self.popen = subprocess.Popen(
            full, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=dict(os.environ, **(env or {})),
            start_new_session=True, **kw)
        self.pid = self.popen.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.popen.stdout:
            self.log.add(line.decode('utf-8', 'replace').rstrip('\n'))
        self.log.close()

    def signal(self, signo):
        if self.popen.poll() is None:
            os.kill(self.pid, signo)

    def wait(self, timeout=30):
        status = self.popen.wait(timeout)
        self._reader.join(timeout)
        return status

    def stop(self, timeout=30):
        """SIGTERM, wait, SIGKILL if it does not listen; exit status."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.wait(timeout)
            raise Timeout('%s ignored SIGTERM for %gs'
                          % (self.argv[0], timeout)) from None

    @property
    def running(self):
        return self.popen.poll() is None


def proc_status(pid):
    """/proc/PID/status as a dictionary, or None when it is gone."""
    try:
        with open('/proc/%d/status' % pid) as f:
            return dict(line.rstrip('\n').split(':\t', 1) for line in f
                        if ':\t' in line)
    except OSError:
        return None


def is_alive(pid):
    status = proc_status(pid)
    return status is not None and status.get('State', 'X')[0] not in 'ZX'


def children(pid):
    """Direct children of a process."""
    try:
        with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []
