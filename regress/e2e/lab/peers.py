# SPDX-License-Identifier: ISC
"""Debian's postfix, nsd and unbound, unpacked and never installed."""
import os

from .inside import PROJECT

ROOT = os.path.join(PROJECT, 'build/peers/root')


class Peers:
    """Where the unpacked programs are and what they need to run."""

    def __init__(self, root=ROOT):
        self.root = root
        libraries = [os.path.join(root, 'usr/lib/postfix')]
        for base in ('usr/lib', 'lib'):
            top = os.path.join(root, base)
            if os.path.isdir(top):
                libraries += [os.path.join(top, d) for d in os.listdir(top)
                              if d.endswith('-linux-gnu')]
        self.env = {'LD_LIBRARY_PATH': ':'.join(libraries)}

    def path(self, program):
        path = os.path.join(self.root, program)
        if not os.access(path, os.X_OK):
            raise RuntimeError('%s is missing: run `make peers` first' % path)
        return path
