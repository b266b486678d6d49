# SPDX-License-Identifier: ISC
"""What TLS costs: handshakes with the keys in keyd, and idle sessions."""
import os
import re
import subprocess

from lab.certs import Cert
from lab.inside import WORK

import measure
import rig
import steps

RATES = re.compile(
    r'(\w+) handshakes/s in-process=(\d+) keyd=(\d+) ratio=([\d.]+)')
SESSIONS = 10000
HOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      'tlshold.py')


def handshakes(rounds):
    """{kind: (in-process, keyd, ratio)}, each the median of the rounds."""
    out = subprocess.run(
        [rig.program('regress/bench/tlsbench'), '-n', '2000', '-r',
         str(rounds), '-i', '1000'], check=True, capture_output=True,
        text=True).stdout
    found = {kind: (int(inside), int(keyd), float(ratio))
             for kind, inside, keyd, ratio in RATES.findall(out)}
    for kind, (inside, keyd, ratio) in found.items():
        steps.tell('%s: %d handshakes/s with the key in the process, %d with '
                   'keyd, %.2f' % (kind, inside, keyd, ratio))
    return found


def held(net, gw, sink, sessions):
    """Sessions that idle after a handshake; what each takes of smtpd-in."""
    pattern = r'smtpd-in/ext|connd/ext|keyd'
    measure.relay(net, gw, sink, 500)
    before = steps.memory_of(gw, pattern)
    holder = subprocess.Popen(
        net.inet.command(['/usr/bin/python3', HOLDER, rig.GW_EXT,
                          str(sessions), rig.SOURCES]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        now = int(holder.stdout.readline() or 0)
        after = steps.memory_of(gw, pattern)
        fresh = measure.relay(net, gw, sink, 500, connections=1,
                              options=['-m', 1])
        holder.stdin.write('count\n')
        holder.stdin.flush()
        still = int(holder.stdout.readline() or 0)
    finally:
        holder.stdin.close()
        holder.wait()
    return {'asked': sessions, 'held': now, 'held_after': still,
            'bytes': {name: (after[name] - before.get(name, 0)) / max(now, 1)
                      for name in after},
            'fresh': fresh}


def tls(net, rounds):
    """handshakes with keyd, and 10,000 idle TLS sessions"""
    cert = Cert(WORK + '/bench-tls', 'ec', ['gw.example.com'])
    done = {'handshakes': handshakes(rounds)}
    with rig.Sink(net) as sink, rig.Postern(
            net, top=steps.IDLE_TOP, ext=cert.statement) as gw:
        done['idle'] = held(net, gw, sink, SESSIONS)
    r = done['idle']
    steps.tell('%d of %d held, %.0f bytes each, new mail %.1f ms at most' % (
        r['held_after'], r['asked'], sum(r['bytes'].values()),
        r['fresh']['first']['p99']))
    return done
