# SPDX-License-Identifier: ISC
"""The session machine on loopback, in a network namespace of its own, against
the black-box conformance suite: no failure of anything that it offers."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOY = ROOT / os.environ.get('O', 'build') / 'regress/session/toyserver'
SHARED = pathlib.Path(os.environ.get('SHARED', ROOT.parent / 'shared'))
SUITE = SHARED / 'suites' / 'smtp_conform.py'

# argv: toyserver, suite.  The namespace ends with this process.
INSIDE = r'''
import subprocess, sys
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
toy = subprocess.Popen([sys.argv[1], '2525', '2600'], stdout=subprocess.PIPE)
toy.stdout.readline()
try:
    sys.exit(subprocess.call([sys.executable, sys.argv[2],
        '--host', '127.0.0.1', '--port', '2525', '--sink', '127.0.0.1:2600',
        '--local-domain', 'gw.test', '--valid-rcpt', 'user@gw.test',
        '--valid-rcpt2', 'user2@gw.test',
        '--foreign-domain', 'foreign.example']))
finally:
    toy.terminate()
    toy.wait()
'''


def test_conform():
    assert SUITE.is_file(), '%s is not there (SHARED names its place)' % SUITE
    unshare = ['unshare', '--net'] + \
        ([] if os.geteuid() == 0 else ['--map-root-user'])
    r = subprocess.run(unshare + [sys.executable, '-c', INSIDE, str(TOY),
                                  str(SUITE)],
                       capture_output=True, text=True, timeout=280,
                       env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1'))
    last = (r.stdout.strip().splitlines() or [''])[-1]
    m = re.match(r'(\d+) passed, (\d+) failed, (\d+) skipped$', last)
    assert m, r.stdout + r.stderr
    failed = [x for x in r.stdout.splitlines() if x.startswith('FAIL')]
    assert not failed, '\n'.join(failed)
    assert r.returncode == 0
    assert int(m[1]) >= 100, last
    # what is skipped needs an extension that is not offered
    for x in r.stdout.splitlines():
        if x.startswith('skip'):
            assert 'not advertised' in x, x
