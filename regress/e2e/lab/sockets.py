# SPDX-License-Identifier: ISC
"""Which process holds which Internet socket of a namespace, from /proc."""
import collections
import ipaddress
import os
import struct

LISTEN, ESTABLISHED, TIME_WAIT = 10, 1, 6
TABLES = ('tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'udplite', 'udplite6')

Socket = collections.namedtuple(
    'Socket', 'proto local lport remote rport state inode owners')


def _address(text):
    raw, port = text.split(':')
    words = [raw[i:i + 8] for i in range(0, len(raw), 8)]
    packed = b''.join(struct.pack('=I', int(w, 16)) for w in words)
    address = ipaddress.ip_address(packed)
    mapped = getattr(address, 'ipv4_mapped', None)
    return str(mapped or address), int(port, 16)


def owners():
    """inode -> pids that hold it."""
    found = collections.defaultdict(set)
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            for fd in os.listdir('/proc/%s/fd' % pid):
                target = os.readlink('/proc/%s/fd/%s' % (pid, fd))
                if target.startswith('socket:['):
                    found[int(target[8:-1])].add(int(pid))
        except OSError:
            continue
    return found


def inventory(ns):
    """Every TCP, UDP and raw socket of the namespace."""
    rows = []
    with ns:
        for table in TABLES:
            try:
                with open('/proc/thread-self/net/' + table) as f:
                    rows += [(table.rstrip('6'), line.split())
                             for line in f.readlines()[1:]]
            except FileNotFoundError:
                continue
    held = owners()
    return [Socket(table, *_address(w[1]), *_address(w[2]), int(w[3], 16),
                   int(w[9]), frozenset(held.get(int(w[9]), ())))
            for table, w in rows]
