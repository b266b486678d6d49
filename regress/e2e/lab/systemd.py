# SPDX-License-Identifier: ISC
"""A real systemd as process 1 of its own namespaces, with a few units only.

It has the network namespace that it is started in, the lab's /etc, an own /run,
an own /usr/local, into which `make install` puts the project, and sees of the
control groups only one that is made for it: it meddles with no other systemd.
"""
import os
import subprocess
import tempfile

from . import san
from .inside import PROJECT, WORK
from .proc import Process, children, is_alive, wait_until

UNITS = '/run/units'
# Empty ones for all that a unit is after, and nothing that starts by itself.
TARGETS = ('sysinit', 'basic', 'shutdown', 'network-online', 'nss-lookup',
           'multi-user', 'default')
START = r'''
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for d in /run /tmp /var/log /usr/local; do mount -t tmpfs tmpfs $d; done
mkdir %(units)s
for t in %(targets)s; do printf '[Unit]\n' >%(units)s/$t.target; done
make -s -C %(project)s install %(words)s >/dev/null
mkdir %(units)s/service.d
printf '[Service]\nStandardOutput=append:/run/out\nStandardError=inherit\n%(unit)s' \
    >%(units)s/service.d/lab.conf
cp /usr/local/lib/systemd/system/*.service %(units)s
systemd-tmpfiles --create --prefix=/var/spool \
    /usr/local/lib/tmpfiles.d/postern.conf
export SYSTEMD_UNIT_PATH=%(units)s container=other
exec /lib/systemd/systemd --system --unit=default.target \
    --log-target=console --show-status=no
'''


CGROUPS = WORK + '/cgroup'


def own_cgroup():
    """A new control group below the one that we are in."""
    if not os.path.ismount(CGROUPS):
        os.makedirs(CGROUPS, exist_ok=True)
        subprocess.run(['mount', '-t', 'cgroup2', 'lab', CGROUPS], check=True)
    with open('/proc/self/cgroup') as f:
        here = next(line[3:] for line in f.read().splitlines()
                    if line.startswith('0::'))
    return tempfile.mkdtemp(prefix='postern-', dir=CGROUPS + here)


def remove_cgroup(path):
    for name, _, _ in os.walk(path, topdown=False):
        os.rmdir(name)


class Systemd:
    """`with Systemd(ns) as s: s.run('systemctl', 'start', ...)`"""

    def __init__(self, ns):
        self.ns, self.outer, self.pid, self.group = ns, None, None, None

    def __enter__(self):
        script = START % {'units': UNITS, 'targets': ' '.join(TARGETS),
                          'project': PROJECT, 'words': ' '.join(san.MAKE),
                          'unit': san.UNIT}
        self.group = own_cgroup()
        self.outer = Process(
            ['sh', '-ec', 'echo $$ >"$0/cgroup.procs"; exec unshare --pid '
             '--mount --uts --ipc --cgroup --fork --kill-child sh -c "$1"',
             self.group, script], self.ns)
        try:
            self.pid = wait_until('process 1', lambda: children(
                self.outer.pid) or self.ended())[0]
            wait_until('systemd', lambda: os.path.exists(
                self.path('/run/systemd/private')) or self.ended())
        except BaseException:
            self.__exit__()
            raise
        return self

    def ended(self):
        assert self.outer.running, 'systemd ended:\n' + '\n'.join(
            self.outer.log.since())

    def path(self, name):
        """A file of its world, as seen from here."""
        return '/proc/%d/root%s' % (self.pid, name)

    def said(self):
        """What the units wrote to standard output and error."""
        try:
            with open(self.path('/run/out')) as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def run(self, *argv, check=True):
        done = subprocess.run(
            ['nsenter', '-t', str(self.pid), '-m', '-p', '-u', '-i', '-n',
             '-C', '--'] + list(argv),
            capture_output=True, text=True, timeout=90,
            env=dict(os.environ, SYSTEMD_UNIT_PATH=UNITS))
        if check:
            assert done.returncode == 0, (argv, done.stdout, done.stderr,
                                          self.said())
        return done

    def show(self, unit, *names):
        """Properties of a unit, by name."""
        out = self.run('systemctl', 'show', unit, *('-p' + n for n in names))
        return dict(line.split('=', 1) for line in out.stdout.splitlines())

    def processes(self, unit):
        """Pids of all processes of a unit, as its cgroup has them."""
        group = self.show(unit, 'ControlGroup')['ControlGroup']
        name = '%s%s/cgroup.procs' % (self.group, group)
        if not group or not os.path.exists(name):
            return []
        with open(name) as f:
            return [int(pid) for pid in f.read().split()]

    def __exit__(self, *what):
        self.outer.signal(9)    # unshare: its child goes with it
        self.outer.wait()
        wait_until('systemd to be gone', lambda: not (self.pid and is_alive(self.pid)))
        remove_cgroup(self.group)
