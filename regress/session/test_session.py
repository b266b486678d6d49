# SPDX-License-Identifier: ISC
"""Transcripts of the SMTP session machine: cases/NAME.in driven without a
socket must give cases/NAME.ok, however the client's octets are cut and whether
questions are answered at once or later.

A script whose first line is "# whole" is about what lies in one segment, and
is given as sent only.
"""
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DRIVER = ROOT / os.environ.get('O', 'build') / 'regress/session/driver'
CASES = sorted((HERE / 'cases').glob('*.in'))
STEPS = (None, 1, 2, 3, 5, 7, 16, 61)


def drive(script, step, late):
    cmd = [DRIVER] + (['-a'] if late else []) + \
        (['-s', str(step)] if step else []) + [script]
    r = subprocess.run(cmd, capture_output=True, timeout=60)
    assert r.returncode == 0, r.stderr.decode()
    return r.stdout.decode('utf-8', 'replace').splitlines()


def is_whole(script):
    return script.read_text().startswith('# whole\n')


@pytest.mark.parametrize('late', (False, True), ids=('at-once', 'later'))
@pytest.mark.parametrize('script', CASES, ids=lambda p: p.stem)
def test_transcript(script, late):
    want = script.with_suffix('.ok').read_text().splitlines()
    for step in STEPS:
        if step and is_whole(script):
            continue
        got = drive(script, step, late)
        assert got == want, 'in pieces of %s' % step


def test_every_case_has_both_files():
    stems = {p.stem for p in (HERE / 'cases').iterdir()}
    assert CASES
    for stem in stems:
        for suffix in ('.in', '.ok'):
            assert (HERE / 'cases' / (stem + suffix)).is_file(), stem + suffix


def test_cases_cite():
    """Each script says what it shows, most of them by RFC section."""
    for p in CASES:
        assert p.read_text().startswith('#'), p.name


def rules():
    """(RFC, section, cases) of README."""
    rfc, found = None, []
    for line in (HERE / 'README').read_text().splitlines():
        if re.match(r'RFC \d+$|Beyond', line):
            rfc = line
        elif line.startswith('\t') and rfc:
            parts = re.split(r'\t+', line.strip())
            found.append((rfc, parts[0], parts[-1].split(' (')[0].split()))
    return found


def test_rules_are_shown():
    """Every rule of README by cases that are there, of every RFC spoken."""
    stems = {p.stem for p in CASES}
    for rfc, section, cases in rules():
        assert cases and set(cases) <= stems, (rfc, section, cases)
    want = {'RFC %d' % n for n in (5321, 5322, 1870, 2034, 2920, 3030, 3207,
                                   3461, 6152, 6531, 7505, 8689, 9422)}
    assert want <= {rfc for rfc, _, _ in rules()}


# RFC 2034 section 4: the greeting and the answers to HELO and EHLO have none,
# nor has 354, which is neither good nor bad news.
NO_CODE = re.compile(r'220 \S+ ESMTP|354 |'
                     r'250[ -](gw\.test|[A-Z0-9]+( [A-Z0-9= ]+)?)$|'
                     r'554 gw\.test |421 gw\.test has|501 Give your')


@pytest.mark.parametrize('script', CASES, ids=lambda p: p.stem)
def test_enhanced_codes(script):
    for line in script.with_suffix('.ok').read_text().splitlines():
        m = re.match(r'(?:\(\d+ times\) )?S (.*)', line)
        if m and not NO_CODE.match(m[1]):
            assert re.match(r'([245])\d\d[ -]\1\.\d\.\d{1,3} ', m[1]), line
