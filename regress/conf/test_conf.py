# SPDX-License-Identifier: ISC
"""The configuration language: good files print their canonical form, which
prints itself again; bad ones are refused with the messages expected.

good/NAME.in, good/NAME.ok: what posternd -nv prints
bad/NAME.in, bad/NAME.err: the errors of posternd -n
firewall/NAME.in, firewall/NAME.ok: what postern firewall prints of it, and of
each namespace that it names

@DIR@ stands for this directory, @TLS@ for a copy of tls/ whose keys only their
owner may read.  Needs no privileges; what depends on the
host are warnings, which are not looked at.  REGEN=1 writes .ok and .err anew:
read the difference before you commit it.
"""
import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POSTERND = ROOT / os.environ.get('O', 'build') / 'master' / 'posternd'
POSTERN = POSTERND.parent.parent / 'postern' / 'postern'
REGEN = 'REGEN' in os.environ

GOOD = sorted((HERE / 'good').glob('*.in'))
BAD = sorted((HERE / 'bad').glob('*.in'))


def posternd(*args):
    return subprocess.run([POSTERND, *args], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=30, check=False)


@functools.cache
def tls():
    """A short path: messages quote no more than 60 characters of a word."""
    top = tempfile.mkdtemp(prefix='tls')
    atexit.register(shutil.rmtree, top)
    shutil.copytree(HERE / 'tls', top, dirs_exist_ok=True)
    os.chmod(top, 0o755)
    for key in Path(top).glob('*.key'):
        key.chmod(0o644 if key.stem == 'open' else 0o600)
    return top


def place(tmp_path, data):
    """The file, with real paths in it, where posternd can read it."""
    conf = tmp_path / 'postern.conf'
    conf.write_bytes(data.replace(b'@DIR@', os.fsencode(HERE)).replace(
        b'@TLS@', os.fsencode(tls())))
    conf.chmod(0o644)
    return conf


def neutral(data, conf):
    """Output without what differs from one machine to the next."""
    return data.replace(os.fsencode(conf), b'conf').replace(
        os.fsencode(HERE), b'@DIR@').replace(
            os.fsencode(tls()), b'@TLS@')


def errors(data):
    return b''.join(line + b'\n' for line in data.splitlines()
                    if b': warning: ' not in line)


def expect(path, data):
    if REGEN:
        path.write_bytes(data)
    assert data == path.read_bytes()


@pytest.mark.parametrize('source', GOOD, ids=lambda p: p.stem)
def test_good(source, tmp_path):
    conf = place(tmp_path, source.read_bytes())
    first = posternd('-nv', '-f', conf)
    assert errors(first.stderr) == b''
    assert first.returncode == 0
    expect(source.with_suffix('.ok'), neutral(first.stdout, conf))
    conf.write_bytes(first.stdout)
    again = posternd('-nv', '-f', conf)
    assert again.returncode == 0
    assert again.stdout == first.stdout


@pytest.mark.parametrize('source', BAD, ids=lambda p: p.stem)
def test_bad(source, tmp_path):
    conf = place(tmp_path, source.read_bytes())
    run = posternd('-nv', '-f', conf)
    assert run.returncode == 78
    assert run.stdout == b''
    found = neutral(errors(run.stderr), conf)
    assert found != b''
    expect(source.with_suffix('.err'), found)


def test_enough_of_each():
    assert len(GOOD) >= 15
    assert len(BAD) >= 30


def test_sample():
    """The configuration that is installed is good, but for the file that an
    administrator has to write."""
    run = posternd('-n', '-f', ROOT / 'etc' / 'postern.conf')
    left = [line for line in errors(run.stderr).splitlines()
            if b'/etc/postern/recipients' not in line]
    assert left in ([], [b'configuration OK'])


@pytest.mark.parametrize('mode', (0o646, 0o666))
def test_writable_by_everybody(tmp_path, mode):
    conf = place(tmp_path, (HERE / 'good' / 'minimum.in').read_bytes())
    conf.chmod(mode)
    run = posternd('-n', '-f', conf)
    assert run.returncode == 78
    assert b'everybody may write to this file' in run.stderr


def test_recipients_symlink(tmp_path):
    link = tmp_path / 'link'
    link.symlink_to(HERE / 'recipients')
    text = (HERE / 'good' / 'minimum.in').read_bytes().replace(
        b'@DIR@/recipients', os.fsencode(link))
    run = posternd('-n', '-f', place(tmp_path, text))
    assert run.returncode == 78
    assert b'is a symbolic link' in run.stderr


@pytest.mark.parametrize('args,status', (
    (('-n', '-f', '/no/such/file'), 78),
    (('-n', '-f', '/dev/null'), 78),
    (('-n', '-f', '/'), 78),
    (('-x',), 64),
    (('-n', 'operand'), 64),
    (('--version',), 0),
    (('--topology',), 0),
    (('--help',), 0),
))
def test_command_line(args, status):
    assert posternd(*args).returncode == status


def test_large_file(tmp_path):
    """Thousands of domains are read, proven and printed in seconds."""
    text = (HERE / 'good' / 'minimum.in').read_bytes()
    for i in range(5000):
        text += b'domain "d%d.example" {\n\trecipients any\n' \
            b'\tdeliver to host 10.0.1.1\n}\n' % i
    run = posternd('-nv', '-f', place(tmp_path, text))
    assert run.returncode == 0
    assert run.stdout.count(b'\ndomain ') == 5001


def test_rubbish(tmp_path):
    """No input makes posternd crash, hang or print a configuration."""
    base = (HERE / 'good' / 'everything.in').read_bytes()
    for i in range(0, len(base), 37):
        for data in (base[:i], base[:i] + b'}' + base[i:],
                     base[:i] + b'{' + base[i:], base[:i] + b'"' + base[i:],
                     base[:i] + b'\0' + base[i:]):
            run = posternd('-n', '-f', place(tmp_path, data))
            assert run.returncode in (0, 78), data


# Where a namespace is named, its rules are loaded there.
FIREWALL = {'interface': [()], 'addresses': [()], 'single-homed': [()],
            'namespace': [(), ('-n', 'ext')]}


def firewall(conf, *args):
    return subprocess.run([POSTERN, 'firewall', '-f', conf, *args],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, check=False)


@pytest.mark.parametrize('name', FIREWALL)
def test_firewall(name, tmp_path):
    source = HERE / 'firewall' / (name + '.in')
    conf = place(tmp_path, source.read_bytes())
    done = [firewall(conf, *args) for args in FIREWALL[name]]
    assert [(d.returncode, d.stderr) for d in done] == [(0, b'')] * len(done)
    expect(source.with_suffix('.ok'),
           b''.join(neutral(d.stdout, conf) for d in done))


@pytest.mark.parametrize('name, args, why', [
    ('namespace', ['-n', 'other'], b'has no namespace "other"'),
    ('odd-name', [], b'cannot be written in nftables'),
])
def test_firewall_of_nothing(name, args, why, tmp_path):
    source = HERE / 'firewall' / (name + '.in')
    done = firewall(place(tmp_path, source.read_bytes()), *args)
    assert (done.returncode, done.stdout) == (78, b'')
    assert why in done.stderr
