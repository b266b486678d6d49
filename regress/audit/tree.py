# SPDX-License-Identifier: ISC
"""The source tree and what was built of it, as the rules see them."""
import os
import re
import subprocess
from collections import namedtuple

# What a rule finds: a place and what is wrong there.
Finding = namedtuple('Finding', 'file line text')

SOURCE_SUFFIXES = ('.c', '.h', '.y')


class Tree:
    def __init__(self, root, obj):
        self.root = os.path.abspath(root)
        self.obj = obj                    # build directory, below root
        self.programs = {}                # directory -> name of the program
        self.links = {}                   # directory -> archives it links
        self.libs = {}                    # archive -> libraries it needs
        self.archives = []
        self._text = {}
        for path in self.glob_build_mk():
            self._read_build_mk(path)

    def glob_build_mk(self):
        for base in ('.', 'common'):
            top = os.path.join(self.root, base)
            for name in sorted(os.listdir(top)):
                path = os.path.normpath(os.path.join(base, name, 'build.mk'))
                if name != 'regress' and self.exists(path):
                    yield path

    def _read_build_mk(self, path):
        for _, line in self.lines(path):
            m = re.match(r'(\S+)\s*[:+]?=\s*(.*)', line)
            if not m:
                continue
            name, words = m.group(1), m.group(2).split()
            if name == 'PROG_DIRS':
                for d in words:
                    self.programs.setdefault(d, d)
            elif name == 'ARCHIVES':
                self.archives += words
            elif name.endswith('_PROG'):
                self.programs[name[:-5]] = words[0]
            elif name.endswith('_LINK'):
                self.links[name[:-5]] = words
            elif name.endswith('_LDLIBS'):
                self.libs[name[:-7]] = [w[2:] for w in words]

    def path(self, name):
        return os.path.join(self.root, name)

    def exists(self, name):
        return os.path.exists(self.path(name))

    def text(self, name):
        if name not in self._text:
            with open(self.path(name), encoding='utf-8') as f:
                self._text[name] = f.read()
        return self._text[name]

    def lines(self, name):
        return enumerate(self.text(name).splitlines(), 1)

    def source_dirs(self):
        below = [d + '/' + n for d in self.programs
                 for n in sorted(os.listdir(self.path(d)))
                 if os.path.isdir(self.path(d + '/' + n))]
        return ['common/' + a for a in self.archives] + \
            list(self.programs) + below

    def files(self, dirs, suffixes):
        """Files with these endings, directly in these directories."""
        found = []
        for d in dirs:
            if self.exists(d):
                found += [d + '/' + n for n in sorted(os.listdir(self.path(d)))
                          if n.endswith(suffixes)]
        return found

    def sources(self, suffixes=SOURCE_SUFFIXES):
        return self.files(self.source_dirs(), suffixes)

    def below(self, top, suffixes):
        """Files with these endings anywhere below a directory."""
        found = []
        for d, dirs, names in os.walk(self.path(top)):
            dirs[:] = sorted(x for x in dirs if not x.startswith(('.', '__')))
            rel = os.path.relpath(d, self.root)
            found += [os.path.join(rel, n) for n in sorted(names)
                      if n.endswith(suffixes)]
        return found

    def object(self, source):
        """Name of the object file that is made of a source."""
        return os.path.join(self.obj, os.path.splitext(source)[0] + '.o')

    def binaries(self):
        """(directory, program, file) of each program that has a source."""
        for d, name in self.programs.items():
            if self.files([d], ('.c',)):
                yield d, name, os.path.join(self.obj, d, name)

    def posternd(self):
        """The built posternd, or None."""
        for _, name, file in self.binaries():
            if name == 'posternd' and self.exists(file):
                return self.path(file)
        return None

    def is_child(self, program):
        """Is it one that runs as long as posternd does, by its topology?

        Not posternd, the tool, or the selftest, which takes the place of
        each of them in turn.
        """
        return program not in ('posternd', 'postern', 'selftest')

    def dependencies(self, source):
        """Project files that the compiler read for a source, or None."""
        dep = os.path.splitext(self.object(source))[0] + '.d'
        if not self.exists(dep):
            return None
        with open(self.path(dep), encoding='utf-8') as f:
            rule = f.read().replace('\\\n', ' ').splitlines()[0]
        names = rule.split(':', 1)[1].split()
        return [os.path.normpath(n) for n in names if not n.startswith('/')]

    def run(self, *argv):
        """Output of a command run at the top of the tree; it must succeed."""
        return subprocess.run(argv, cwd=self.root, check=True, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE).stdout


def directory(name):
    """The unit that a file belongs to: a program, or common/ARCHIVE."""
    parts = name.split('/')
    return '/'.join(parts[:2]) if parts[0] == 'common' else parts[0]
