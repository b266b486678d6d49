# SPDX-License-Identifier: ISC
"""The whole lab: networks, captures, DNS of both sides, servers.

Internet side                        Inside
  9.9.9.9, 149.112.112.112 unbound     10.0.0.53  unbound
  203.0.113.1              nsd         10.0.0.54  nsd
  198.51.100.10            Postfix     10.0.0.10  Postfix
  198.51.100.0/24          sinks       10.0.0.11 .. 15, sinks
"""
import itertools
import os
from concurrent import futures

from . import netns
from .capture import Capture
from .dns import Side
from .inside import WORK
from .peers import Peers
from .postfix import Postfix

GW_EXT, GW_EXT2, GW_INT = '203.0.113.25', '203.0.113.26', '10.0.0.5'
GW_EXT6, GW_INT6 = '2001:db8:1::25', 'fd00:10::5'
INET = '203.0.113.1'
OUTSIDE_DNS = ('9.9.9.9', '149.112.112.112')
INSIDE_DNS = '10.0.0.53'
MX = '198.51.100.10'
MX6 = '2001:db8:2::10'
HOST_A, HOST_B, HOST_C = '10.0.0.10', '10.0.0.11', '10.0.0.12'
HOST_A6 = 'fd00:10::10'

HOSTNAMES = {'a': 'mail', 'b': 'mail2', 'c': 'mail3'}

# A side's resolver is what its own hosts use; the gateway is told its own.
RESOLV = {'inet': OUTSIDE_DNS[0], 'intra': INSIDE_DNS}


class World:
    """Built once per session; everything in it can be reset cheaply."""

    def __init__(self):
        self.dir = WORK
        self.peers = Peers()
        for name, server in RESOLV.items():
            os.makedirs('/etc/netns/' + name)
            with open('/etc/netns/%s/resolv.conf' % name, 'w') as f:
                f.write('nameserver %s\n' % server)
        self.inet, self.gw, self.intra = netns.build()
        self.ext = Capture(self.gw, 'ext0')
        self.int = Capture(self.gw, 'int0')
        self.dns = Side(self.inet, self.peers, WORK + '/dns-ext', INET,
                        OUTSIDE_DNS,
                        ['test.', 'example.', 'com.', 'arpa.',
                         'example.com.', 'example.net.', 'net.'])
        self.indns = Side(self.intra, self.peers, WORK + '/dns-int',
                          '10.0.0.54', [INSIDE_DNS],
                          ['com.', 'example.com.', 'corp.example.com.',
                           'test.', 'arpa.'])
        self._zones()
        self.mx = Postfix(self.inet, self.peers, WORK + '/mx', MX,
                          'mx.example.net',
                          ['dest.test', 'sender.test', 'example.net'],
                          mynetworks='198.51.100.0/24 203.0.113.1/32',
                          smtp_mx_session_limit='5')
        self.hosts = {}
        self._names = itertools.count(1)
        # round and round: who had one so many tests ago is gone
        self._octet = itertools.cycle(range(20, 255))

    def _zones(self):
        out, inside = self.dns, self.indns
        for name in ('dest.test', 'sender.test', 'example.net'):
            out.put(name, 'MX 10 mx.example.net.')
        out.put('mx.example.net', 'A ' + MX)
        out.put('example.com', 'MX 10 gw.example.com.')
        out.put('gw.example.com', 'A ' + GW_EXT)
        out.put('25.113.0.203.in-addr.arpa', 'PTR gw.example.com.')
        out.put('10.100.51.198.in-addr.arpa', 'PTR mx.example.net.')
        inside.put('corp.example.com', 'A ' + HOST_A)
        for key, address in (('a', HOST_A), ('b', HOST_B), ('c', HOST_C)):
            inside.put(HOSTNAMES[key] + '.corp.example.com', 'A ' + address)
        # The inside servers tell tales about the Internet (C3).
        inside.put('dest.test', 'MX 10 wrong.dest.test.')
        inside.put('wrong.dest.test', 'A 10.0.0.15')

    def start(self):
        starts = (self.dns.start, self.indns.start, self.mx.start,
                  lambda: self.host('a', HOST_A, ['example.com',
                                                  'corp.example.com']))
        with futures.ThreadPoolExecutor(len(starts)) as pool:
            for done in [pool.submit(start) for start in starts]:
                done.result()
        return self

    def host(self, key, address, domains, **settings):
        """A Postfix inside, with the gateway as its way out; kept."""
        if key not in self.hosts:
            settings.setdefault('relayhost', '[%s]' % GW_INT)
            settings.setdefault('smtp_dns_support_level', 'disabled')
            settings.setdefault('mynetworks', '10.0.0.0/8')
            self.hosts[key] = Postfix(
                self.intra, self.peers, '%s/host-%s' % (WORK, key),
                address, HOSTNAMES[key] + '.corp.example.com', domains, **settings).start()
        return self.hosts[key]

    def token(self, word='tok'):
        """A word that no other message holds."""
        return '%s-%d-end' % (word, next(self._names))

    def address(self):
        """An address of the Internet side that nobody uses any more."""
        return '198.51.100.%d' % next(self._octet)

    def domain(self, *records, hosts=None):
        """A new Internet domain; '@' in records is its name."""
        name = 'd%d.test' % next(self._names)
        self.dns.put(name, *[r.replace('@', name + '.') for r in records])
        for host, address in (hosts or {}).items():
            kind = 'AAAA' if ':' in address else 'A'
            self.dns.put('%s.%s' % (host, name), '%s %s' % (kind, address))
        self.dns.publish()
        return name
