# SPDX-License-Identifier: ISC
"""Rules on the text of the sources."""
import re

from tree import Finding, directory

FUNCTION_LINES = 100
FILE_LINES = 800

# Headers of foreign libraries and the only places that may see them.
FOREIGN = (
    (r'ldns/', ('common/dns',)),
    (r'openssl/', ('common/tls', 'keyd')),
    (r'seccomp\.h', ('common/base/sandbox.c',)),
    (r'linux/seccomp\.h', ('common/base/sandbox.c',)),
    (r'linux/landlock\.h', ('common/base/landlock.c',)),
    (r'sys/capability\.h', ('common/base/privdrop.c',)),
    (r'(ldap|lber)\.h', ('dird',)),
    (r'idn2\.h', ('common/smtp/idna.c',)),
)

OPEN_ENDS = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
SKIPS = re.compile(r'pytest\.sk' r'ip|sk' r'ipif|xf' r'ail|import' r'orskip|'
                   r'\bsk' r'ip\(\)')

# Tests wait for events. What sends none may be looked at again and again, once
# in each of these files.
SLEEP = {
    'c': re.compile(r'\b(u|nano|clock_nano)?sleep\s*\('),
    'py': re.compile(r'\bsleep\s*\(|\bimport\s+.*\bsleep\b'),
    'sh': re.compile(r'(^|[;&|({]|\b(do|then|else|while|until))\s*sleep\s+\S'),
}
SLEEPERS = {
    'regress/bench/depth.py': 'the time in which a rate is measured',
    'regress/bench/rig.py': 'a ledger in memory that the sink writes',
    'regress/e2e/lab/proc.py': 'wait_until, for states of foreign programs',
    'regress/hostile/matrix.py': 'memory that a sandboxed twin writes',
}


def _may_see(source, allowed):
    return source in allowed or directory(source) in allowed


def _line_of_include(tree, source, header):
    for n, line in tree.lines(source):
        if re.match(r'\s*#\s*include\s+"' + re.escape(header) + '"', line):
            return n
    return 1


def _wrong_unit(tree, source, header):
    """Why a source may not include this project header, or None."""
    mine, theirs = directory(source), directory(header)
    if theirs == mine:
        return None
    if mine.startswith('common/'):
        if not theirs.startswith('common/'):
            return 'common may not know a program'
        return None
    if not theirs.startswith('common/'):
        return 'a program may not know another program'
    if theirs[len('common/'):] not in tree.links.get(mine, ()):
        return '%s/build.mk does not link %s' % (mine, theirs)
    return None


def _foreign(tree, source, seen):
    """Foreign headers in a file, for the source that reads it."""
    for n, line in tree.lines(seen):
        m = re.match(r'\s*#\s*include\s*[<"]([^>"]+)', line)
        if not m:
            continue
        for pattern, allowed in FOREIGN:
            if re.match(pattern, m.group(1)) and \
                    not _may_see(source, allowed):
                via = '' if seen == source else ', read by ' + source
                yield Finding(seen, n, '<%s> belongs to %s only%s' % (
                    m.group(1), ', '.join(allowed), via))


def includes(tree):
    """A program knows itself and the archives it links, nothing else."""
    found, count = set(), 0
    for source in tree.sources(('.c', '.y')):
        read = tree.dependencies(source)
        if read is None:
            found.add(Finding(source, 1, 'is not compiled: nothing to check'))
            continue
        for header in read:
            if header.startswith(tree.obj + '/') or not tree.exists(header):
                continue
            count += 1
            why = header != source and _wrong_unit(tree, source, header)
            if why:
                n = _line_of_include(tree, source, header)
                found.add(Finding(source, n, '"%s": %s' % (header, why)))
            found.update(_foreign(tree, source, header))
    return sorted(found), '%d inclusions' % count


def functions(tree, name):
    """(line, lines of the body) of each function, written as style(9) asks."""
    start = None
    for n, line in tree.lines(name):
        if line.startswith('{'):
            start = n
        elif line.startswith('}') and start is not None:
            yield start, n - start - 1
            start = None


def sizes(tree):
    """Functions and files stay small enough to be read in one go."""
    found, lengths = [], []
    names = tree.sources() + tree.below('regress', ('.c', '.h'))
    for name in names:
        n = len(tree.text(name).splitlines())
        if n > FILE_LINES:
            found.append(Finding(name, n, 'file of %d lines, at most %d' % (
                n, FILE_LINES)))
        if not name.endswith('.c'):
            continue
        for line, length in functions(tree, name):
            lengths.append(length)
            if length > FUNCTION_LINES:
                found.append(Finding(name, line, 'function of %d lines, at '
                                     'most %d' % (length, FUNCTION_LINES)))
    lengths.sort()
    if not lengths:
        return found, '%d files, no function' % len(names)
    return found, '%d files; %d functions: median %d, 90%% %d, longest %d' % (
        len(names), len(lengths), lengths[len(lengths) // 2],
        lengths[len(lengths) * 9 // 10], lengths[-1])


def licences(tree):
    """Each source says at its top under which licence it is."""
    names = tree.sources() + tree.below('regress', ('.c', '.h', '.py'))
    found = []
    for name in names:
        top = tree.text(name).splitlines()[:4]
        if not any('SPDX-License-Identifier: ISC' in x for x in top):
            found.append(Finding(name, 1, 'no SPDX-License-Identifier: ISC'))
    return found, '%d files' % len(names)


def open_ends(tree):
    """Nothing is left for later, and no test is left out."""
    tests = tree.below('regress', ('.c', '.h', '.py', '.sh'))
    names = tree.sources() + tests + tree.below('build-aux', ('.sh', '.mk'))
    found = []
    for name in names:
        for n, line in tree.lines(name):
            m = OPEN_ENDS.search(line) or (
                name.startswith('regress/') and SKIPS.search(line))
            if m:
                found.append(Finding(name, n, 'left open: ' + m.group(0)))
    return found, '%d files' % len(names)


def _language(tree, name):
    """'c', 'py' or 'sh'; None for what is no program."""
    suffix = name.rpartition('.')[2]
    if suffix in ('c', 'h'):
        return 'c'
    if suffix in ('py', 'sh'):
        return suffix
    if '.' in name.rpartition('/')[2]:
        return None
    try:
        top = tree.text(name).split('\n', 1)[0]
    except UnicodeDecodeError:
        return None
    return top.startswith('#!') and ('py' if 'python' in top else 'sh') or None


def sleeps(tree):
    """No test sleeps where it could await an event."""
    found, asked, count = [], 0, {}
    for name in tree.below('regress', ''):
        language = _language(tree, name)
        if language is None:
            continue
        asked += 1
        for n, line in tree.lines(name):
            m = SLEEP[language].search(line)
            if not m:
                continue
            count[name] = count.get(name, 0) + 1
            if name not in SLEEPERS or count[name] > 1:
                found.append(Finding(name, n, 'sleeps: await an event, or '
                                     'say in SLEEPERS that there is none'))
    for name in sorted(SLEEPERS):
        if tree.exists(name) and name not in count:
            found.append(Finding(name, 1, 'sleeps no more: not in SLEEPERS'))
    return found, '%d files, %d sleep' % (asked, len(count))
