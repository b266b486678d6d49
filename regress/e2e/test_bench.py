# SPDX-License-Identifier: ISC
"""The benchmark still runs, and accounts for every message; not its speed."""
import os
import subprocess

from lab import san
from lab.inside import PROJECT


def quick(directory, *args, **env):
    env.update(san.another_lab(directory,
                               '%s/work/*/log/*.log' % directory))
    return subprocess.run(
        [os.path.join(PROJECT, 'regress/bench/quick')] + list(args),
        capture_output=True, text=True, timeout=120,
        env=dict(os.environ, BENCH_DIR=str(directory), **env))


def test_bench_accounts_for_every_message(tmp_path):
    done = quick(tmp_path, '200', '5')
    assert done.returncode == 0, done.stdout + done.stderr
    assert '200 acknowledged, 0 lost, 0 doubled, 0 strange, 0 damaged' in \
        done.stdout
    for process in ('queued', 'smtpd-in/ext', 'smtpd-out/int', 'dird'):
        assert process in done.stdout


def test_bench_tells_a_lost_message(tmp_path):
    done = quick(tmp_path, '200', '5', SINK='-x 150')
    assert done.returncode == 1, done.stdout + done.stderr
    assert '200 acknowledged, 1 lost, 0 doubled' in done.stdout
