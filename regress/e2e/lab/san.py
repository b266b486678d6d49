# SPDX-License-Identifier: ISC
"""The suite on programs that were built with sanitizers (SAN=1).

Where a report goes: a process that the lab starts writes it to a file below
REPORTS, for it has an environment and its file system; a process that posternd
starts has neither, its report is the last it says on stderr, and posternd logs
that.  take() has all that came since it was asked last.  The stacks of the
latter are addresses in a program: addr2line finds the places.
"""
import glob
import os
import re
import subprocess

from .inside import BUILD, WORK

REPORTS = WORK + '/san'
HEAD = re.compile(r'ERROR: (Address|Leak)Sanitizer|: runtime error: |'
                  r'AddressSanitizer:DEADLYSIGNAL|Sanitizer CHECK failed')
FRAME = re.compile(r'\(((?:/[\w.+-]+)+)\+(0x[0-9a-f]+)\)')
AFTER = 60  # lines of a report, of what came after its head

# What cannot hold, and why. As few as possible, and each is counted.
LEFT_OUT = {
    'test_matrix.py::test_the_matrix_is_the_committed_one':
        'without a limit of memory, and with calls that end in an error, '
        'other layers stop some attacks; none was gained in test_selftest.py',
    'test_selftest.py::test_it_does_not_take_long':
        'all of it takes several times as long',
    'test_tls.py::test_idle_sessions':
        'the memory of a session is not what it is without',
}


def active():
    """Is it such a build that is tested?"""
    try:
        with open(os.path.join(BUILD, 'flags')) as f:
            return '-fsanitize=' in f.read()
    except FileNotFoundError:
        return False


def prepare():
    """For all that is started from now on."""
    os.makedirs(REPORTS)
    os.chmod(REPORTS, 0o1777)
    common = 'log_path=%s/report:log_exe_name=1' % REPORTS
    os.environ['ASAN_OPTIONS'] = common + ':symbolize=1:exitcode=99'
    os.environ['UBSAN_OPTIONS'] = common + ':print_stacktrace=1'


def reason(nodeid):
    """Why a test is left out; None: it is not."""
    name = nodeid.rpartition('/')[2].partition('[')[0]
    return LEFT_OUT.get(name) or LEFT_OUT.get(name.partition('::')[0])


# Words for make, to go on with the build that is tested.
MAKE = ['SAN=1'] if active() else []
# Before a program that strace(1) runs: nobody looks for leaks in it then.
TRACED = ['sh', '-c', 'ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 exec "$0" "$@"'
          ] if active() else []
# Bounds of memory, times this: red zones, and what was freed is kept a while.
MEMORY = 4 if active() else 1


class Seen:
    """Reports in what is logged, by Process and in files."""

    def __init__(self):
        self.logs = []  # [Lines, how far it was read]
        self.sizes = {}

    def watch(self, lines):
        self.logs.append([lines, 0])

    def take(self):
        found = []
        for log in self.logs:
            new = [str(line) for line in log[0].since(log[1])]
            log[1] += len(new)
            found += reports(new)
        self.logs = [log for log in self.logs if not log[0].closed]
        for path in glob.glob(WORK + '/*.log'):
            found += reports(self.added(path))
        for path in glob.glob(REPORTS + '/*'):
            with open(path, errors='replace') as f:
                found.append('%s:\n%s' % (os.path.basename(path), f.read()))
            os.unlink(path)
        return found

    def added(self, path):
        """The lines that came to a log file since."""
        start = self.sizes.get(path, 0)
        size = os.path.getsize(path)
        if size == start:
            return []
        with open(path, errors='replace') as f:
            f.seek(start if size > start else 0)
            text = f.read()
        self.sizes[path] = size
        return text.splitlines()


def reports(lines):
    """The reports among lines; each its head and what follows of it."""
    found, left = [], 0
    for line in lines:
        if HEAD.search(line):
            if left == 0:
                found.append([])
            left = AFTER
        if left > 0:
            found[-1].append(places(line))
            left -= 1
    return ['\n'.join(report) for report in found]


def places(line):
    m = FRAME.search(line)
    if m is None or not os.path.exists(m[1]):
        return line
    done = subprocess.run(['addr2line', '-fse', m[1], m[2]],
                          capture_output=True, text=True)
    return '%s  %s' % (line, ' '.join(done.stdout.split()))


SEEN = Seen()
