# SPDX-License-Identifier: ISC
"""BENCHMARKS.md out of the JSON files of the steps; only what was measured.

A step that was not run is said to be missing, in its place.
"""
import json
import os
import platform
import re
import statistics
import subprocess

import cpu

HEAD = '''\
# Benchmarks

Written by `make bench` (`regress/bench/run`); nothing in it is edited by hand.

Postern and Debian's Postfix stand in turn in the place of the gateway between
two network namespaces: `smtpload` outside, `smtpsink` inside, all on the same
machine and its %(cpus)d processors. Both gateways put their queue on the same
disk and are started afresh, with an empty queue, for each round. Every message
bears a number; what was acknowledged and what arrived are compared number by
number, and a run with a message lost, altered or unknown is not counted as
one. Times are medians of the rounds unless another word stands there.

Postern runs as it would by default, in its sandbox, and logs each message and
each delivery to a file. Postfix is tuned by its own manual, which
`regress/bench/postfix/main.cf` cites line by line, and logs to a syslog socket
that is read and forgotten.
'''


def load(directory):
    found = {}
    for name in os.listdir(directory):
        if name.endswith('.json'):
            with open(os.path.join(directory, name)) as f:
                found[name[:-5]] = json.load(f)
    return found


# --- arithmetic

def med(rows, *path):
    values = []
    for row in rows:
        for key in path:
            row = row[key]
        values.append(row)
    return statistics.median(values)


def of(step, name):
    return [r for r in step['rounds'] if r['gateway'] == name]


def ratio(step, *path):
    """Postern over Postfix of each round; the median of these."""
    pairs = zip(of(step, 'postern'), of(step, 'postfix'))
    return statistics.median(
        med([a], *path) / med([b], *path) for a, b in pairs)


def number(value, digits=3):
    """With so many significant digits, thousands apart."""
    if value is None:
        return '-'
    if value == 0:
        return '0'
    magnitude = int(('%e' % value).split('e')[1])
    places = max(0, digits - 1 - magnitude)
    return '{:,.{}f}'.format(round(value, places), places)


def table(heads, rows):
    out = ['| ' + ' | '.join(heads) + ' |',
           '|' + '|'.join(' --- ' for _ in heads) + '|']
    out += ['| ' + ' | '.join(str(c) for c in row) + ' |' for row in rows]
    return '\n'.join(out) + '\n'


def small(step):
    """Says so if the waiting messages were not of 4 KiB."""
    size = step.get('size', 4096)
    return '' if size == 4096 else ' of %d bytes' % size


# --- the goals

class Goals:
    """Rows of the first table, as far as they were measured."""

    def __init__(self, found):
        self.found, self.rows = found, []

    def add(self, what, goal, measured, reached, peer='-'):
        self.rows.append((what, goal, measured, peer,
                          'yes' if reached else '**no**'))

    def missing(self, what, goal, step):
        self.rows.append((what, goal, 'not measured: `run %s`' % step, '-',
                          '-'))

    def all(self):
        for step, what in (
                ('relay', self.relay), ('single', self.single),
                ('big', self.big), ('idle', self.idle), ('tls', self.tls),
                ('growth', self.growth), ('drain', self.drain),
                ('growth', self.cost)):
            if step in self.found:
                what(self.found[step])
            else:
                self.missing(step, '', step)
        return table(('what', 'goal', 'measured', 'Postfix', 'reached'),
                     self.rows)

    def relay(self, step):
        ours, theirs = of(step, 'postern'), of(step, 'postfix')
        rate, times = med(ours, 'rate'), ratio(step, 'rate')
        self.add('relayed end to end, durable, 20 connections',
                 '>= 4,000 msg/s', number(rate, 4) + ' msg/s', rate >= 4000,
                 number(med(theirs, 'rate')) + ' msg/s')
        self.add('the same, over Postfix in the same round', '>= 15 x',
                 '%.1f x' % times, times >= 15, '1')
        ms = med(ours, 'cpu_all')
        self.add('CPU per relayed message, all processes', '<= 0.25 ms',
                 '%.3f ms' % ms, ms <= 0.25,
                 '%.2f ms' % med(theirs, 'cpu_all'))
        syncs = med(ours, 'syncs')
        self.add('`fdatasync` per accepted message, 20 connections',
                 '<= 0.15', '%.3f' % syncs, syncs <= 0.15)

    def single(self, step):
        ours, theirs = of(step, 'postern'), of(step, 'postfix')
        syncs, ms = med(ours, 'syncs'), med(ours, 'latency', 'median')
        self.add('`fdatasync` per accepted message, 1 connection', '<= 1',
                 '%.3f' % syncs, syncs <= 1)
        self.add('latency at 1 connection, `250` to delivered',
                 '<= 5 ms median', '%.2f ms' % ms, ms <= 5,
                 '%.2f ms' % med(theirs, 'latency', 'median'))

    def big(self, step):
        rate = med(of(step, 'postern'), 'mb_rate')
        goal = min(150, step['disk_mb'])
        self.add('100 KiB messages, 20 connections',
                 '>= 150 MB/s, or the disk\'s limit, which is %.0f'
                 % step['disk_mb'], '%.0f MB/s' % rate, rate >= goal,
                 '%.1f MB/s' % med(of(step, 'postfix'), 'mb_rate'))

    def idle(self, step):
        ours, theirs = step['postern'], step['postfix']
        each = sum(ours['bytes'].values())
        self.add('10,000 idle sessions', 'held', number(
            ours['held_after'], 5), ours['held_after'] >= 10000,
            '%d asked, %d held' % (theirs['asked'], theirs['held_after']))
        self.add('memory of each', '<= 4 KiB', '%.0f bytes' % each,
                 each <= 4096, number(sum(theirs['bytes'].values())) +
                 ' bytes')
        slow = ours['fresh']['first']['p99']
        self.add('a new message beside them, connect to `250`, 99 %',
                 '<= 50 ms', '%.1f ms' % slow, slow <= 50)

    def tls(self, step):
        for kind, (_, keyd, ratio) in step['handshakes'].items():
            self.add('TLS handshakes with keyd against the key in the process,'
                     ' ' + kind, '>= 85 %',
                     '%.0f %%, %s/s' % (100 * ratio, number(keyd)),
                     ratio >= 0.85)
        idle = step['idle']
        each = sum(idle['bytes'].values())
        self.add('{:,} idle TLS sessions'.format(idle['asked']),
                 '<= 16 KiB each', '%.0f bytes, %s held' % (
                     each, number(idle['held_after'])),
                 each <= 16384 and idle['held_after'] == idle['asked'])
        slow = idle['fresh']['first']['p99']
        self.add('a new message beside them, connect to `250`, 99 %',
                 '<= 50 ms', '%.1f ms' % slow, slow <= 50)

    def growth(self, step):
        first, depth = step['restart']['first_delivery'], step['depth']
        many = '{:,} queued{}: '.format(depth, small(step))
        self.add(many + 'killed, start to first delivery', '<= 10 s',
                 '%.1f s' % first, first <= 10)
        each = step['levels'][-1]['memory']
        self.add(many + 'memory of each', '<= 300 bytes',
                 '%.0f bytes' % each, each <= 300)
        full, empty = (statistics.median(rate for rate, _ in rounds)
                       for rounds in (step['accept_full'],
                                      step['accept_empty'] +
                                      step['accept_empty_after']))
        self.add(many + 'accept rate against an empty queue',
                 '>= 80 %%, %s msg/s empty' % number(empty),
                 '%.0f %%, %s msg/s' % (100 * full / empty, number(full)),
                 full >= 0.8 * empty)
        self.add(many + '`queue list` of a destination with 100', '<= 1 s',
                 '%.2f s' % step['list_seconds'], step['list_seconds'] <= 1)

    def drain(self, step):
        tenths, rate = step['tenths'], step['rate']
        relay = self.found.get('relay')
        rest = statistics.median(tenths[1:])
        if relay:
            goal = med(of(relay, 'postern'), 'rate')
            self.add('{:,} to one destination{} drain'.format(
                step['depth'], small(step)),
                     'at the relay rate, %s msg/s' % number(goal),
                     number(rate) + ' msg/s', rate >= 0.9 * goal)
        self.add('its slowest tenth against their median',
                 'no slowdown with depth', '%.0f %%' % (
                     100 * min(tenths) / rest), min(tenths) >= 0.7 * rest)

    def cost(self, step):
        costs = [med(r['relay'], 'cpu_all') for r in step['levels']]
        self.add('CPU per relayed message, {:,} queued against none'.format(
            step['levels'][-1]['depth']), 'flat: <= 1.25 x',
            '%.2f x' % (costs[-1] / costs[0]), costs[-1] <= 1.25 * costs[0])


# --- the tables behind

def relay_table(step):
    rows = []
    for label, path, digits in (
            ('relayed, msg/s', ('rate',), 4),
            ('accepted, msg/s', ('accept_rate',), 4),
            ('CPU, ms a message', ('cpu_all',), 3),
            ('of it user', ('cpu_user',), 2),
            ('of it system', ('cpu_system',), 2),
            ('bytes written to the disk, a message', ('disk_bytes',), 3),
            ('flushes of the disk, a message', ('flushes',), 2),
            ('end of DATA to `250`, ms, median', ('dot', 'median'), 3),
            ('the same, 99 %', ('dot', 'p99'), 3),
            ('`250` to delivered, ms, median', ('latency', 'median'), 3),
            ('the same, 99 %', ('latency', 'p99'), 3)):
        ours, theirs = (med(of(step, name), *path)
                        for name in ('postern', 'postfix'))
        quotient = number(ours / theirs, 3) if theirs > 0 and ours > 0 \
            else '-'
        rows.append((label, number(ours, digits), number(theirs, digits),
                     quotient))
    return table(('', 'Postern', 'Postfix', 'Postern / Postfix'), rows)


def rounds_table(step):
    pairs = list(zip(of(step, 'postern'), of(step, 'postfix')))
    return table(
        ('round', 'Postern, msg/s', 'CPU, ms', 'Postfix, msg/s', 'CPU, ms',
         'ratio', 'messages accounted for'),
        [(n, number(a['rate'], 4), '%.3f' % a['cpu_all'],
          number(b['rate'], 3), '%.2f' % b['cpu_all'],
          '%.1f' % (a['rate'] / b['rate']),
          'all' if a['complete'] and b['complete'] else '**not all**')
         for n, (a, b) in enumerate(pairs, 1)])


def cpu_table(step, gateway):
    rounds = of(step, gateway)
    names = {name for r in rounds for name in r['cpu']}
    rows = [(statistics.median(r['cpu'].get(name, 0) for r in rounds), name)
            for name in names]
    whole = med(rounds, 'cpu_all')
    return table(('process', 'ms of CPU a message', 'share'),
                 [(name, '%.4f' % ms, '%.0f %%' % (100 * ms / whole))
                  for ms, name in sorted(rows, reverse=True)
                  if ms >= 0.00005])


def calls_table(traced, least=0.1):
    calls, n = traced['calls'], traced['messages']
    rows = []
    for name, counts in sorted(calls.items(),
                               key=lambda i: -sum(i[1].values())):
        each = sorted(((k / n, call) for call, k in counts.items()),
                      reverse=True)
        if sum(k for k, _ in each) < 0.005:
            continue
        rows.append((name, '%.2f' % sum(k for k, _ in each), ', '.join(
            '%s %.2f' % (call, k) for k, call in each if k >= least)))
    rows.append(('all', '%.1f' % (sum(
        sum(c.values()) for c in calls.values()) / n), ''))
    return table(('process', 'a message', 'calls'), rows)


def growth_table(step):
    rows = []
    for r in step['levels']:
        runs = r['relay']
        rows.append((
            '{:,}'.format(r['depth']), '%.3f' % med(runs, 'cpu_all'),
            number(med(runs, 'rate')), '%.2f' % med(
                runs, 'latency', 'median'),
            '-' if r['depth'] < 10000 else '%.0f' % r['memory'],
            ' '.join(number(w) for w in step['fill'].get(
                str(r['depth']), []))))
    return table(('queued', 'CPU, ms per relayed message', 'relayed, msg/s',
                  '`250` to delivered, ms', 'bytes of memory each',
                  'accepted, msg/s, by tenths of what was added'), rows)


def accept_rows(step):
    return table(('accepting alone', 'msg/s', 'CPU, ms'), [
        (name,
         ', '.join(number(rate) for rate, _ in step[key]),
         ', '.join('%.3f' % ms for _, ms in step[key]))
        for name, key in (('into an empty queue, before', 'accept_empty'),
                          ('{:,} queued'.format(step['depth']),
                           'accept_full'),
                          ('into an empty queue, after',
                           'accept_empty_after'))])


def machine():
    model = re.search(r'model name\s*: (.*)', cpu.read('/proc/cpuinfo') or '')
    memory = re.search(r'MemTotal: +(\d+)', cpu.read('/proc/meminfo') or '')
    where = subprocess.run(
        ['findmnt', '-no', 'SOURCE,FSTYPE,OPTIONS', '-T', os.getcwd()],
        capture_output=True, text=True).stdout.split()
    journals = os.listdir('/proc/fs/jbd2') \
        if os.path.isdir('/proc/fs/jbd2') else []
    name = os.path.basename(where[0]) if where else '?'
    if where[1:2] == ['ext4'] and not any(
            j.startswith(name + '-') for j in journals):
        where.append('(without a journal)')
    return table(('machine', ''), [
        ('processor', '%s, %d' % (model[1] if model else '?',
                                  os.cpu_count())),
        ('memory', '%.0f GiB' % (int(memory[1]) / 2**20)),
        ('kernel', platform.release()),
        ('disk', ' '.join(where))])


def steps_table(found):
    rows = []
    for name, step in sorted(found.items()):
        a = step['about']
        rows.append(('`regress/bench/run %s`' % name, a['date'],
                     a['commit'] + (', with changes' if a['changed'] else ''),
                     '%.1f' % a['load']))
    return table(('step', 'measured', 'commit',
                  'load of the machine before'), rows)


def sections(found):
    yield HEAD % {'cpus': os.cpu_count()}
    yield '## Goals\n'
    yield Goals(found).all()
    if 'relay' in found:
        yield '## Relay: 4 KiB, 20 connections\n'
        yield relay_table(found['relay'])
        yield rounds_table(found['relay'])
        for name in ('Postern', 'Postfix'):
            yield 'Processor time of %s, by process:\n' % name
            yield cpu_table(found['relay'], name.lower())
    if 'single' in found:
        yield '## One connection, 4 KiB\n'
        yield relay_table(found['single'])
    if 'big' in found:
        yield '## 100 KiB, 20 connections\n'
        yield relay_table(found['big'])
    if 'syscalls' in found:
        yield '## System calls\n'
        yield ('Counted by strace(1) in runs of their own. It slows every '
               'call, so that what\nis done in batches (sync, write, wait) '
               'is done oftener or more seldom than\nelsewhere here.\n')
        for key, title in (
                ('postern/20', 'Postern, 20 connections'),
                ('postern/1', 'Postern, 1 connection'),
                ('postfix/20', 'Postfix, 20 connections')):
            yield '%s:\n' % title
            yield calls_table(found['syscalls'][key])
    if 'growth' in found:
        yield '## Deep queues%s\n' % small(found['growth'])
        yield growth_table(found['growth'])
        yield accept_rows(found['growth'])
        if 'profile' in found['growth']:
            yield profile_text(found['growth'])
        yield restart_text(found['growth'])
    if 'drain' in found:
        yield '## {:,} messages to one destination\n'.format(
            found['drain']['depth'])
        yield '%s msg/s; by tenths: %s.\n' % (
            number(found['drain']['rate']),
            ' '.join(number(t) for t in found['drain']['tenths']))
    yield '## Where and when\n'
    yield machine()
    yield steps_table(found)


def profile_text(step):
    """Where the time goes when much is queued."""
    whole = sum(seconds for _, seconds in step['profile'].values())
    rows = sorted(((seconds, call, n) for call, (n, seconds)
                   in step['profile'].items()), reverse=True)
    return ('What queued waits for while it accepts with {:,} queued, by '
            'strace(1):\n\n{}\nOn this disk one thread makes {} files of '
            '4 KiB a second, each synced.\n').format(
                step['depth'], table(
                    ('call', 'a message', 'share of the time in calls'),
                    [(call, '%.2f' % n, '%.0f %%' % (100 * s / whole))
                     for s, call, n in rows if s >= 0.005 * whole]),
                number(step['file_limit']))


def restart_text(step):
    r = step['restart']
    return ('All processes killed with {:,} messages queued and started '
            'again: ready after\n{:.1f} s, first delivery after {:.1f} s, '
            'and {:,.0f} msg/s in the 20 s after that.\n`queue destinations` '
            'took {:.2f} s.\n').format(
                step['depth'], r['ready'], r['first_delivery'],
                r['drain_rate'], step['destinations_seconds'])


def write(directory, path):
    text = '\n'.join(sections(load(directory)))
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)
