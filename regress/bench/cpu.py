# SPDX-License-Identifier: ISC
"""Processor time and memory of processes, as /proc has them."""
import os

TICK = os.sysconf('SC_CLK_TCK')


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return None


def stat_fields(pid):
    """Those of /proc/PID/stat from `state` on, or None."""
    text = read('/proc/%d/stat' % pid)
    return None if text is None else text.rpartition(')')[2].split()


class Use:
    """Seconds of processor time: all, and its split by user and system."""

    def __init__(self, total=0.0, user=0.0, system=0.0):
        self.total, self.user, self.system = total, user, system

    def __sub__(self, other):
        return Use(self.total - other.total, self.user - other.user,
                   self.system - other.system)

    def __add__(self, other):
        return Use(self.total + other.total, self.user + other.user,
                   self.system + other.system)


def use(pid, dead=False):
    """Of a process of one thread; dead: and of its reaped children."""
    fields = stat_fields(pid)
    sched = read('/proc/%d/schedstat' % pid)
    if fields is None or sched is None:
        return None
    user, system = int(fields[11]) / TICK, int(fields[12]) / TICK
    total = int(sched.split()[0]) / 1e9
    if dead:
        user += int(fields[13]) / TICK
        system += int(fields[14]) / TICK
        total += (int(fields[13]) + int(fields[14])) / TICK
    return Use(total, user, system)


def snapshot(pids):
    """{name: [pid, ...]} -> {name: Use}, summed over a name's processes."""
    return {name: sum((use(p) or Use() for p in those), Use())
            for name, those in pids.items()}


def difference(before, after):
    return {name: after[name] - before.get(name, Use()) for name in after}


def memory(pid):
    """kB of /proc/PID/smaps_rollup by name: Rss, Pss, Private_Dirty, ..."""
    text = read('/proc/%d/smaps_rollup' % pid) or ''
    rows = (line.split() for line in text.splitlines()[1:])
    return {row[0].rstrip(':'): int(row[1]) for row in rows}


def private(pid):
    """Bytes that are this process's alone."""
    m = memory(pid)
    return 1024 * (m.get('Private_Dirty', 0) + m.get('Private_Clean', 0))
