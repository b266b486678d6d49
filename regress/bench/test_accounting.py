# SPDX-License-Identifier: ISC
"""The accounting of the benchmark: what is lost, doubled or damaged is told.

smtpload straight to smtpsink, on loopback; nothing here is timed.
"""
import os
import signal
import socket
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from ledger import Account, Book, percentile  # noqa: E402

BUILD = os.path.join(HERE, '..', '..', os.environ.get('O', 'build'),
                     'regress/bench')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Sink:
    def __init__(self, tmp, *options):
        self.path, self.port = str(tmp / 'sink'), free_port()
        self.process = subprocess.Popen(
            [BUILD + '/smtpsink', '-p', str(self.port), '-o', self.path]
            + [str(o) for o in options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == 'ready\n'

    def stop(self):
        self.process.terminate()
        said, _ = self.process.communicate(timeout=30)
        return dict(word.split('=') for word in said.split())


@pytest.fixture
def sink(tmp_path):
    made = []

    def make(*options):
        made.append(Sink(tmp_path, *options))
        return made[-1]
    yield make
    for s in made:
        s.process.kill()
        s.process.communicate()


def load(tmp, sink, *options, run=7, name='load'):
    """(exit status, what it said, its book)"""
    path = str(tmp / name)
    done = subprocess.run(
        [BUILD + '/smtpload', '-p', str(sink.port), '-r', str(run),
         '-o', path, '-w', '20'] + [str(o) for o in options],
        capture_output=True, text=True, timeout=60)
    said = dict(word.split('=') for word in done.stdout.split())
    return done.returncode, said, Book(path)


def test_every_message_is_accounted_for(tmp_path, sink):
    s = sink()
    status, said, book = load(tmp_path, s, '-n', 200, '-c', 5)
    a = Account(book, Book(s.path), 7)
    assert status == 0 and said['acked'] == '200'
    assert (a.acked, a.delivered, a.lost, a.doubled) == (200, 200, [], [])
    assert a.complete and len(a.latency) == 200
    assert s.stop()['messages'] == '200'


def test_a_lost_message_is_told(tmp_path, sink):
    s = sink('-x', 100)
    status, said, book = load(tmp_path, s, '-n', 150, '-c', 5)
    a = Account(book, Book(s.path), 7)
    assert status == 0 and said['acked'] == '150'
    assert len(a.lost) == 1 and a.delivered == 149
    assert not a.complete and ' 1 lost' in a.verdict()


def test_a_doubled_message_is_told(tmp_path, sink):
    s = sink()
    load(tmp_path, s, '-n', 10, name='before')
    _, _, book = load(tmp_path, s, '-n', 12)
    a = Account(book, Book(s.path), 7)
    assert a.doubled == list(range(10)) and a.delivered == 22


def test_a_message_that_was_not_acknowledged_is_strange(tmp_path, sink):
    s = sink()
    load(tmp_path, s, '-n', 12, name='before')
    _, _, book = load(tmp_path, s, '-n', 10)
    a = Account(book, Book(s.path), 7)
    assert a.strange == [10, 11] and not a.complete


def test_runs_are_kept_apart(tmp_path, sink):
    s = sink()
    load(tmp_path, s, '-n', 30, run=1, name='other')
    _, _, book = load(tmp_path, s, '-n', 20, run=2)
    a = Account(book, Book(s.path), 2)
    assert a.complete and a.delivered == 20 and not a.doubled


def test_a_damaged_message_is_told(tmp_path, sink):
    s = sink()
    with socket.create_connection(('127.0.0.1', s.port), 10) as c:
        c.sendall(b'EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n'
                  b'X-Bench: 00000007 00000000 00001000\r\n\r\nshort\r\n'
                  b'.\r\nQUIT\r\n')
        while c.recv(4096):
            pass
    assert Book(s.path).head().damaged == 1
    assert Book(s.path).head().count == 0


def test_what_is_put_off_is_sent_again(tmp_path, sink):
    s = sink('-4', 10)
    status, said, book = load(tmp_path, s, '-n', 180, '-c', 4)
    a = Account(book, Book(s.path), 7)
    assert status == 0 and a.complete and a.delivered == 180
    assert int(said['later']) == 19 == Book(s.path).head().later


def test_what_is_refused_is_counted(tmp_path, sink):
    s = sink('-5')
    status, said, book = load(tmp_path, s, '-n', 30, '-c', 3)
    assert status == 1
    assert (said['acked'], said['refused']) == ('0', '30')
    assert book.head().count == 0 == Book(s.path).head().count


def test_without_pipelining_and_large(tmp_path, sink):
    s = sink()
    status, _, book = load(tmp_path, s, '-n', 20, '-c', 3, '-P', '-s',
                           1000000)
    assert status == 0 and Account(book, Book(s.path), 7).complete


@pytest.mark.parametrize('size', range(280, 300))
def test_ends_wherever_the_line_does(tmp_path, sink, size):
    s = sink()
    status, _, book = load(tmp_path, s, '-n', 3, '-c', 1, '-s', size)
    assert status == 0 and Account(book, Book(s.path), 7).complete


def test_slow_answers_keep_their_order(tmp_path, sink):
    s = sink('-d', 20)
    status, said, book = load(tmp_path, s, '-n', 12, '-c', 6)
    a = Account(book, Book(s.path), 7)
    assert status == 0 and a.complete
    assert float(said['dot_ms'].split('/')[0]) >= 20


def test_idle_sessions_are_held(tmp_path, sink):
    s = sink()
    path = str(tmp_path / 'idle')
    idle = subprocess.Popen(
        [BUILD + '/smtpload', '-p', str(s.port), '-n', '5', '-c', '1',
         '-k', '50', '-b', '127.0.0.9+3', '-o', path],
        stdout=subprocess.PIPE, text=True)
    assert idle.stdout.readline() == 'idle=50 of=50\n'
    assert 'acked=5 ' in idle.stdout.readline()
    assert Book(path).head().idle == 50
    idle.send_signal(signal.SIGTERM)
    assert idle.stdout.readline() == 'idle=50 of=50\n'
    assert idle.wait(30) == 0


def test_percentiles():
    values = list(range(1, 101))
    assert percentile(values, 0.5) == 51 and percentile(values, 1.0) == 100
    assert percentile(values, 0.99) == 100 and percentile([], 0.5) is None
