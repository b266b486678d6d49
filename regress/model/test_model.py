# SPDX-License-Identifier: ISC
"""smtpd-in's session machine beside the reference model (ref.h), and proof
that the model finds faults: those of mutants.py are built in, one at a time."""
import os
import pathlib
import re
import subprocess

import pytest

from mutants import MUTANTS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
O = ROOT / os.environ.get('O', 'build')
MODEL = O / 'regress/model/model'
COUNT = os.environ.get('MODEL_COUNT', '50000')
SEED = os.environ.get('MODEL_SEED', '1')
# the machine itself, without what smtpd-in has around it
MACHINE = ('session.c', 'verb.c', 'text.c', 'answer.c', 'data.c', 'chunk.c')
# a fault has to show within so many sessions
MUTANT_COUNT = '30000'


def test_sessions():
    r = subprocess.run([MODEL, '-n', COUNT, '-s', SEED],
                       capture_output=True, text=True, timeout=3600)
    print(r.stdout)
    assert r.returncode == 0, r.stdout + r.stderr
    n = re.match(r'model: (\d+) sessions, (\d+) commands, (\d+) under TLS, '
                 r'(\d+) messages\n', r.stdout)
    assert n and n[1] == COUNT
    # they go somewhere: every reply that the model knows was called for
    assert int(n[3]) > int(COUNT) // 20 and int(n[4]) > int(COUNT) // 10
    codes = set(re.findall(r' (\d{3}):', r.stdout))
    assert codes >= {'214', '220', '221', '250', '252', '354', '421', '451',
                     '452', '454', '500', '501', '502', '503', '530', '550',
                     '552', '553', '554', '555'}, codes


@pytest.fixture(scope='module')
def compiled(tmp_path_factory):
    """A compiler of one file into an object, and the model's own objects."""
    made = tmp_path_factory.mktemp('mutants')
    compiler = os.environ.get('CC', 'cc').split()

    def compile_to(source, obj):
        r = subprocess.run(
            compiler + ['-std=c17', '-D_GNU_SOURCE', '-O1', '-fPIE', '-I',
                        ROOT, '-I', O, '-c', '-o', obj, source],
            capture_output=True, text=True)
        assert r.returncode == 0, r.stderr

    for name in MACHINE:
        compile_to(ROOT / 'smtpd-in' / name, made / (name + '.o'))
    for name in ('model.c', 'ref.c', 'ops.c', 'drive.c'):
        compile_to(HERE / name, made / (name + '.o'))

    def run(changed=None, text=None):
        objs = [made / (m + '.o') for m in
                MACHINE + ('model.c', 'ref.c', 'ops.c', 'drive.c')]
        if changed:
            source, obj = made / 'mutant.c', made / 'mutant.o'
            source.write_text(text)
            compile_to(source, obj)
            objs[MACHINE.index(changed)] = obj
        subprocess.run(
            compiler + ['-pie', '-o', made / 'model'] + objs +
            [O / 'common/smtp.a', O / 'common/base.a', '-lidn2',
             '-lbsd'], check=True)
        # what is wrong in the machine may run for ever, or crash
        return subprocess.run(['timeout', '60', made / 'model', '-n',
                               MUTANT_COUNT], capture_output=True, text=True)

    return run


def test_unchanged(compiled):
    r = compiled()
    assert r.returncode == 0, r.stdout + r.stderr


@pytest.mark.parametrize('name', MUTANTS)
def test_mutant(name, compiled):
    file, old, new = MUTANTS[name]
    text = (ROOT / 'smtpd-in' / file).read_text()
    assert text.count(old) == 1, 'mutants.py does not fit %s any more' % file
    r = compiled(file, text.replace(old, new))
    assert r.returncode == 1, 'not found:\n' + r.stdout + r.stderr
    # the report: its seed, and a sequence that a person can read
    m = re.match(r'seed \d+: .+\n  \((\d+) of \d+ commands\)\n', r.stdout)
    assert m and int(m[1]) <= 12, r.stdout
