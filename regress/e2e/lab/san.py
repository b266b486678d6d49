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
# also what the run-time complains of and goes on, as it checks less from there
HEAD = re.compile(r'==\d+== ?\w|: runtime error: |'
                  r'AddressSanitizer:DEADLYSIGNAL|Sanitizer CHECK failed')
FRAME = re.compile(r'\(((?:/[\w.+-]+)+)\+(0x[0-9a-f]+)\)')
AFTER = 60  # lines of a report, of what came after its head

# What cannot hold, and why. As few as possible, and each is counted.
LEFT_OUT = {
    'test_selftest.py::test_it_does_not_take_long':
        'all of it takes several times as long',
}

# Cells of regress/hostile/MATRIX.md that are others in these builds, in every
# program: attack -> (all of the cell there, the cell here).
# The run-time tries some calls while it reports, and does without: the filter
# says no to them, and kills nobody (san_refused in common/base/sandbox.c).
NOT_KILLED = (r'([a-z.]+)', r'\1 EPERM')
CELLS = {
    'read': NOT_KILLED,  # openat
    'create': NOT_KILLED,
    'proc-fd': NOT_KILLED,
    'proc-mem': NOT_KILLED,
    'ioctl': NOT_KILLED,
    'dumpable': NOT_KILLED,  # prctl
    'rlimit': NOT_KILLED,  # prlimit64
    # The shadow takes terabytes, so cage.c sets no limit of memory; without
    # one, taking it is no attack: common/attack/table.c says so to all.
    'memory': ('u ENOMEM', 'job'),
}


def matrix(committed):
    """The committed matrix as these builds must make it."""
    for name, (there, here) in CELLS.items():
        row, = re.findall(r'^\| %s \|.*$' % re.escape(name), committed, re.M)
        cells = row.strip('| ').split(' | ')[1:]
        found = [re.fullmatch(there, cell) for cell in cells]
        assert all(found), row
        committed = committed.replace(row, '| %s | %s |' % (
            name, ' | '.join(m.expand(here) for m in found)))
    return committed


def active():
    """Is it such a build that is tested?"""
    try:
        with open(os.path.join(BUILD, 'flags')) as f:
            return '-fsanitize=' in f.read()
    except FileNotFoundError:
        return False


def options(directory):
    """Environment of a program whose reports are to be files there."""
    common = 'log_path=%s/report:log_exe_name=1' % directory
    return {'ASAN_OPTIONS': common + ':symbolize=1:exitcode=99',
            'UBSAN_OPTIONS': common + ':print_stacktrace=1'}


def prepare():
    """For all that is started from now on."""
    os.makedirs(REPORTS)
    os.chmod(REPORTS, 0o1777)
    os.environ.update(options(REPORTS))


def another_lab(directory, logs):
    """The same for one that is made in this: /run is its own there.  logs:
    a pattern, the logs of its gateways.  Returns its environment."""
    if not active():
        return {}
    reports = '%s/san' % directory
    os.makedirs(reports, exist_ok=True)
    os.chmod(reports, 0o1777)
    SEEN.look(reports, logs)
    return options(reports)


def reason(nodeid):
    """Why a test is left out; None: it is not."""
    name = nodeid.rpartition('/')[2].partition('[')[0]
    return LEFT_OUT.get(name) or LEFT_OUT.get(name.partition('::')[0])


# Words for make, to go on with the build that is tested.
MAKE = ['SAN=1'] if active() else []
# Before a program that strace(1) runs: nobody looks for leaks in it then.
TRACED = ['sh', '-c', 'ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 exec "$0" "$@"'
          ] if active() else []
# In a unit: it has fenced off what the search for leaks works with.
UNIT = r'Environment=ASAN_OPTIONS=detect_leaks=0\n' if active() else ''
# Bounds of memory, times this: red zones, and what was freed is kept a while.
MEMORY = 4 if active() else 1


class Seen:
    """Reports in what is logged, by Process and in files."""

    def __init__(self):
        self.logs = []  # [Lines, how far it was read]
        self.sizes = {}
        self.files = {REPORTS: WORK + '/*.log'}

    def watch(self, lines):
        self.logs.append([lines, 0])

    def look(self, directory, logs):
        """Look there for reports too, and into these logs."""
        self.files[str(directory)] = str(logs)

    def take(self):
        found = []
        for log in self.logs:
            new = [str(line) for line in log[0].since(log[1])]
            log[1] += len(new)
            found += reports(new)
        self.logs = [log for log in self.logs if not log[0].closed]
        for directory, logs in self.files.items():
            for path in glob.glob(logs):
                found += reports(self.added(path))
            for path in glob.glob(directory + '/*'):
                with open(path, errors='replace') as f:
                    found.append('%s:\n%s' % (os.path.basename(path),
                                              f.read()))
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
