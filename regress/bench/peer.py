# SPDX-License-Identifier: ISC
"""Debian's Postfix in the gateway's place, tuned: postfix/main.cf.

It logs by syslog(3) to a socket that is read and forgotten, so that logging
costs it as little as can be.
"""
import os
import shutil
import socket
import stat
import subprocess
import threading

from lab.inside import WORK
from lab.peers import Peers
from lab.postfix import Postfix
from lab.proc import children

import rig

TEMPLATES = os.path.join(rig.HERE, 'postfix')
DEVICES = {'null': (1, 3), 'zero': (1, 5), 'full': (1, 7),
           'random': (1, 8), 'urandom': (1, 9), 'tty': (5, 0)}


def private_dev():
    """A /dev of our own mount namespace, in which /dev/log may be made."""
    path = WORK + '/dev'
    os.mkdir(path)
    for name, numbers in DEVICES.items():
        os.mknod('%s/%s' % (path, name), 0o666 | stat.S_IFCHR,
                 os.makedev(*numbers))
        os.chmod('%s/%s' % (path, name), 0o666)
    os.symlink('/proc/self/fd', path + '/fd')
    os.mkdir(path + '/shm')
    subprocess.run(['mount', '--bind', path, '/dev'], check=True)


class Syslog:
    """/dev/log, read and counted."""

    def __init__(self, path='/dev/log'):
        self.lines = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.last = b''
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        room = bytearray(4096)
        while True:
            n = self.socket.recv_into(room)
            self.lines += 1
            if b'warning' in room or b'fatal' in room:
                self.last = bytes(room[:n])


class Tuned(Postfix):
    """lab.postfix.Postfix with the configuration that lies in the tree."""

    def _configure(self):
        words = {'DIR': self.dir, 'ROOT': self.peers.root,
                 'LIBS': self.peers.env['LD_LIBRARY_PATH']}
        for name in ('main.cf', 'master.cf'):
            with open(os.path.join(TEMPLATES, name)) as f:
                text = f.read()
            for word, value in words.items():
                text = text.replace('@%s@' % word, value)
            with open('%s/conf/%s' % (self.dir, name), 'w') as f:
                f.write(text)
                for key, value in self.settings.items():
                    if name == 'main.cf':
                        f.write('%s = %s\n' % (key, value))


class Gateway:
    """Postfix as rig.Postern is used."""

    name = 'postfix'
    syslog = None

    def __init__(self, net, **settings):
        self.net, self.settings, self.postfix = net, settings, None

    def start(self):
        if Gateway.syslog is None:
            private_dev()
            Gateway.syslog = Syslog()
        path = rig.DISK + '/work/postfix'
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        self.postfix = Tuned(self.net.gw, Peers(), path, rig.GW_EXT,
                             'gw.example.com', [], **self.settings).start()
        return self

    def stop(self):
        self.postfix.stop()

    def pids(self):
        """{'smtpd': [pid, ...], ...}; master with its children's names."""
        master = self.postfix.process.pid
        found = {'master': [master]}
        for pid in children(master):
            try:
                with open('/proc/%d/comm' % pid) as f:
                    found.setdefault(f.read().strip(), []).append(pid)
            except OSError:
                pass
        return found

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
