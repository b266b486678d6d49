# SPDX-License-Identifier: ISC
"""The measurements with a deep queue: each returns what goes into its JSON.

example.com is delivered to the sink at 10.0.0.10; dead.example goes to
10.0.0.11 and few.example to 10.0.0.12, where nothing listens until a step
starts a sink there.
"""
import os
import shutil
import signal
import subprocess
import time

from lab.proc import Process, is_alive, wait_until

import cpu
import measure
import rig
from steps import tell

DEAD, FEW = '10.0.0.11', '10.0.0.12'
TOP = 'limit inbound-spool 64g\n'
DOMAINS = rig.example() + ''.join(
    rig.DOMAIN % (name, host, '')
    for name, host in (('dead.example', DEAD), ('few.example', FEW)))
LEVELS = (0, 1000, 10000, 100000, 1000000)


def accept(net, messages, domain='dead.example', size=4096):
    """Send what cannot be delivered; the times at which it was accepted."""
    load = rig.Load(net, messages, size=size,
                    options=['-t', 'user@' + domain]).send()
    times = [when for _, when in load.book.records()]
    if len(times) != messages:
        raise RuntimeError('%d of %d accepted: %s' % (
            len(times), messages, load.said))
    load.forget()
    return times


def rate_of(times):
    return (len(times) - 1) / ((times[-1] - times[0]) / 1e9)


def accepting(net, gw, rounds=3, messages=20000):
    """[(rate, ms of processor time a message)] of accepting alone."""
    done = []
    for _ in range(rounds):
        os.sync()
        before = measure.processor(gw)
        rate = rate_of(accept(net, messages))
        used = cpu.difference(before, measure.processor(gw))
        done.append((rate, sum(measure.per_message(used, messages).values())))
    tell('accept %s msg/s, %s ms CPU' % (
        ', '.join('%.0f' % rate for rate, _ in done),
        ', '.join('%.3f' % ms for _, ms in done)))
    return done


def queued_memory(gw):
    return cpu.private(gw.pids()['queued'][0])


def timed(gw, *args):
    """(seconds, lines) of a run of postern(8)."""
    start = time.monotonic()
    done = subprocess.run(
        [rig.program('postern/postern'), '-s', gw.socket] + list(args),
        capture_output=True, check=True)
    return time.monotonic() - start, done.stdout.count(b'\n')


def level(net, gw, sink, depth, baseline):
    """What relaying costs while so many messages wait."""
    os.sync()
    memory = (queued_memory(gw) - baseline) / depth if depth else None
    found = [measure.relay(net, gw, sink, 20000) for _ in range(3)]
    tell('%d waiting: relay %s msg/s, %s ms CPU%s' % (
        depth, ', '.join('%.0f' % r['rate'] for r in found),
        ', '.join('%.3f' % r['cpu_all'] for r in found),
        ', %.0f bytes each' % memory if depth else ''))
    return {'depth': depth, 'relay': found, 'memory': memory}


def profile(net, gw, messages=5000):
    """Where queued's time goes while it accepts: {call: (calls, seconds)}.

    strace(1) slows it, hence shares of its time say more than seconds.
    """
    path = rig.DISK + '/work/strace'
    strace = Process(['strace', '-c', '-w', '-o', path, '-p',
                      str(gw.pids()['queued'][0])])
    strace.log.wait('strace to attach', lambda line: 'attached' in line)
    accept(net, messages)
    strace.signal(signal.SIGINT)
    strace.wait()
    found = {}
    with open(path) as f:
        for row in map(str.split, f):
            if len(row) >= 5 and row[3].isdigit() and row[-1] != 'total':
                found[row[-1]] = int(row[3]) / messages, float(row[1])
    return found


def file_limit(messages=3000, size=4096):
    """Messages a second, one thread, each a new file that is synced.

    The directory is synced for each 32 of them.  The floor below a queue of
    files on this disk.
    """
    top = rig.DISK + '/work/files'
    os.mkdir(top)
    directory = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    body, start = b'x' * size, time.monotonic()
    for n in range(messages):
        fd = os.open(str(n), os.O_WRONLY | os.O_CREAT, 0o600,
                     dir_fd=directory)
        os.write(fd, body)
        os.fsync(fd)
        os.close(fd)
        if n % 32 == 31:
            os.fsync(directory)
    rate = messages / (time.monotonic() - start)
    os.close(directory)
    shutil.rmtree(top)
    return rate


def windows(times, step):
    """Rates of each `step` events in a row."""
    return [step / ((times[i + step - 1] - times[i]) / 1e9)
            for i in range(0, len(times) - step + 1, step)]


def kill_all(gw):
    """The power cut."""
    pids = [pid for those in gw.pids().values() for pid in those]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    gw.process.wait()
    wait_until('the processes to end', lambda: not any(map(is_alive, pids)))


def restart(net, gw):
    """Kill all, start again with the dead host alive: until mail flows."""
    kill_all(gw)
    os.sync()
    gw.keep = True
    with rig.Sink(net, address=DEAD, name='dead') as revived:
        start = time.monotonic()
        gw.start(timeout=600)
        ready = time.monotonic() - start
        wait_until('a delivery', lambda: revived.book.head().count > 0, 300)
        first = next(revived.book.records())[1] / 1e9 - start
        tell('ready after %.1f s, first delivery after %.1f s' % (
            ready, first))
        time.sleep(20)  # how fast the backlog goes
        flow = [when for _, when in revived.book.records()]
    span = (flow[-1] - flow[0]) / 1e9
    return {'ready': ready, 'first_delivery': first,
            'drained': len(flow), 'drain_rate': len(flow) / span}


def empty(net):
    """Accepting into an empty queue."""
    with rig.Postern(net, top=TOP, domains=DOMAINS) as gw:
        accept(net, 1000)
        return accepting(net, gw)


def growth(net, depth=1000000, size=4096):
    """cost with 0 to 1,000,000 messages waiting, and a restart with them"""
    done = {'size': size, 'levels': [], 'fill': {},
            'accept_empty': empty(net)}
    with rig.Sink(net) as sink, rig.Postern(
            net, top=TOP, domains=DOMAINS) as gw:
        measure.warm(net, gw, sink, 10000)
        baseline, have = queued_memory(gw), 0
        for want in [n for n in LEVELS if n <= depth]:
            if want > have:
                times = accept(net, want - have, size=size)
                done['fill'][want] = windows(times, max(1, len(times) // 10))
                have = want
            done['levels'].append(level(net, gw, sink, have, baseline))
        done['accept_full'] = accepting(net, gw)
        done['profile'] = profile(net, gw)
        done['file_limit'] = file_limit()
        accept(net, 100, 'few.example')
        for name, args in (('list', ('queue', 'list', 'few.example')),
                           ('destinations', ('queue', 'destinations'))):
            done[name + '_seconds'], done[name + '_lines'] = timed(gw, *args)
        tell('queue list of 100 among %d: %.2f s' % (
            have, done['list_seconds']))
        done['depth'] = have
        done['restart'] = restart(net, gw)
    # what the machine gives may have changed in these minutes
    done['accept_empty_after'] = empty(net)
    return done


def drain(net, depth=100000, size=4096):
    """one destination with 100,000 messages"""
    with rig.Postern(net, top=TOP, domains=DOMAINS) as gw:
        accept(net, depth, size=size)
        with rig.Sink(net, address=DEAD) as sink:
            gw.ask('queue', 'flush', 'dead.example')
            if not sink.wait(depth, 120):
                raise RuntimeError('%d of %d drained' % (
                    sink.book.head().count, depth))
            times = [when for _, when in sink.book.records()]
    done = {'depth': depth, 'size': size, 'rate': rate_of(times),
            'tenths': windows(times, depth // 10)}
    tell('%.0f msg/s; by tenths: %s' % (done['rate'], ' '.join(
        '%.0f' % r for r in done['tenths'])))
    return done
