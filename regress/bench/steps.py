# SPDX-License-Identifier: ISC
"""The measurements that are short: each returns what goes into its JSON."""
import os
import re
import signal
import statistics
import subprocess
import time

from lab.proc import Process, wait_until

import cpu
import measure
import peer
import rig

GATEWAYS = {'postern': rig.Postern, 'postfix': peer.Gateway}


def alternating(net, rounds, messages, **how):
    """Rounds of both gateways in turn; who begins changes each round."""
    done = []
    for n in range(rounds):
        order = list(GATEWAYS.items())
        for name, make in order if n % 2 == 0 else reversed(order):
            os.sync()
            with rig.Sink(net) as sink, make(net) as gw:
                measure.warm(net, gw, sink, 500)
                done.append(measure.relay(net, gw, sink, messages[name],
                                          **how))
            tell('%s %s: %.0f msg/s, %.3f ms CPU, latency %.2f ms, %s' % (
                n + 1, name, done[-1]['rate'], done[-1]['cpu_all'],
                done[-1]['latency']['median'],
                'all accounted for' if done[-1]['complete'] else 'NOT WHOLE'))
    return {'rounds': done}


def tell(text):
    print('    ' + text, flush=True)


def relay(net, rounds):
    """4 KiB messages over 20 connections, end to end"""
    return alternating(net, rounds, {'postern': 60000, 'postfix': 6000})


def single(net, rounds):
    """4 KiB messages over 1 connection"""
    return alternating(net, min(rounds, 3), {'postern': 3000, 'postfix': 500},
                       connections=1)


def disk_limit(seconds=5.0):
    """MB/s of 2 MiB writes, each synced, into a file that is there already."""
    path, piece, size = rig.DISK + '/work/limit', 2 << 20, 256 << 20
    block = os.urandom(piece)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for at in range(0, size, piece):
            os.pwrite(fd, block, at)
        os.fsync(fd)
        start, written = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            os.pwrite(fd, block, written % size)
            os.fdatasync(fd)
            written += piece
        return written / (time.monotonic() - start) / 1e6
    finally:
        os.close(fd)
        os.unlink(path)


def big(net, rounds):
    """100 KiB messages over 20 connections, and the limit of the disk"""
    limits = [disk_limit()]
    done = alternating(net, min(rounds, 3), {'postern': 6000, 'postfix': 2000},
                       size=100 * 1024)
    limits.append(disk_limit())
    tell('the disk: %s MB/s' % ', '.join('%.0f' % m for m in limits))
    done['disk_mb'] = statistics.mean(limits)
    return done


# --- system calls

CALL = re.compile(r'^(\d+) +(\w+)\(')


def trace(net, gw, sink, messages, connections):
    """{process: {call: how often}} of a load, by strace(1)."""
    pids = gw.pids()
    path = rig.DISK + '/work/strace'
    argv = ['strace', '-f', '-s', '0', '-e', 'signal=none', '-o', path]
    for those in pids.values():
        for pid in those:
            argv += ['-p', str(pid)]
    want = sum(map(len, pids.values()))
    strace = Process(argv)
    strace.log.wait('strace to attach', lambda line: 'attached' in line,
                    count=want)
    taken = sink.book.head().count
    load = rig.Load(net, messages, connections).send()
    sink.wait(taken + messages)
    for name, those in gw.pids().items():
        pids[name] = sorted(set(pids.get(name, []) + those))
    strace.signal(signal.SIGINT)
    strace.wait()
    account = load.account(sink)
    if not account.complete:
        raise RuntimeError('under strace: ' + account.verdict())
    return counted(path, {pid: name for name, those in pids.items()
                          for pid in those})


def counted(path, names):
    calls = {}
    with open(path, errors='replace') as f:
        for m in filter(None, map(CALL.match, f)):
            of = calls.setdefault(names.get(int(m[1]), '(ended)'), {})
            of[m[2]] = of.get(m[2], 0) + 1
    os.unlink(path)
    return calls


def syscalls(net, _rounds):
    """system calls a message, counted by strace"""
    done = {}
    for connections in (20, 1):
        for name, make in GATEWAYS.items():
            n = {'postern': 2000, 'postfix': 300}[name]
            with rig.Sink(net) as sink, make(net) as gw:
                measure.warm(net, gw, sink, 200)
                calls = trace(net, gw, sink, n, connections)
            done['%s/%d' % (name, connections)] = {
                'messages': n, 'calls': calls}
            tell('%s, %d: %.1f a message' % (name, connections, sum(
                sum(of.values()) for of in calls.values()) / n))
    return done


# --- idle sessions

IDLE_TOP = '''\
limit sessions 20000
limit sessions-per-address 2000
limit sessions-per-network 20000
limit network-connections-per-minute 60000
limit connections-per-minute 60000
limit command-timeout 1h
'''
SLAB = re.compile(r'^SUnreclaim: +(\d+) kB', re.M)


def memory_of(gw, pattern):
    """Bytes private to the processes whose name matches, by process."""
    found = {}
    for name, pids in gw.pids().items():
        if re.match(pattern, name):
            found[name] = sum(map(cpu.private, pids))
    return found


def held(net, gw, sink, sessions, pattern):
    """Hold idle sessions; what each costs, and how new mail fares."""
    measure.relay(net, gw, sink, 500)
    before, slab = memory_of(gw, pattern), slab_kb()
    load = rig.Load(net, 0, 1, options=[
        '-k', sessions, '-b', rig.SOURCES + '+50']).start()
    said = load.line()
    try:
        after, kernel = memory_of(gw, pattern), slab_kb() - slab
        now = int(said['idle'])
        fresh = measure.relay(net, gw, sink, 500, connections=1,
                              options=['-m', 1])
        still = load.book.head().idle
    finally:
        load.process.terminate()
        load.wait()
    return {'asked': sessions, 'held': now, 'held_after': still,
            'bytes': {name: (after[name] - before.get(name, 0)) / now
                      for name in after},
            'kernel_both_ends': 1024 * kernel / now,
            'fresh': fresh}


def slab_kb():
    with open('/proc/meminfo') as f:
        return int(SLAB.search(f.read())[1])


def idle(net, _rounds):
    """idle sessions, and new mail beside them"""
    done = {}
    with rig.Sink(net) as sink, rig.Postern(net, top=IDLE_TOP) as gw:
        done['postern'] = held(net, gw, sink, 10000,
                               r'smtpd-in/ext|connd/ext')
    with rig.Sink(net) as sink, peer.Gateway(net) as gw:
        done['postfix'] = held(net, gw, sink, 150, 'smtpd')
    for name, r in done.items():
        tell('%s: %d of %d held, %.0f bytes each, new mail %.1f ms at most'
             % (name, r['held_after'], r['asked'], sum(r['bytes'].values()),
                r['fresh']['first']['p99']))
    return done
