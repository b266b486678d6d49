#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""cover.py DIR TABLE: run the unit tests, those of configurations, and the
fuzzers' corpora built in DIR (make COVER=1), and write which part of the lines of each core they reach.

A core is what decides: grammars, byte machines, codecs, policies, the queue
and its store.  What only moves bytes between a core and the kernel is for the
end-to-end tests, and not counted.  Ends non-zero if a core is below its least.
"""
import glob
import json
import os
import re
import subprocess
import sys

LEAST = 90.0                            # % of lines
# core -> its files; those of a directory but the ones that are edges
CORES = {
    'buffers, channels': r'common/base/(ibuf|chan|chan_send|hex|reason)\.c',
    'addresses': r'common/base/netaddr\.c',
    'codecs of the channels': r'common/msg/.*',
    'SMTP grammar': r'common/smtp/.*',
    'DNS': r'common/dns/(cache|health|name|packet|policy|query)\w*\.c',
    'SMTP server': r'smtpd-in/(session|verb|text|chunk|answer|data)\w*\.c',
    'SMTP client': r'smtpd-out/(plan|smtpc|server|tlspolicy)\w*\.c',
    'whom to connect': r'connd/policy\.c',
    'recipient lists': r'dird/list\.c',
    'what is signed': r'keyd/block\.c',
    'configuration': r'master/(?:build|check|lex|limits|marks|parse|print|'
                     r'relay|report|syntax|value|words)\w*\.[cy]',
    'queue': r'queued/(?!peer_|main|sandbox|report|spool_|rules_file)'
             r'\w+\.c',
    'store': r'queued/store/.*',
}
TOOLS = '-14'


def programs_of(top):
    return (sorted(glob.glob(top + '/regress/*/*_test')),
            sorted(glob.glob(top + '/regress/*/*_fuzz')))


def run_all(top, profiles):
    """Each test program, each fuzzer over its corpus; all must pass."""
    os.makedirs(profiles, exist_ok=True)
    for old in glob.glob(profiles + '/*.profraw'):
        os.unlink(old)
    programs, fuzzers = programs_of(top)
    if not programs or not fuzzers:
        sys.exit('cover: nothing is built in ' + top)
    failed = []
    for program in programs + fuzzers:
        name = os.path.basename(program)
        argv = [program]
        if program in fuzzers:
            argv += ['-runs=0', 'regress/fuzz/corpus/' + name[:-5]]
        env = dict(os.environ, FAULT_STRIDE='7', LLVM_PROFILE_FILE=(
            '%s/%s-%%p.profraw' % (profiles, name)))
        done = subprocess.run(argv, env=env, timeout=600, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            failed.append('cover: %s failed:\n%s' % (
                name, done.stdout[-2000:]))
    env = dict(os.environ, O=top, PYTHONDONTWRITEBYTECODE='1',
               LLVM_PROFILE_FILE=profiles + '/conf-%p.profraw')
    conf = subprocess.run(['/usr/bin/python3', '-m', 'pytest', '-q', '-p',
                           'no:cacheprovider', 'regress/conf'], env=env,
                          text=True, stdout=subprocess.PIPE, check=False)
    if conf.returncode != 0:
        failed.append(conf.stdout[-2000:])
    if failed:
        sys.exit('\n'.join(failed))
    return [top + '/master/posternd'] + programs + fuzzers


def lines_of(top, profiles, programs):
    """file -> (lines, lines reached)"""
    data = top + '/all.profdata'
    subprocess.run(['llvm-profdata' + TOOLS, 'merge', '-sparse', '-o', data]
                   + glob.glob(profiles + '/*.profraw'), check=True,
                   stderr=subprocess.DEVNULL)
    objects = [x for p in programs[1:] for x in ('-object', p)]
    out = subprocess.run(['llvm-cov' + TOOLS, 'export', '-summary-only',
                          '-instr-profile', data, programs[0]] + objects,
                         check=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
    here = os.getcwd() + '/'
    found = {}
    for f in json.loads(out)['data'][0]['files']:
        name = f['filename'].replace(here, '')
        count = f['summary']['lines']
        found[name] = (count['count'], count['covered'])
    return found


def table(lines):
    """Rows of (core, files, lines, reached in %, the least reached file)."""
    for core, pattern in CORES.items():
        mine = {f: n for f, n in lines.items()
                if n[0] and re.fullmatch(pattern, f)}
        total = sum(n for n, _ in mine.values())
        reached = sum(n for _, n in mine.values())
        if not total:
            sys.exit('cover: no file is of "%s"' % core)
        worst = min(mine, key=lambda f: mine[f][1] / mine[f][0])
        yield (core, len(mine), total, 100 * reached / total, '%s %.0f %%' % (
            worst, 100 * mine[worst][1] / mine[worst][0]))


HEAD = '''# Lines reached

By `make cover`: the unit tests, those of configurations, and the kept corpora
of the fuzzers, lines of each core. The end-to-end tests are not counted. No core may be below %.0f %%.

| core | files | lines | reached | least |
|---|---|---|---|---|
'''


def main():
    top, place = sys.argv[1:]
    profiles = top + '/profiles'
    rows = list(table(lines_of(top, profiles, run_all(top, profiles))))
    with open(place, 'w', encoding='utf-8') as f:
        f.write(HEAD % LEAST)
        for row in rows:
            f.write('| %s | %d | %d | %.1f %% | %s |\n' % row)
    low = [row for row in rows if row[3] < LEAST]
    for row in rows:
        print('  %-4s %-24s %5.1f %% of %5d lines; %s' % (
            'FAIL' if row in low else 'ok', row[0], row[3], row[2], row[4]))
    return 1 if low else 0


if __name__ == '__main__':
    sys.exit(main())
