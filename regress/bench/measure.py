# SPDX-License-Identifier: ISC
"""One load through one gateway: everything that is counted about it."""
import os

import cpu
import rig
from ledger import percentile

SHARES = {'median': 0.5, 'p90': 0.9, 'p99': 0.99, 'max': 1.0}


def percentiles(ordered):
    return {name: percentile(ordered, share)
            for name, share in SHARES.items()}


def said_percentiles(text):
    return dict(zip(SHARES, map(float, text.split('/'))))


def processor(gw):
    """{process: Use} so far; with those of its children that ended."""
    pids = gw.pids()
    found = cpu.snapshot(pids)
    if 'master' in pids:
        master = pids['master'][0]
        found['(ended)'] = cpu.use(master, dead=True) - cpu.use(master)
    return found


def per_message(used, count):
    """ms of processor time a message, of each process that took any."""
    return {name: 1000 * u.total / count for name, u in used.items()
            if u.total > 0}


def disk():
    """(bytes written, flushes) of the disk below the spool, by anybody.

    What the kernel books to a process counts whole folios of the page cache,
    of which a small write dirties little.
    """
    device = os.stat(rig.DISK).st_dev
    with open('/proc/diskstats') as f:
        for row in map(str.split, f):
            if (int(row[0]), int(row[1])) == (os.major(device),
                                              os.minor(device)):
                return 512 * int(row[9]), int(row[18])
    return 0, 0


def commits(gw):
    return gw.stats().get('queue_commits_total', 0) \
        if isinstance(gw, rig.Postern) else None


def relay(net, gw, sink, messages, connections=20, size=4096, quiet=60,
          options=()):
    """Send, wait for the last delivery, and account for every message."""
    start, synced, disk_start = processor(gw), commits(gw), disk()
    taken = sink.book.head().count
    load = rig.Load(net, messages, connections, size, options=options).send()
    whole = sink.wait(taken + load.book.head().count, quiet)
    used = cpu.difference(start, processor(gw))
    disk_end = disk()
    a = load.account(sink)
    result = {
        'gateway': gw.name, 'messages': messages, 'connections': connections,
        'size': size, 'acked': a.acked, 'delivered': a.delivered,
        'lost': len(a.lost), 'doubled': len(a.doubled),
        'strange': len(a.strange), 'damaged': a.damaged,
        'complete': whole and a.complete and a.acked == messages,
        'seconds': a.seconds, 'accept_seconds': a.accept_seconds,
        'rate': a.delivered / a.seconds if a.seconds > 0 else 0.0,
        'accept_rate': a.acked / a.accept_seconds,
        'cpu': per_message(used, a.acked),
        'cpu_all': sum(1000 * u.total for u in used.values()) / a.acked,
        'cpu_user': sum(1000 * u.user for u in used.values()) / a.acked,
        'cpu_system': sum(1000 * u.system for u in used.values()) / a.acked,
        'disk_bytes': (disk_end[0] - disk_start[0]) / a.acked,
        'flushes': (disk_end[1] - disk_start[1]) / a.acked,
        'latency': percentiles(a.latency),
        'transaction': said_percentiles(load.said['transaction_ms']),
        'dot': said_percentiles(load.said['dot_ms']),
        'first': said_percentiles(load.said['first_ms']),
        'later': int(load.said['later']), 'again': int(load.said['again']),
    }
    result['mb_rate'] = result['rate'] * size / 1e6
    if synced is not None:
        result['syncs'] = (commits(gw) - synced) / a.acked
    load.forget()
    return result


def warm(net, gw, sink, messages):
    """Let processes start and caches fill, uncounted."""
    relay(net, gw, sink, messages)
    os.sync()
