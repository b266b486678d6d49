# SPDX-License-Identifier: ISC
"""strace(1) on a process of the gateway: faults injected, calls watched.

It works on the real thing, sandbox and all: what is injected is done to the
call before or after the process's own filter let it through.
"""
import itertools
import re

from .inside import WORK
from .proc import Process

# 12  fdatasync(9</var/spool/postern/in/seg.00000001>) = -1 EIO (...) (INJECTED)
CALL = re.compile(r'^\d+ +(\w+)\((\w+)<([^>]*)>.*\) += +(-?\d+)(.*)$')
CHANGES = ('pwrite64', 'fdatasync', 'fsync')
_numbers = itertools.count(1)


class Strace:
    """`with Strace(pid, 'fdatasync:error=EIO:when=20') as s:`"""

    def __init__(self, pid, inject):
        if 'error=' in inject:
            # a call that every filter allows takes the place of the failed
            # one; what strace puts there by itself, none at all, ends it
            inject += ':syscall=getpid'
        self.path = '%s/strace.%d' % (WORK, next(_numbers))
        self.process = Process([
            'strace', '-f', '-y', '-o', self.path, '-e',
            'trace=' + ','.join(CHANGES + ('close', inject.split(':')[0])),
            '-e',
            'inject=' + inject, '-p', str(pid)])
        self.process.log.wait('strace to attach',
                              lambda line: 'attached' in line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.running:
            self.process.stop()

    def calls(self):
        """(name, descriptor, path, result, rest of the line) of each."""
        with open(self.path) as f:
            for line in f:
                m = CALL.match(line)
                if m:
                    yield m[1], m[2], m[3], int(m[4]), m[5]

    def injected(self):
        return [call for call in self.calls() if 'INJECTED' in call[4]]

    def afterwards(self):
        """Writes and syncs of a descriptor on which one had failed."""
        failed, again = set(), []
        for call in self.calls():
            name, fd, _, result, _ = call
            if name == 'close':
                failed.discard(fd)
            elif name in CHANGES and fd in failed:
                again.append(call)
            elif name in CHANGES and result < 0:
                failed.add(fd)
        return again
