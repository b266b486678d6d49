# SPDX-License-Identifier: ISC
"""Rules on manuals and on what is installed, against the code."""
import os
import re
import shutil
import subprocess

from tree import Finding

CONF_PAGE = 'master/postern.conf.5'
UNIT = 'etc/postern.service.in'
# Tenths, as systemd-analyze counts: 0 is no exposure, 100 all of it. What is
# left is what a supervisor of processes on other uids, in namespaces of their
# own, with sockets on two networks, cannot do without.
UNIT_EXPOSURE = 26


def table_keywords(tree):
    """(word, file, line) of the table of keywords: { "word", TOKEN }."""
    for name in tree.files(['master'], ('.y', '.c')):
        inside = False
        for n, line in tree.lines(name):
            if re.search(r'\b(?:key)?words\[\]\s*=', line):
                inside = True
            elif inside and line.startswith('}'):
                inside = False
            elif inside:
                for word in re.findall(r'\{\s*"([^"]+)"', line):
                    yield word, name, n


def page_keywords(tree):
    """(word, line) of each word that the page marks as a keyword, .Ic."""
    for n, line in tree.lines(CONF_PAGE):
        m = re.match(r"[.'](?:It\s+)?(?:.*\s)?Ic\s+(.*)", line)
        for word in m.group(1).split() if m else ():
            if word[:1].isupper() and len(word) == 2:
                break               # the next macro: Ic on Ar address
            if re.match(r'[a-z0-9]', word):
                yield word, n


def keywords(tree):
    """postern.conf(5) describes each keyword, and no other."""
    table = list(table_keywords(tree))
    if not table:
        return [Finding('master/parse.y', 1, 'no table of keywords found')], ''
    if not tree.exists(CONF_PAGE):
        return [Finding(CONF_PAGE, 1, 'is missing')], ''
    page = list(page_keywords(tree))
    described, known = {w for w, _ in page}, {w for w, _, _ in table}
    found = [Finding(f, n, '"%s" is not in %s' % (w, CONF_PAGE))
             for w, f, n in table if w not in described]
    found += [Finding(CONF_PAGE, n, '"%s" is not a keyword' % w)
              for w, n in page if w not in known]
    return found, '%d keywords' % len(known)


def manuals(tree):
    """Each program has a manual page, and mandoc has no complaint."""
    pages = tree.files(tree.programs, ('.1', '.5', '.7', '.8'))
    found = []
    for d, name, _ in tree.binaries():
        if not {'%s/%s.%d' % (d, name, s) for s in (1, 8)} & set(pages):
            found.append(Finding(d + '/build.mk', 1, 'no manual page'))
    for page in pages:
        r = subprocess.run(['mandoc', '-Tlint', '-Wwarning', page],
                           cwd=tree.root, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False)
        for line in r.stdout.splitlines():
            m = re.match(r'mandoc: (.*?):(\d+):\d+: (.*)', line)
            found.append(Finding(m.group(1), int(m.group(2)), m.group(3))
                         if m else Finding(page, 1, line))
    return found, '%d pages' % len(pages)


def _bounding_set(tree):
    return {w for _, line in tree.lines(UNIT)
            if line.startswith('CapabilityBoundingSet=')
            for w in re.findall(r'CAP_\w+', line)}


def _kept_capabilities(tree):
    """What posternd keeps, as its table has it, and what of that it needs."""
    text = '\n'.join(line for f in tree.files(['master'], ('.c',))
                     for _, line in tree.lines(f))
    rows = re.findall(r'"(cap_[a-z_]+)",\s*CAP_\w+,\s*(\w+)', text)
    return ({name.upper() for name, _ in rows},
            {name.upper() for name, need in rows if need == 'NEEDED'})


def _exposure(tree):
    """What systemd-analyze thinks of the unit, or None without it."""
    if not shutil.which('systemd-analyze'):
        return None
    r = subprocess.run(
        ['systemd-analyze', 'security', '--offline=true', '--no-pager',
         os.path.join(tree.obj, 'etc/postern.service')], cwd=tree.root,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        check=False)
    m = re.search(r'exposure level for \S+: (\d+)\.(\d)', r.stdout)
    return int(m.group(1) + m.group(2)) if m else None


def unit(tree):
    """The unit grants posternd what it keeps, and fences off the rest."""
    granted, (kept, needed) = _bounding_set(tree), _kept_capabilities(tree)
    found = [Finding(UNIT, 1, '%s is granted, but posternd does not keep it'
                     % c) for c in sorted(granted - kept)]
    found += [Finding(UNIT, 1, '%s is needed by posternd, but not granted'
                      % c) for c in sorted(needed - granted)]
    exposure = _exposure(tree)
    if exposure is None:
        return found, '%d capabilities; no systemd-analyze here' % len(granted)
    if exposure > UNIT_EXPOSURE:
        found.append(Finding(UNIT, 1, 'exposure %.1f, at most %.1f' % (
            exposure / 10, UNIT_EXPOSURE / 10)))
    return found, '%d capabilities, exposure %.1f' % (
        len(granted), exposure / 10)
