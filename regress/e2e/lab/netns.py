# SPDX-License-Identifier: ISC
"""Three network namespaces on two links, and ways to act inside them.

    inet --(inet0  ext0)-- gw --(int0  intra0)-- intra

The Internet side owns 198.51.100.0/24, 2001:db8:2::/64 and the addresses
of two public resolvers; it even routes the inside prefixes to the gateway,
so that a listener which trusts its address alone is found out.
"""
import contextlib
import ctypes
import os
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A named network namespace; `with ns:` puts this thread into it."""

    def __init__(self, name):
        self.name = name
        self.path = '/run/netns/' + name
        self._back = threading.local()
        subprocess.run(['ip', 'netns', 'add', name], check=True)
        self.ip('link set lo up')

    def ip(self, *lines):
        subprocess.run(['ip', '-netns', self.name, '-batch', '-'],
                       input='\n'.join(lines) + '\n', text=True, check=True)

    def command(self, argv):
        """argv as a command that runs here, keeping its pid."""
        return ['nsenter', '--net=' + self.path, '--'] + list(argv)

    def run(self, argv, **kw):
        kw.setdefault('check', True)
        return subprocess.run(self.command(argv), **kw)

    def sysctl(self, key, value=None):
        path = '/proc/sys/' + key.replace('.', '/')
        with self, open(path, 'r' if value is None else 'w') as f:
            return f.read().strip() if value is None else f.write(str(value))

    def nft(self, text):
        self.run(['nft', '-f', '-'], input=text, text=True)

    def __enter__(self):
        back = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
        self._back.__dict__.setdefault('stack', []).append(back)
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(fd)
        finally:
            os.close(fd)
        return self

    def __exit__(self, *_):
        back = self._back.stack.pop()
        try:
            setns(back)
        finally:
            os.close(back)

    def socket(self, address, kind=socket.SOCK_STREAM):
        """An unbound socket of this namespace, of the address's family."""
        with self:
            return socket.socket(family(address), kind)

    def listen(self, address, port, backlog=256):
        s = self.socket(address)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(backlog)
        return s

    def connect(self, address, port, source=None, timeout=20):
        s = self.socket(address)
        s.settimeout(timeout)
        try:
            if source:
                s.bind((source, 0))
            s.connect((address, port))
        except BaseException:
            s.close()
            raise
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s


def setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


QUIET = ('net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding',
         'net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.default.rp_filter',
         'net.ipv6.conf.all.accept_ra', 'net.ipv6.conf.default.accept_ra',
         'net.ipv6.conf.all.accept_dad', 'net.ipv6.conf.default.accept_dad')

INSIDE4 = ['10.0.0.%d' % n for n in (10, 11, 12, 13, 14, 15, 53, 54)]
INSIDE6 = ['fd00:10::%d' % n for n in (10, 11, 12, 53)]


# What the gateway's side of a link loses when it goes down.
GONE_WHEN_DOWN = {
    'ext0': ('addr add 2001:db8:1::25/64 dev ext0 nodad',
             'route add default via 203.0.113.1',
             'route add default via 2001:db8:1::1'),
    'int0': ('addr add fd00:10::5/64 dev int0 nodad',),
}


@contextlib.contextmanager
def link_down(gw, link):
    """The gateway's ext0 or int0 is down, and is brought up as it was."""
    gw.ip('link set %s down' % link)
    try:
        yield
    finally:
        gw.ip('link set %s up' % link, *GONE_WHEN_DOWN[link])


def build():
    """The three namespaces, wired; returns (inet, gw, intra)."""
    inet, gw, intra = (Namespace(n) for n in ('inet', 'gw', 'intra'))
    for ns in (inet, gw, intra):
        for key in QUIET:
            ns.sysctl(key, 0)
    # Linux has no way to bind to every IPv6 address of a local route.
    inet.sysctl('net.ipv6.ip_nonlocal_bind', 1)
    inet.ip('link add inet0 type veth peer name ext0 netns gw')
    intra.ip('link add intra0 type veth peer name int0 netns gw')
    inet.ip('addr add 203.0.113.1/24 dev inet0',
            'addr add 2001:db8:1::1/64 dev inet0 nodad',
            'link set inet0 up',
            'addr add 9.9.9.9/32 dev lo',
            'addr add 149.112.112.112/32 dev lo',
            # Postfix wants to find its addresses on an interface.
            'addr add 198.51.100.10/32 dev lo',
            'addr add 2001:db8:2::10/128 dev lo nodad',
            'route add local 198.51.100.0/24 dev lo',
            'route add local 2001:db8:2::/64 dev lo',
            'route add 10.0.0.0/8 via 203.0.113.25 onlink dev inet0',
            'route add fd00:10::/64 via 2001:db8:1::25 dev inet0')
    gw.ip('addr add 203.0.113.25/24 dev ext0',
          'addr add 203.0.113.26/24 dev ext0',
          'addr add 10.0.0.5/8 dev int0',
          'link set ext0 up', 'link set int0 up',
          *GONE_WHEN_DOWN['ext0'], *GONE_WHEN_DOWN['int0'])
    intra.ip(*['addr add %s/8 dev intra0' % a for a in INSIDE4],
             *['addr add %s/64 dev intra0 nodad' % a for a in INSIDE6],
             'link set intra0 up',
             'route add 203.0.113.0/24 via 10.0.0.5',
             'route add 198.51.100.0/24 via 10.0.0.5')
    return inet, gw, intra
