# SPDX-License-Identifier: ISC
"""Each rule finds what is planted against it, at the place, and nothing else.

A small tree with the real makefile is built once; each case gets a copy,
spoils one thing in it, builds again and asks the rule.
"""
import os
import re
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.normpath(os.path.join(HERE, '..', '..'))
sys.path.insert(0, HERE)

import binary_rules  # noqa: E402
import document_rules  # noqa: E402
import edge_rules  # noqa: E402
import filter_rules  # noqa: E402
import rules  # noqa: E402
import source_rules  # noqa: E402
from tree import Tree  # noqa: E402

SPDX = '/* SPDX-License-Identifier: ISC */\n'
PAGE = '''.\\" SPDX-License-Identifier: ISC
.Dd January 1, 2026
.Dt {0} {1}
.Os
.Sh NAME
.Nm {2}
.Nd a page
.Sh DESCRIPTION
{3}
'''

FILES = {
    'common/base/build.mk': 'ARCHIVES += base\nbase_LDLIBS := -lbsd\n',
    'common/base/twice.h': SPDX + 'int twice(int);\n',
    'common/base/twice.c': SPDX + '#include "common/base/twice.h"\n\n'
    'int\ntwice(int n)\n{\n\treturn n + n;\n}\n',
    'common/base/sandbox.c': SPDX + '#include <seccomp.h>\n'
    'void sandbox(void);\nvoid\nsandbox(void)\n{\n}\n',
    'common/dns/build.mk': 'ARCHIVES += dns\ndns_LDLIBS := -lldns\n',
    'common/dns/packet.h': SPDX + 'int packet(void);\n',
    'common/dns/packet.c': SPDX + '#include <ldns/ldns.h>\n'
    '#include "common/dns/packet.h"\n\nint\npacket(void)\n{\n'
    '\treturn 0;\n}\n',
    'master/build.mk': 'PROG_DIRS += master\nmaster_PROG := posternd\n'
    'master_INSTALL := sbin\nmaster_LINK := base\n',
    'master/parse.y': '%{\n' + SPDX + '#include "master/words.h"\n'
    'static int yylex(void);\nstatic void yyerror(const char *);\n%}\n'
    '%token LISTEN ON\n%%\nfile: %empty | file LISTEN ON;\n%%\n'
    'static int\nyylex(void)\n{\n\treturn 0;\n}\n\nstatic void\n'
    'yyerror(const char *s)\n{\n\t(void)s;\n}\n',
    'master/words.h': SPDX + 'int words_count(void);\n'
    'int topology(void);\n',
    # the small posternd reads its topology, so that a case need not build
    'master/topology.c': SPDX + '#include <stdio.h>\n'
    '#include "master/words.h"\n\nint\ntopology(void)\n{\n'
    '\tFILE *fp = fopen("topology.txt", "r");\n\tint c;\n\n'
    '\twhile (fp != NULL && (c = getc(fp)) != EOF)\n'
    '\t\t(void)putchar(c);\n\treturn fp == NULL;\n}\n',
    'master/words.c': SPDX + '#include "master/words.h"\n'
    '#include "master/parse.h"\n\n'
    'static const struct {\n\tconst char *text;\n\tint token;\n'
    '} words[] = {\n\t{ "listen", LISTEN },\n\t{ "on", ON },\n};\n\n'
    'int\nwords_count(void)\n{\n\treturn words[0].token;\n}\n',
    'master/main.c': SPDX + '#include <sys/socket.h>\n#include <stdio.h>\n'
    '#include <string.h>\n#include "common/base/twice.h"\n'
    '#include "master/words.h"\n\n'
    'int\nmain(int argc, char **argv)\n{\n\tchar buf[64];\n\n'
    '\tmemset(buf, argc, sizeof(buf));\n'
    '\tif (read_arg(buf, sizeof(buf), argv[0]) < 0)\n\t\treturn 1;\n'
    '\tif (argc > 1)\n\t\treturn topology();\n'
    '\t(void)printf("%s", buf);\n'
    '\treturn socket(AF_INET, SOCK_STREAM, twice(words_count()));\n}\n',
    'master/posternd.8': PAGE.format('POSTERND', 8, 'posternd', 'It runs.'),
    'master/postern.conf.5': PAGE.format(
        'POSTERN.CONF', 5, 'postern.conf',
        'As in\n.Ic listen on Ar address .'),
    'smtpd-in/build.mk': 'PROG_DIRS += smtpd-in\nsmtpd-in_LINK := base\n',
    'smtpd-in/session.h': SPDX + 'int session(void);\n',
    'smtpd-in/main.c': SPDX + '#include <stdio.h>\n'
    '#include "common/base/twice.h"\n#include "smtpd-in/session.h"\n\n'
    'int\nmain(int argc, char **argv)\n{\n'
    '\tchar buf[64] = { argv[0][0] == 0 };\n\n'
    '\tif (argc > 1 ? session() : !fgets(buf, sizeof(buf), stdin))\n'
    '\t\treturn 1;\n'
    '\treturn twice(buf[0]);\n}\n',
    # likewise: what it shows of its filter is a file
    'smtpd-in/session.c': SPDX + '#include <stdio.h>\n'
    '#include "smtpd-in/session.h"\n\nint\nsession(void)\n{\n'
    '\tFILE *fp = fopen("filter.txt", "r");\n\tint c;\n\n'
    '\twhile (fp != NULL && (c = getc(fp)) != EOF)\n'
    '\t\t(void)putchar(c);\n\treturn fp == NULL;\n}\n',
    'smtpd-in/smtpd-in.8': PAGE.format('SMTPD-IN', 8, 'smtpd-in', 'It runs.'),
    'regress/audit/imports.txt': '[make a socket]\nsymbols = socket accept\n'
    'posternd = listeners\n\n[never]\nsymbols = strcpy system sprintf\n',
    'README': 'A small tree.\n',
}
FILES['master/main.c'] = FILES['master/main.c'].replace(
    'int\nmain', 'static int\nread_arg(char *buf, size_t size, const char *a)\n'
    '{\n\treturn snprintf(buf, size, "%s", a);\n}\n\nint\nmain')


PFC = '''\
# pseudo filter code start
# filter for arch x86_64 (3221225534)
if ($arch == 3221225534)
  if ($syscall > 3)
    # filter for syscall "fcntl" (72) [priority: 65530]
    if ($syscall == 72)
      if ($a1.hi32 & 0x00000000 == 0)
        if ($a1.lo32 & 0xffffffff == 4)
          action ALLOW;
        if ($a1.lo32 & 0xffffffff == 3)
          action ALLOW;
    # filter for syscall "recvmsg" (47) [priority: 65531]
    if ($syscall == 47)
      if ($a0.hi32 & 0x00000000 == 0)
        if ($a0.lo32 & 0xfffffff0 == 0)
          if ($a4.hi32 == 0)
            if ($a4.lo32 == 0)
              action ALLOW;
  else # ($syscall <= 3)
    # filter for syscall "close" (3) [priority: 65535]
    if ($syscall == 3)
      action ALLOW;
  # default action
  action KILL_PROCESS;
# invalid architecture action
action KILL_PROCESS;
# pseudo filter code end
'''
REDUCED = [
    'all else: KILL_PROCESS, KILL_PROCESS', 'close',
    'fcntl            a1 == 3', 'fcntl            a1 == 4',
    'recvmsg          a0 & 0xfffffff0 == 0, a4.high == 0, a4 == 0']

# Programs without a source: they need a place in the topology all the same.
CHILDREN = ('connd', 'queued', 'smtpd-out', 'dnsd-ext', 'dnsd-int', 'dird',
            'logd', 'ctld', 'keyd')
INSTANCES = {
    'connd/ext': 'connd-ext', 'connd/int': 'connd-int',
    'smtpd-in/ext': 'in-ext', 'smtpd-in/int': 'in-int',
    'smtpd-out/ext': 'out-ext', 'smtpd-out/int': 'out-int',
    **{n: n for n in ('queued', 'dnsd-ext', 'dnsd-int', 'dird', 'logd',
                      'ctld', 'keyd')}}


def topology_text(root):
    """What posternd would print if it followed edges.txt."""
    lines = ['program %s account=_postern-%s net=%s slots=6' % (
        name, account, 'side' if name.startswith('connd') else 'empty')
        for name, account in INSTANCES.items()]
    for e, _ in edge_rules.declared(Tree(root, 'build'), INSTANCES):
        lines.append('edge %s %s pass=%s "what for"' % e)
    return '\n'.join(lines) + '\n'


def write_topology(root, text):
    write(root, 'topology.txt', text)


def write(root, name, text):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def read(root, name):
    with open(os.path.join(root, name), encoding='utf-8') as f:
        return f.read()


def build(root, *args):
    env = {k: v for k, v in os.environ.items()
           if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKEOVERRIDES', 'SAN', 'O',
                        'MAKELEVEL', 'FUZZING')}
    subprocess.run(['make', '-s', 'WERROR=0', *args], cwd=root, check=True,
                   env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture(scope='session')
def small_tree(tmp_path_factory):
    root = str(tmp_path_factory.mktemp('tree'))
    for name in ('GNUmakefile', 'build-aux', 'etc', 'regress/build.mk'):
        src, dst = os.path.join(TOP, name), os.path.join(root, name)
        if os.path.isdir(src):
            shutil.copytree(src, dst)
        else:
            os.makedirs(os.path.dirname(dst), exist_ok=True)
            shutil.copy(src, dst)
    for name, text in FILES.items():
        write(root, name, text)
    caps = re.findall(r'CAP_\w+', ' '.join(
        x for x in read(root, document_rules.UNIT).splitlines()
        if x.startswith('CapabilityBoundingSet')))
    write(root, 'master/caps.c', SPDX + '#include <linux/capability.h>\n'
          'enum { NEEDED };\n'
          'struct cap { const char *name; int number, need; };\n'
          'extern const struct cap kept[];\n'
          'const struct cap kept[] = { %s };\n' % ', '.join(
              '{ "%s", %s, NEEDED }' % (c.lower(), c) for c in caps))
    shutil.copy(os.path.join(HERE, 'edges.txt'),
                os.path.join(root, edge_rules.DECLARED))
    for d in CHILDREN:
        write(root, d + '/build.mk', 'PROG_DIRS += %s\n' % d)
    write_topology(root, topology_text(root))
    have = edge_rules.Topology(topology_text(root))
    write(root, edge_rules.EDGES, ''.join(
        '| %s | %s | t | t | x |\n' % way for way in edge_rules.ways(have)))
    write(root, edge_rules.MATRIX, '| attack | %s |\n' % ' | '.join(INSTANCES))
    write(root, 'filter.txt', PFC)
    build(root)
    filter_rules.accept(Tree(root, 'build'))
    return root


@pytest.fixture
def tree(small_tree, tmp_path):
    root = str(tmp_path / 'tree')
    shutil.copytree(small_tree, root)
    return root


def ask(root, rule):
    found, looked = rule(Tree(root, 'build'))
    assert isinstance(looked, str)
    return ['%s:%d: %s' % f for f in found]


def the_only(found, *parts):
    """There is one finding, and it holds all these words."""
    assert len(found) == 1, found
    for p in parts:
        assert p in found[0], found


@pytest.mark.parametrize('rule', rules.ALL, ids=lambda r: r.__name__)
def test_a_clean_tree_is_clean(small_tree, rule):
    assert ask(small_tree, rule) == []


def include(root, source, header):
    text = read(root, source)
    write(root, source, text.replace(SPDX, SPDX + '#include %s\n' % header, 1))
    build(root)


@pytest.mark.parametrize('source, header, why', [
    ('smtpd-in/main.c', '"master/words.h"', 'another program'),
    ('common/base/twice.c', '"smtpd-in/session.h"', 'may not know a program'),
    ('smtpd-in/main.c', '"common/dns/packet.h"', 'does not link common/dns'),
    ('smtpd-in/main.c', '<ldns/ldns.h>', 'belongs to common/dns only'),
    ('common/base/twice.c', '<openssl/ssl.h>', 'common/tls, keyd only'),
    ('common/base/twice.c', '<seccomp.h>', 'common/base/sandbox.c only'),
    ('master/words.c', '<sys/capability.h>', 'common/base/privdrop.c only'),
])
def test_includes(tree, source, header, why):
    include(tree, source, header)
    the_only(ask(tree, source_rules.includes), source + ':2:', why)


def test_includes_through_a_header(tree):
    write(tree, 'common/base/twice.h',
          FILES['common/base/twice.h'] + '#include <ldns/ldns.h>\n')
    build(tree)
    found = ask(tree, source_rules.includes)
    assert len(found) == 3, found     # twice.c and the mains of two programs
    assert all(f.startswith('common/base/twice.h:3:') for f in found)


def test_includes_of_a_file_not_compiled(tree):
    write(tree, 'smtpd-in/late.c', SPDX)
    the_only(ask(tree, source_rules.includes), 'smtpd-in/late.c:1:',
             'not compiled')


def body(n):
    return SPDX + 'void f(void);\nvoid\nf(void)\n{\n' + '\tg();\n' * n + '}\n'


def test_sizes(tree):
    write(tree, 'smtpd-in/at.c', body(source_rules.FUNCTION_LINES))
    assert ask(tree, source_rules.sizes) == []
    write(tree, 'smtpd-in/over.c', body(source_rules.FUNCTION_LINES + 1))
    the_only(ask(tree, source_rules.sizes), 'smtpd-in/over.c:5:',
             'function of 101 lines')


def test_sizes_of_files(tree):
    write(tree, 'smtpd-in/long.h', SPDX + '\n' * source_rules.FILE_LINES)
    the_only(ask(tree, source_rules.sizes), 'smtpd-in/long.h:801:',
             'file of 801 lines')


def test_licences(tree):
    write(tree, 'smtpd-in/bare.h', '#define BARE 1\n')
    the_only(ask(tree, source_rules.licences), 'smtpd-in/bare.h:1:')


def test_a_directory_within_a_program_counts(tree):
    write(tree, 'smtpd-in/part/bare.h', '#define BARE 1\n')
    the_only(ask(tree, source_rules.licences), 'smtpd-in/part/bare.h:1:')


@pytest.mark.parametrize('name, text', [
    ('smtpd-in/late.h', '/* TO' 'DO: later */'),
    ('master/late.y', '/* FIX' 'ME */'),
    ('regress/unit/late_test.c', '\tsk' 'ip();'),
    ('regress/e2e/test_late.py', '@pytest.mark.xf' 'ail'),
])
def test_open_ends(tree, name, text):
    write(tree, name, SPDX + text + '\n')
    the_only(ask(tree, source_rules.open_ends), name + ':2:')


@pytest.mark.parametrize('name, text', [
    ('regress/unit/late_test.c', '\tus' 'leep(10);'),
    ('regress/unit/late.h', '\t(void)nanosl' 'eep(&ts, NULL);'),
    ('regress/e2e/test_late.py', 'time.sl' 'eep(1)'),
    ('regress/e2e/test_late.py', 'from time import sl' 'eep'),
    ('regress/demo/late.sh', 'true; sl' 'eep 1'),
])
def test_sleeps(tree, name, text):
    write(tree, name, SPDX + text + '\n')
    the_only(ask(tree, source_rules.sleeps), name + ':2:')


def test_sleeps_in_a_script_without_a_suffix(tree):
    write(tree, 'regress/demo/late', '#!/bin/sh\n\nwhile sl' 'eep 1; do\n'
          '\ttrue\ndone\n')
    the_only(ask(tree, source_rules.sleeps), 'regress/demo/late:3:')


def test_sleeps_that_are_listed(tree):
    name = sorted(source_rules.SLEEPERS)[0]
    write(tree, name, '# SPDX\ntime.sl' 'eep(1)\n')
    assert ask(tree, source_rules.sleeps) == []
    write(tree, name, '# SPDX\ntime.sl' 'eep(1)\ntime.sl' 'eep(1)\n')
    the_only(ask(tree, source_rules.sleeps), name + ':3:')
    write(tree, name, '# SPDX\n')
    the_only(ask(tree, source_rules.sleeps), name + ':1:')


def call(root, text):
    """Put a statement into smtpd-in's main() and build."""
    old = read(root, 'smtpd-in/main.c')
    write(root, 'smtpd-in/main.c', old.replace(
        '#include <stdio.h>\n', '#include <sys/socket.h>\n#include <stdio.h>\n'
        '#include <stdlib.h>\n#include <string.h>\n').replace(
            '\treturn twice', '\t%s\n\treturn twice' % text))
    build(root)


def test_imported_symbols(tree):
    call(tree, 'if (socket(AF_INET, SOCK_STREAM, 0) == 9)\n\t\treturn 1;')
    the_only(ask(tree, binary_rules.imported_symbols), 'smtpd-in/main.c:16:',
             'smtpd-in imports socket', '[make a socket]')


def test_imports_that_are_not_used(tree):
    write(tree, binary_rules.TABLE, FILES[binary_rules.TABLE].replace(
        'posternd =', 'smtpd-in = of old\nposternd ='))
    the_only(ask(tree, binary_rules.imported_symbols),
             binary_rules.TABLE + ':3:', 'does not use')


def test_imports_of_a_program_not_built(tree):
    os.unlink(os.path.join(tree, 'build/smtpd-in/smtpd-in'))
    the_only(ask(tree, binary_rules.imported_symbols), 'smtpd-in/build.mk:1:',
             'is not built')


@pytest.mark.parametrize('statement, name', [
    ('strcpy(buf, getenv("A"));', 'strcpy'),
    ('(void)sprintf(buf, "%d", rand());', 'sprintf'),
    ('if (system("true") == 9)\n\t\treturn 1;', 'system'),
])
def test_forbidden_calls(tree, statement, name):
    call(tree, statement)
    the_only(ask(tree, binary_rules.forbidden_calls), 'smtpd-in/main.c:16:',
             'calls ' + name)


@pytest.mark.parametrize('flags, why', [
    ('LDFLAGS=-no-pie', 'not position independent'),
    ('LDFLAGS=-Wl,-z,norelro', 'no RELRO'),
    ('LDFLAGS=-Wl,-z,lazy', 'bound lazily'),
    ('LDFLAGS=-Wl,-z,execstack', 'executable stack'),
    ('LDFLAGS=-Wl,-rpath,/tmp', 'search path'),
    ('LDFLAGS=-Wl,--no-as-needed -lldns', 'needs libldns'),
    ('CFLAGS=-O2 -fno-stack-protector', 'no stack protector'),
    ('CFLAGS=-O0 -U_FORTIFY_SOURCE', 'no program is fortified'),
    ('CFLAGS=-O2 -fcf-protection=none', 'without -fcf-protection'),
])
def test_hardening(tree, flags, why):
    build(tree, flags)
    found = ask(tree, binary_rules.hardening)
    assert found, flags
    assert all(why in f for f in found), found


def test_a_filter_is_read():
    assert filter_rules.reduced(PFC) == REDUCED


@pytest.mark.parametrize('old, new', [
    ('if ($a4.hi32 == 0)', 'if ($a4.hi32 >= 0)'),
    ('      action ALLOW;', '      action LOG;'),
    ('      action ALLOW;', '      allow it;'),
    ('else # ($syscall <= 3)', 'else # other'),
])
def test_a_filter_that_is_not_understood(old, new):
    assert old in PFC
    with pytest.raises(filter_rules.Unreadable):
        filter_rules.reduced(PFC.replace(old, new))


@pytest.mark.parametrize('old, new, why', [
    ('"close" (3)', '"socket" (3)',
     {'no longer allowed: close', 'allowed now: socket'}),
    ('        if ($a0.lo32 & 0xfffffff0 == 0)\n', '',
     {'no longer allowed: ' + REDUCED[-1],
      'allowed now: recvmsg          a4.high == 0, a4 == 0'}),
    ('a1.lo32 & 0xffffffff == 4', 'a1.lo32 & 0x00000000 == 0',
     {'no longer allowed: ' + REDUCED[3], 'allowed now: fcntl'}),
    ('  action KILL_PROCESS', '  action TRAP',
     {'no longer allowed: ' + REDUCED[0],
      'allowed now: all else: TRAP, KILL_PROCESS'}),
])
def test_filters(tree, old, new, why):
    """A widening is named in each instance, with the way to accept it."""
    assert old in PFC
    write(tree, 'filter.txt', PFC.replace(old, new))
    found = ask(tree, filter_rules.filters)
    assert 'make filters' in found.pop()
    names = ['%s/smtpd-in-%s:1: ' % (filter_rules.PLACE, s)
             for s in ('ext', 'int')]
    assert set(found) == {n + w for n in names for w in why}, found
    filter_rules.accept(Tree(tree, 'build'))
    assert ask(tree, filter_rules.filters) == []


def test_filters_without_a_copy_or_a_program(tree):
    place = filter_rules.PLACE + '/'
    os.rename(os.path.join(tree, place + 'smtpd-in-ext'),
              os.path.join(tree, place + 'gone'))
    found = ask(tree, filter_rules.filters)
    assert place + 'smtpd-in-ext:1: allowed now: close' in found
    assert place + 'gone:1: is of no filter' in found
    os.unlink(os.path.join(tree, 'filter.txt'))
    the_only(ask(tree, filter_rules.filters), 'non-zero exit status')


def test_keywords(tree):
    words = FILES['master/words.c']
    write(tree, 'master/words.c', words.replace(
        '\t{ "on"', '\t{ "source", ON },\n\t{ "on"'))
    the_only(ask(tree, document_rules.keywords), 'master/words.c:10:',
             '"source"')
    write(tree, 'master/words.c', words)
    page = FILES['master/postern.conf.5']
    write(tree, 'master/postern.conf.5', page + '.Ic workers\n')
    the_only(ask(tree, document_rules.keywords), 'master/postern.conf.5:11:',
             '"workers" is not a keyword')


def test_keywords_without_a_table(tree):
    write(tree, 'master/words.c', SPDX)
    the_only(ask(tree, document_rules.keywords), 'no table')


def test_manuals(tree):
    write(tree, 'smtpd-in/smtpd-in.8',
          FILES['smtpd-in/smtpd-in.8'] + '.Xx what\n')
    the_only(ask(tree, document_rules.manuals), 'smtpd-in/smtpd-in.8:10:',
             'unknown macro')
    os.unlink(os.path.join(tree, 'smtpd-in/smtpd-in.8'))
    the_only(ask(tree, document_rules.manuals), 'smtpd-in/build.mk:1:',
             'no manual page')


def change_topology(root, *changes):
    text = topology_text(root)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    write_topology(root, text)


@pytest.mark.parametrize('old, new, why', [
    ('edge connd/ext', 'edge smtpd-in/ext smtpd-out/int pass=none "x"\n'
     'edge connd/ext', ('is not in regress/audit/edges.txt',
                        'joins the two sides')),
    ('edge ctld queued', 'edge ctld smtpd-in/ext pass=none "x"\n'
     'edge ctld smtpd-in/int pass=none "x"\nedge ctld queued',
     ('is not in', 'is not in', 'ctld meets both sides')),
    ('smtpd-in/ext dird pass=none', 'smtpd-in/ext dird pass=to',
     ('(descriptors: to) is not in regress', '(descriptors: none) is not in')),
    ('account=_postern-dird net=empty', 'account=_postern-dird net=side',
     ('dird is not in an empty network namespace',)),
    ('account=_postern-dird', 'account=_postern-logd',
     ('_postern-logd is the account of two',)),
    ('program smtpd-out', 'program dird',
     ('smtpd-out is never started',)),
])
def test_edges(tree, old, new, why):
    change_topology(tree, (old, new))
    found = ask(tree, edge_rules.edges)
    for words in why:
        assert any(words in f for f in found), found
    assert all(f.startswith((edge_rules.PLACE, edge_rules.DECLARED))
               for f in found), found


def test_edges_that_went_away(tree):
    text = topology_text(tree)
    lines = [x for x in text.splitlines() if 'ctld queued' not in x]
    write_topology(tree, '\n'.join(lines))
    the_only(ask(tree, edge_rules.edges), edge_rules.DECLARED, 'ctld - queued',
             'is not in the topology')


def test_edges_without_an_answer(tree):
    os.unlink(os.path.join(tree, 'build/master/posternd'))
    the_only(ask(tree, edge_rules.edges), 'does not answer')


def test_attacked_programs(tree):
    row = read(tree, edge_rules.MATRIX)
    write(tree, edge_rules.MATRIX, row.replace(' dird |', ''))
    the_only(ask(tree, edge_rules.attacked), edge_rules.MATRIX, 'dird',
             'missing')
    write(tree, edge_rules.MATRIX, row + row.replace('attack', 'old', 1))
    the_only(ask(tree, edge_rules.attacked), 'attack old is no more')


def test_attacked_ways(tree):
    rows = read(tree, edge_rules.EDGES).splitlines(True)
    write(tree, edge_rules.EDGES, ''.join(
        r for r in rows if not r.startswith('| queued | dird ')))
    the_only(ask(tree, edge_rules.attacked), edge_rules.EDGES,
             'queued to dird is missing')


def test_codecs(tree):
    write(tree, edge_rules.CODECS, SPDX + 'CODEC(known, known)\n')
    write(tree, 'common/msg/x.h', SPDX + ''.join(
        'int get_%s(struct ibuf *, struct %s *);\n' % (n, n)
        for n in ('known', 'forgotten')))
    the_only(ask(tree, edge_rules.codecs), 'common/msg/x.h',
             'get_forgotten is not in')


def test_accounts_of_the_topology(tree):
    change_topology(tree, ('_postern-dird', '_postern-other'))
    found = ask(tree, edge_rules.accounts)
    assert len(found) == 2, found     # one too many, one too few
    assert all(f.startswith(edge_rules.PLACE) for f in found)


def test_accounts(tree):
    name = 'etc/sysusers.conf.in'
    write(tree, name, read(tree, name).replace('u _postern-dird', '# '))
    the_only(ask(tree, edge_rules.accounts), name + ':1:', '_postern-dird')


def test_unit(tree):
    unit = read(tree, document_rules.UNIT)
    write(tree, document_rules.UNIT, unit.replace('CAP_SETGID ', ''))
    the_only(ask(tree, document_rules.unit), document_rules.UNIT,
             'CAP_SETGID is needed by posternd, but not granted')
    write(tree, document_rules.UNIT, unit.replace(
        'CAP_SETGID ', 'CAP_SETGID CAP_SYS_PTRACE '))
    assert 'CAP_SYS_PTRACE is granted' in ask(tree, document_rules.unit)[0]


def test_unit_exposure(tree, tmp_path, monkeypatch):
    tool = tmp_path / 'systemd-analyze'
    tool.write_text('#!/bin/sh\necho "Overall exposure level for x: 9.6"\n')
    tool.chmod(0o755)
    monkeypatch.setenv('PATH', '%s:%s' % (tmp_path, os.environ['PATH']))
    the_only(ask(tree, document_rules.unit), 'exposure 9.6, at most')


def test_the_report_counts_and_fails(tree):
    audit = os.path.join(tree, 'regress/audit')
    for name in os.listdir(HERE):
        if name == 'run' or name.endswith('_rules.py') or \
                name in ('rules.py', 'tree.py', 'edges.txt'):
            shutil.copy(os.path.join(HERE, name), audit)
    run = [os.path.join(audit, 'run'), 'build']
    r = subprocess.run(run, text=True, stdout=subprocess.PIPE, check=False)
    assert r.returncode == 0, r.stdout
    assert '%d passed, 0 failed' % len(rules.ALL) in r.stdout
    write(tree, 'smtpd-in/bare.h', '#define BARE 1\n')
    r = subprocess.run(run, text=True, stdout=subprocess.PIPE, check=False)
    assert r.returncode == 1
    assert 'smtpd-in/bare.h:1: ' in r.stdout
    assert '%d passed, 1 failed' % (len(rules.ALL) - 1) in r.stdout
