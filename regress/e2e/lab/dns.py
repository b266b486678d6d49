# SPDX-License-Identifier: ISC
"""DNS of one side: nsd with the zones, unbound in front, and trouble.

Tree    zones as data; records can be added while the servers run
Side    nsd and the unbounds of one side, with stop, start and flush
Rogue   a scripted server that takes an unbound's place and misbehaves
"""
import contextlib
import os
import signal
import socket
import struct
import threading

from . import dnswire
from .proc import Process, Timeout, wait_until

NSD_CONF = '''server:
  ip-address: %(address)s
  username: ""
  zonesdir: "%(dir)s"
  database: ""
  pidfile: "%(dir)s/nsd.pid"
  xfrdfile: "%(dir)s/xfrd.state"
  zonelistfile: "%(dir)s/zone.list"
  server-count: 1
remote-control:
  control-enable: no
'''

UNBOUND_CONF = '''server:
  username: ""
  chroot: ""
  directory: "%(dir)s"
  pidfile: ""
  use-syslog: no
  interface: %(address)s
  outgoing-interface: %(address)s
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  do-not-query-localhost: no
  root-hints: "%(dir)s/root.hints"
  module-config: "iterator"
  unblock-lan-zones: yes
  insecure-lan-zones: yes
  local-zone: "test." nodefault
  local-zone: "9.in-addr.arpa." nodefault
  qname-minimisation: no
  infra-host-ttl: 1
  num-threads: 1
remote-control:
  control-enable: yes
  control-interface: "%(dir)s/%(address)s.ctl"
  control-use-cert: no
'''


class Tree:
    """A DNS tree: zones by apex, every name in the closest one."""

    def __init__(self, apexes, server, ttl=5):
        self.apexes = sorted(apexes, key=len, reverse=True)
        self.server, self.ttl, self.serial = server, ttl, 1
        self.names = {}

    def put(self, name, *records):
        """Set a name's records, each 'TYPE data'; none removes it."""
        key = name.rstrip('.').lower() + '.'
        if records:
            self.names[key] = list(records)
        else:
            self.names.pop(key, None)

    def apex(self, name):
        return next(a for a in self.apexes if a == '.' or name == a or
                    name.endswith('.' + a))

    def zone(self, apex):
        """One zone file, delegations of the zones below it included."""
        out = ['$TTL %d' % self.ttl,
               '%s SOA ns.lab. host.lab. %d 3600 600 86400 %d'
               % (apex, self.serial, self.ttl), '%s NS ns.lab.' % apex]
        if apex == '.':
            out.append('ns.lab. A ' + self.server)
        for below in self.apexes:
            if below != apex and below != '.' and self.parent(below) == apex:
                out.append('%s NS ns.lab.' % below)
        for name, records in self.names.items():
            if self.apex(name) == apex:
                out += ['%s %s' % (name, r) for r in records]
        return '\n'.join(out) + '\n'

    def parent(self, apex):
        rest = apex.partition('.')[2] or '.'
        return self.apex(rest)


class Side:
    """The DNS servers of one side of the lab."""

    def __init__(self, ns, peers, directory, authority, resolvers, apexes):
        self.ns, self.peers, self.dir = ns, peers, directory
        self.authority, self.resolvers = authority, list(resolvers)
        self.tree = Tree(set(apexes) | {'.'}, authority)
        self.nsd, self.unbound = None, {}
        os.makedirs(directory)

    def put(self, name, *records):
        self.tree.put(name, *records)

    def start(self):
        self._write()
        self.nsd = Process([self.peers.path('usr/sbin/nsd'), '-d', '-c',
                            self.dir + '/nsd.conf'], self.ns,
                           env=self.peers.env)
        try:
            wait_until('nsd', lambda: self._serial() == self.tree.serial)
        except Timeout as e:
            raise Timeout('%s; it said:\n%s' % (
                e, '\n'.join(self.nsd.log.since()))) from None
        for address in self.resolvers:
            self.start_resolver(address)

    def _write(self):
        conf = NSD_CONF % {'address': self.authority, 'dir': self.dir}
        for n, apex in enumerate(self.tree.apexes):
            conf += 'zone:\n  name: "%s"\n  zonefile: "%d.zone"\n' % (apex, n)
            with open('%s/%d.zone' % (self.dir, n), 'w') as f:
                f.write(self.tree.zone(apex))
        with open(self.dir + '/nsd.conf', 'w') as f:
            f.write(conf)
        with open(self.dir + '/root.hints', 'w') as f:
            f.write('. 3600 NS ns.lab.\nns.lab. 3600 A %s\n' % self.authority)

    def _serial(self):
        """The lowest serial number that nsd serves, 0 while it does not."""
        lowest = None
        for apex in self.tree.apexes:
            try:
                _, found = dnswire.ask(self.ns, self.authority, apex, 'SOA',
                                       timeout=2)
            except OSError:
                return 0
            serial = struct.unpack('!I', found[0][2][-20:-16])[0] \
                if found else 0
            lowest = serial if lowest is None else min(lowest, serial)
        return lowest

    def publish(self):
        """Serve what put() changed, and forget what was cached."""
        self.tree.serial += 1
        self._write()
        self.nsd.signal(signal.SIGHUP)
        wait_until('the new zones', lambda:
                   self._serial() == self.tree.serial)
        for address in self.unbound:
            self.control(address, 'flush_zone', '.')
            self.control(address, 'flush_infra', 'all')

    def control(self, address, *command):
        self.ns.run([self.peers.path('usr/sbin/unbound-control'), '-q', '-c',
                     self._conf(address)] + list(command),
                    env=dict(os.environ, **self.peers.env))

    def _conf(self, address):
        return '%s/unbound-%s.conf' % (self.dir, address.replace(':', '_'))

    def start_resolver(self, address):
        with open(self._conf(address), 'w') as f:
            f.write(UNBOUND_CONF % {'address': address, 'dir': self.dir})
        self.unbound[address] = Process(
            [self.peers.path('usr/sbin/unbound'), '-d', '-c',
             self._conf(address)], self.ns, env=self.peers.env)
        wait_until('unbound at ' + address, lambda: self._answers(address))

    def _answers(self, address):
        try:
            return dnswire.ask(self.ns, address, '.', 'SOA', 2)[0] == 0
        except OSError:
            return False

    def stop_resolver(self, address):
        self.unbound.pop(address).stop()

    def start_all(self):
        for address in self.resolvers:
            if address not in self.unbound:
                self.start_resolver(address)

    @contextlib.contextmanager
    def down(self, *addresses):
        """Resolvers (all by default) gone: ports closed."""
        addresses = addresses or self.resolvers
        for address in addresses:
            self.stop_resolver(address)
        try:
            yield
        finally:
            self.start_all()

    @contextlib.contextmanager
    def trouble(self, kind, *addresses):
        """Resolvers (all by default) replaced by Rogues of that kind."""
        addresses = addresses or self.resolvers
        with self.down(*addresses):
            rogues = [Rogue(self.ns, a, kind) for a in addresses]
            try:
                yield rogues
            finally:
                for r in rogues:
                    r.close()

    @contextlib.contextmanager
    def blackhole(self):
        """Packets to port 53 vanish before any server sees them."""
        self.ns.nft('table inet hole { chain in {\n'
                    'type filter hook input priority 0\n'
                    'udp dport 53 drop\ntcp dport 53 drop\n}\n}\n')
        try:
            yield
        finally:
            self.ns.nft('delete table inet hole')


class Rogue:
    """A DNS server over UDP and TCP that answers as it was told.

    kind: 'servfail', 'refused', 'silent', 'garbage' (noise, then wrong
    ids, then answers to other questions), 'truncate' (TC, and TCP drips a
    byte a second), 'drip' (UDP answers after four seconds, TCP as above),
    or a function of a Query that returns a list of packets.
    """

    def __init__(self, ns, address, kind):
        self.kind, self.questions = kind, []
        self.over = threading.Event()
        self.udp = ns.socket(address, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((address, 53))
        self.tcp = ns.listen(address, 53)
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.over.set()
        for s in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def packets(self, query):
        if callable(self.kind):
            return self.kind(query)
        if self.kind == 'servfail':
            return [dnswire.reply(query, rcode=dnswire.SERVFAIL)]
        if self.kind == 'refused':
            return [dnswire.reply(query, rcode=dnswire.REFUSED)]
        if self.kind == 'garbage':
            other = dnswire.reply(query, [('other.test', 'A', 60,
                                           '198.51.100.66')])
            return [os.urandom(60), b'', query.wire[:5],
                    query.wire[:2] + os.urandom(200),
                    dnswire.reply(query, [(query.name, 'A', 60,
                                           '198.51.100.66')],
                                  ident=query.id ^ 1),
                    other[:12] + b'\x05other\x04test\0' + other[12:]]
        if self.kind == 'truncate':
            return [dnswire.reply(query, flags=0x8780)]
        return []

    def _serve_udp(self):
        while not self.over.is_set():
            try:
                wire, client = self.udp.recvfrom(4096)
                query = dnswire.Query(wire)
            except OSError:
                return
            except (ValueError, IndexError, struct.error):
                continue
            self.questions.append((query.name.lower(), query.kind))
            if self.kind == 'drip':
                threading.Timer(4, self._late, (query, client)).start()
            for packet in self.packets(query):
                with contextlib.suppress(OSError):
                    self.udp.sendto(packet, client)

    def _late(self, query, client):
        with contextlib.suppress(OSError):
            self.udp.sendto(dnswire.reply(query, rcode=dnswire.SERVFAIL),
                            client)

    def _serve_tcp(self):
        while not self.over.is_set():
            try:
                s, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(s,),
                             daemon=True).start()

    def _serve_one(self, s):
        with s, contextlib.suppress(OSError, ValueError, IndexError,
                                    struct.error):
            s.settimeout(30)
            size = struct.unpack('!H', s.recv(2, socket.MSG_WAITALL))[0]
            query = dnswire.Query(s.recv(size, socket.MSG_WAITALL))
            if self.kind in ('truncate', 'drip'):
                answer = dnswire.reply(query, rcode=dnswire.SERVFAIL)
                for byte in struct.pack('!H', len(answer)) + answer:
                    s.sendall(bytes([byte]))
                    if self.over.wait(1):
                        return
            for packet in self.packets(query):
                s.sendall(struct.pack('!H', len(packet)) + packet)
