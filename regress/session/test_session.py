# SPDX-License-Identifier: ISC
"""Transcripts of the SMTP session machine: cases/NAME.in driven without a
socket must give cases/NAME.ok, however the client's octets are cut and whether
questions are answered at once or later.

A script whose first line is "# whole" is about what lies in one segment, and
is given as sent only.
"""
import os
import pathlib
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
