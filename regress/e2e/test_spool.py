# SPDX-License-Identifier: ISC
"""The spool on disk: damage, other machines, a full disk, btrfs.

Programs as installed, under their sandbox; the damage is made between a stop
and a start of the gateway.
"""
import contextlib
import json
import os
import pwd
import re
import shutil
import struct
import subprocess
import threading
from concurrent import futures

import pytest

from lab.flows import USER, inside
from lab.gateway import GOLDEN, QUICK, SPOOL, Gateway, program
from lab.inside import WORK
from lab.proc import wait_until
from lab.smtp import send_mail
from lab.world import GW_INT, HOST_A

SEGMENT = 1 << 20  # of a quota of 16 MiB
SMALL = QUICK + ('limit message-size 4m\nlimit inbound-spool 16m\n'
                 'limit outbound-spool 16m\n')
OUT = SPOOL + '/out'
COUNT = 12


@pytest.fixture
def small(world, sink):
    """A gateway with small segments whose mail cannot leave yet."""
    put_off(sink)
    with Gateway(world, SMALL + GOLDEN) as gw:
        yield gw


def queue_up(world, gw, sink, count=COUNT, size=200):
    """Mail that waits: token -> id; the gateway is stopped then."""
    tokens = [world.token('spool') for _ in range(count)]
    for token in tokens:
        send(world, sink, token, size)
    ids = wait_until('all of it to be queued and tried',
                     lambda: tried(gw, count), 60)
    gw.stop()
    return {t: ids['%s@%s' % (t, sink.domain)] for t in tokens}


def put_off(sink, on=True):
    if on:
        sink.behaviour.replies['rcpt'] = '451 4.2.1 later'
    else:
        del sink.behaviour.replies['rcpt']


def send(world, sink, token, size=200):
    """One message to TOKEN at the sink's domain."""
    send_mail(world.intra, GW_INT, USER, '%s@%s' % (token, sink.domain),
              text_of(token, size), source=HOST_A)


def text_of(token, size):
    return 'Subject: %s\r\n\r\n' % token + \
        ('x' * 70 + '\r\n') * (size // 72 + 1)


def tried(gw, count):
    rows = gw.queue()
    if len(rows) < count or any(r['attempts'] < 1 for r in rows):
        return None
    return {r['to']: r['id'] for r in rows}


def check(*args):
    """postern spool check: exit status, its rows, standard error."""
    gw = Gateway.current or Gateway
    done = Gateway.postern(gw, '-j', 'spool', 'check', *args, check=False)
    return (done.returncode, [json.loads(x) for x in
                              done.stdout.splitlines()], done.stderr)


def damage_of(rows):
    return [r for r in rows if r.get('damage')]


def results(rows):
    return {r['spool']: r['result'] for r in rows if 'result' in r}


def segments(directory=OUT):
    """Segments in which something stands, in order."""
    names = sorted(n for n in os.listdir(directory) if n.startswith('seg.'))
    return [n for n in names if holds_records(os.path.join(directory, n))]


def holds_records(path):
    try:
        with open(path, 'rb') as f:
            f.seek(4096)
            return f.read(4) == b'PRec'
    except FileNotFoundError:  # recycled since it was listed
        return False


def place_of(token, directory=OUT):
    """(path, offset) of a token in a segment."""
    for name in segments(directory):
        path = os.path.join(directory, name)
        with open(path, 'rb') as f:
            at = f.read().find(token.encode())
        if at >= 0:
            return path, at
    raise AssertionError('%s is in no segment' % token)


def body_place(token, directory=OUT):
    path, _ = place_of(token, directory)
    with open(path, 'rb') as f:
        return path, f.read().find(b'Subject: ' + token.encode())


def flip(path, at):
    with open(path, 'r+b') as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


def delivered_once(gw, sink, tokens, missing=()):
    """All but the missing arrive, each once, and nothing is left."""
    put_off(sink, False)
    for token in tokens:
        if token not in missing:
            sink.wait(token, 60)
    gw.wait_empty()
    for token in tokens:
        assert len(sink.find(token)) == (token not in missing), token


def test_sound_spool_while_it_runs(world, small, sink):
    """Looks beside a busy gateway, which uses its segments again and again,
    find the spool sound, and in use."""
    put_off(sink, False)
    over = threading.Event()

    def busy():
        while not over.is_set():
            send(world, sink, world.token('busy'), 300000)

    with futures.ThreadPoolExecutor(2) as pool:
        done = [pool.submit(busy) for _ in range(2)]
        try:
            for _ in range(12):
                status, rows, err = check()
                assert (status, err) == (0, ''), (status, err, rows)
                assert results(rows) == {'in': 'sound', 'out': 'sound'}
                assert all(r['in_use'] for r in rows)
            wait_until('segments to be used again',
                       lambda: int(segments()[-1][4:]) > 20, 60)
        finally:
            over.set()
        for d in done:
            d.result()
    assert check()[0] == 0


def test_flipped_byte(world, small, sink):
    """One message is lost, named in check and log; all else is delivered."""
    ids = queue_up(world, small, sink)
    assert check()[0] == 0
    victim = list(ids)[COUNT // 2]
    flip(*body_place(victim))
    status, rows, _ = check()
    assert status == 1 and results(rows) == {'in': 'sound', 'out': 'damaged'}
    one, = damage_of(rows)
    assert one['id'] == ids[victim] and one['event'] == 'store-corrupt'
    assert one['record'] == 'message' and one['segment'] == 1
    assert one['consequence'] == 'the message is lost'
    text = small.postern('spool', 'check', 'out', check=False)
    assert re.search(r'^out: damage: seg\.00000001 offset \d+ length \d+ '
                     r'message %s: damaged record of a message; the message '
                     r'is lost; to do: ' % ids[victim], text.stdout, re.M)
    small.start()
    line, = small.log(event='store-corrupt')
    assert line['id'] == ids[victim] and line['spool'] == 'out'
    assert line['offset'] == str(one['offset'])
    delivered_once(small, sink, ids, missing=(victim,))


@pytest.fixture
def several(world, small, sink):
    """Messages that fill several segments: token -> id, token -> segment."""
    ids = queue_up(world, small, sink, 9, 400000)
    where = {}
    for token in ids:
        where.setdefault(os.path.basename(place_of(token)[0]),
                         []).append(token)
    assert len(where) >= 4, where
    return ids, where


@pytest.mark.parametrize('which', [0, 1, -1])
def test_segment_deleted(small, sink, several, which):
    """What stood in it is lost; the log says which segment is not there."""
    ids, where = several
    name = sorted(where)[which] if which >= 0 else segments()[-1]
    os.unlink(os.path.join(OUT, name))
    status, rows, _ = check()
    assert status == 1
    one, = damage_of(rows)
    assert one['event'] == 'store-missing'
    assert one['segment'] == int(name[4:])
    small.start()
    line, = small.log(event='store-missing')
    assert line['segment'] == str(int(name[4:]))
    delivered_once(small, sink, ids, missing=where.get(name, []))
    small.stop()


def test_segment_truncated(small, sink, several):
    """A segment cut in its first message: the others are delivered."""
    ids, where = several
    name = sorted(where)[1]
    with open(os.path.join(OUT, name), 'r+b') as f:
        f.truncate(100000)
    status, rows, _ = check()
    assert status == 1 and damage_of(rows)
    small.start()
    assert small.log(event='store-corrupt')
    delivered_once(small, sink, ids, missing=where[name])


def test_segment_from_a_backup(world, small, sink):
    """An older copy of a segment: what came after it is lost, and told."""
    first = queue_up(world, small, sink, 2, 200000)
    name = segments()[0]
    shutil.copy(os.path.join(OUT, name), WORK + '/backup')
    small.start()
    second = queue_up(world, small, sink, 11 - 2, 400000)
    path = os.path.join(OUT, name)
    assert os.path.exists(path)
    lost = [t for t in second if place_of(t)[0] == path]
    owner = os.stat(path)
    shutil.copy(WORK + '/backup', path)
    os.chown(path, owner.st_uid, owner.st_gid)
    status, rows, _ = check()
    assert (status == 1) == bool(lost), rows
    small.start()
    delivered_once(small, sink, list(first) + list(second), missing=lost)


def test_later_version(world, small, sink):
    """A later format stops queued and touches nothing; check says so."""
    ids = queue_up(world, small, sink, 3)
    path = os.path.join(OUT, segments()[0])
    with open(path, 'r+b') as f:
        header = f.read(64)
        later = header[:8] + struct.pack('<I', 2) + header[12:60]
        f.seek(0)
        f.write(later + struct.pack('<I', crc32c(later)))
    before = listing()
    status, rows, err = check()
    assert status == 3 and results(rows)['out'] == 'later'
    assert 'out: made by a later Postern: version 2, this one reads 1' in err
    assert 'version=2' in small.refused()
    assert listing() == before
    with open(path, 'r+b') as f:
        f.write(header)
    small.start()
    delivered_once(small, sink, ids)


def listing():
    """Every file of the spool, with its size and content's sum."""
    found = {}
    for where, _, names in os.walk(OUT):
        for name in names:
            path = os.path.join(where, name)
            with open(path, 'rb') as f:
                found[path] = hash(f.read())
    return found


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def test_any_size(world, small, sink):
    """More than what a small segment takes inline is no reason to refuse."""
    sizes = (500000, 530000, 700000, 1000000, 1040000, 1100000)
    put_off(sink, False)
    for size in sizes:
        token = world.token('size')
        send(world, sink, token, size)
        mail, = sink.wait(token)
        assert mail.data.endswith(text_of(token, size).encode())


def test_message_file_damaged(world, small, sink):
    """A large message is a file: damage to it is found, the rest goes."""
    ids = queue_up(world, small, sink, 3, 1300000)
    victim = sorted(ids)[0]
    files = [os.path.join(where, name) for where, _, names in os.walk(OUT)
             for name in names if name == ids[victim]]
    flip(files[0], 600000)
    status, rows, _ = check()
    one, = damage_of(rows)
    assert status == 1 and one['event'] == 'store-lost'
    assert one['id'] == ids[victim]
    small.start()
    put_off(sink, False)
    for token in ids:
        if token != victim:
            sink.wait(token, 60)
    held, = wait_until('the damaged one to be held',
                       lambda: [r for r in small.queue()
                                if r['state'] == 'held'], 60)
    assert held['id'] == ids[victim] and not sink.find(victim)
    small.postern('queue', 'remove', ids[victim])
    small.wait_empty()


# --- another machine

OTHER = '/var/spool/other'


def owned(path):
    account = pwd.getpwnam('_postern-queued')
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path, 0o700)
    os.chown(path, account.pw_uid, account.pw_gid)
    return path


def spool(*args):
    return Gateway.postern(Gateway, 'spool', *args, check=False)


def test_export_and_import(world, small, sink):
    """Out of one gateway, into another one: each message once, as it was."""
    target = WORK + '/export'
    shutil.rmtree(target, ignore_errors=True)
    done = spool('export', target)
    assert done.returncode == 2 and 'stop posternd first' in done.stderr
    ids = queue_up(world, small, sink, 5)
    large = queue_up_again(world, small, sink, 2, 1300000)
    ids.update(large)
    before = check()[1]
    done = spool('export', target)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout.startswith('7 messages exported')
    assert check()[1] == before
    token = list(large)[0]
    with open('%s/out/%s.env' % (target, large[token])) as f:
        env = f.read()
    assert 'Sender: <%s>' % USER in env and 'Origin: int' in env
    assert re.search(r'^Result: 0 |^Recipient: 0 <%s@' % token, env, re.M)
    with open('%s/out/%s.eml' % (target, large[token]), 'rb') as f:
        text = f.read()
    owned(OTHER)
    done = spool('import', '-d', OTHER, target)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stdout.startswith('7 messages imported; 0 were there')
    done = spool('import', '-d', OTHER, target)
    assert done.returncode == 0 and done.stdout.startswith(
        '0 messages imported; 0 were there, 7 were imported before')
    assert check('-d', OTHER)[0] == 0
    with Gateway(world, SMALL + 'spool "%s"\n' % OTHER + GOLDEN) as other:
        rows = {r['id']: r for r in other.queue()}
        assert set(rows) == set(ids.values())
        assert all(r['attempts'] >= 1 and 'later' in r['reply']
                   for r in rows.values())
        delivered_once(other, sink, ids)
        mail, = sink.find(token)
        assert mail.data == text
        other.stop()
        # once more, when all of it has been delivered
        done = spool('import', '-d', OTHER, target)
        assert done.returncode == 0 and '0 messages imported' in done.stdout
        other.start()
        assert not other.queue()
    shutil.rmtree(target)


def killed(at, *args):
    """postern spool, killed at its nth sync; True if it came that far."""
    done = subprocess.run(
        ['strace', '-f', '-o', '/dev/null', '-e', 'trace=fsync,fdatasync',
         '-e', 'inject=fsync,fdatasync:signal=KILL:when=%d' % at,
         program('queued/queued')] + list(args), capture_output=True)
    return done.returncode != 0


def count_of(*args):
    status, rows, err = check(*args)
    assert (status, err) == (0, ''), (status, err, rows)
    return sum(r['messages'] for r in rows)


def test_killed_at_every_sync(world, small, sink):
    """An export that was cut off is none; an import is simply done again."""
    target = WORK + '/export'
    shutil.rmtree(target, ignore_errors=True)
    ids = queue_up(world, small, sink, 4)
    owned(OTHER)
    assert killed(5, 'export', target)
    done = spool('import', '-d', OTHER, target)
    assert done.returncode == 2 and 'cut off' in done.stderr
    shutil.rmtree(target)
    assert spool('export', target).returncode == 0
    at = 1
    while True:
        owned(OTHER)
        cut_off = killed(at, 'import', '-d', OTHER, target)
        done = spool('import', '-d', OTHER, target)
        assert done.returncode == 0, (at, done.stdout, done.stderr)
        assert count_of('-d', OTHER) == len(ids), at
        if not cut_off:
            break
        at += 1
    assert at > 2 * len(ids), at
    with Gateway(world, SMALL + 'spool "%s"\n' % OTHER + GOLDEN) as other:
        delivered_once(other, sink, ids)
        other.stop()
    shutil.rmtree(target)


def queue_up_again(world, gw, sink, count, size):
    gw.start()
    had = {r['id'] for r in gw.queue()}
    tokens = [world.token('spool') for _ in range(count)]
    for token in tokens:
        send(world, sink, token, size)
    rows = wait_until('all of it to be queued and tried',
                      lambda: tried(gw, len(had) + count), 60)
    gw.stop()
    return {t: rows['%s@%s' % (t, sink.domain)] for t in tokens}


# --- disks

@contextlib.contextmanager
def mounted(path, *options):
    os.makedirs(path, exist_ok=True)
    subprocess.run(('mount',) + options + (path,), check=True)
    try:
        yield path
    finally:
        if Gateway.current is not None:
            Gateway.current.kill_all()
        subprocess.run(['umount', path], check=True)


def fill(path):
    """All that is left of a file system; the file that takes it."""
    name = path + '/filler'
    fd = os.open(name, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(fd, bytes(4096))
    os.close(fd)
    return name


def test_full_disk(world, sink):
    """452 at MAIL, never after DATA; what is there goes, and stays gone."""
    put_off(sink)
    with mounted('/var/spool/tiny', '-t', 'tmpfs', '-o', 'size=24m',
                 'tiny') as path, \
            Gateway(world, SMALL + 'spool "%s/spool"\n' % path +
                    GOLDEN) as gw:
        tokens = [world.token('full') for _ in range(3)]
        for token in tokens:
            send(world, sink, token)
        wait_until('all of it to be tried', lambda: tried(gw, 3), 60)
        filler = fill(path)

        def refused():
            """The reply to MAIL if it is none; else the mail must go in."""
            token = world.token('full')
            text = text_of(token, 300000)
            with inside(world) as c:
                reply = c.cmd('MAIL FROM:<%s> SIZE=%d' % (USER, len(text)))
                if reply.code != 250:
                    return reply
                c.expect(250, 'RCPT TO:<%s@%s>' % (token, sink.domain))
                reply = c.data(text)
            assert reply.code == 250, reply
            return tokens.append(token)
        reply = wait_until('the disk to be full', refused, 60)
        assert (reply.code, reply.enhanced) == (452, '4.3.1'), reply
        delivered_once(gw, sink, tokens)
        # results follow within a moment, on the full disk, too; what is
        # there is not delivered again
        wait_until('the results to be on disk',
                   lambda: count_of('-d', path + '/spool') == 0, 20)
        gw.kill_all()
        gw.start()
        assert not gw.queue()
        os.unlink(filler)
        wait_until('room again', lambda: refused() is None, 60)
        sink.wait(tokens[-1])
        gw.wait_empty()
        for token in tokens:
            assert len(sink.find(token)) == 1, token
        gw.stop()


def test_btrfs(world, sink):
    """Copy on write: said at the start, and mail is kept all the same."""
    image = WORK + '/btrfs.img'
    with open(image, 'wb') as f:
        f.truncate(256 << 20)
    subprocess.run(['mkfs.btrfs', '-q', image], check=True)
    put_off(sink)
    with mounted('/var/spool/btrfs', '-o', 'loop', image) as path, \
            Gateway(world, SMALL + 'spool "%s/spool"\n' % path +
                    GOLDEN) as gw:
        cow = gw.wait_log(20, event='store-cow', count=2)
        assert {line['spool'] for line in cow} == {'in', 'out'}
        tokens = [world.token('cow') for _ in range(4)]
        for token in tokens:
            send(world, sink, token, 300000)
        wait_until('all of it to be tried', lambda: tried(gw, 4), 60)
        gw.kill_all()
        status, rows, err = check('-d', path + '/spool')
        assert (status, err) == (0, ''), rows
        gw.start()
        delivered_once(gw, sink, tokens)
        gw.stop()
    os.unlink(image)
