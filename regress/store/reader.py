#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Prints the live messages of a spool: spool(5) read by someone else."""
import os
import struct
import sys

MSG, FILE, MOVED, STATE, DONE, START, TAIL = range(1, 8)
TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ 0x82f63b78 if n & 1 else n >> 1
    TABLE.append(n)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def tlvs(data):
    while data:
        tag, n = struct.unpack_from('<HH', data)
        yield tag, data[4:4 + n]
        data = data[4 + n:]


def sound(kind, body, crc):
    n = len(body)
    if kind == MSG:
        n, body_crc = struct.unpack_from('<II', body)
        n += 8
        if crc32c(body[n:]) != body_crc:
            return False
    return crc32c(body[:n]) == crc


def records(seg, seq):
    """(offset behind it, type, flags, batch, id, payload, damage before)"""
    epoch, off, gap = struct.unpack_from('<Q', seg, 16)[0], 4096, False
    while off + 40 <= len(seg):
        magic, kind, flags, size, batch, msgid, ep, crc, hcrc = \
            struct.unpack_from('<IHHIIQQII', seg, off)
        if magic != 0x63655250 or ep != epoch or \
                hcrc != crc32c(struct.pack('<IQ', seq, off) +
                               seg[off:off + 36]):
            off, gap = off + 8, True
            continue
        body = seg[off + 40:off + 40 + size]
        off += 40 + (size + 7 & ~7)
        if sound(kind, body, crc):
            yield off, kind, flags, batch, msgid, body, gap
            gap = False
        else:
            gap = True


def read_log(top):
    """All records that count, in order."""
    segs, ends, oldest = {}, {}, 0
    for name in os.listdir(top):
        if name.startswith('seg.'):
            with open(os.path.join(top, name), 'rb') as f:
                data = f.read()
            if data[:8] == b'PSTNSEG\n' and data[8:12] == b'\1\0\0\0' and \
                    crc32c(data[:60]) == struct.unpack_from('<I', data, 60)[0]:
                segs[int(name[4:])] = list(records(data, int(name[4:])))
    for seq in sorted(segs, reverse=True):
        if seq in segs and segs[seq] and segs[seq][0][1] == START:
            prev, flags, end, old = struct.unpack_from('<IIQI',
                                                       segs[seq][0][5], 16)
            for void in [s for s in segs if prev < s < seq]:
                del segs[void]
            ends[prev], oldest = (end, flags), max(oldest, old)
    log = []
    for seq in sorted(segs):
        end, flags = ends.get(seq, (1 << 63, 0))
        recs = [r for r in segs[seq] if r[0] <= end]
        torn = recs and not flags & 1 and (not recs[-1][2] & 2 or any(
            r[6] and not r[2] & 1 and r[3] == recs[-1][3] for r in recs))
        log += [(seq,) + r[1:] for r in recs
                if not torn or r[3] != recs[-1][3] or r[1] <= MOVED]
    tails = [struct.unpack_from('<I', r[5])[0] for r in log if r[1] == TAIL]
    return [r for r in log if r[0] >= max([oldest] + tails)]


def read_spool(top):
    live = {}
    for _, kind, _, _, msgid, body, _ in read_log(top):
        if kind == MSG:
            n, crc = struct.unpack_from('<II', body)
            live[msgid] = ('log', len(body) - 8 - n, crc, body[8:8 + n], {})
        elif kind in (FILE, MOVED):
            n, _, size, crc = struct.unpack_from('<IIQI', body)
            live[msgid] = ('file', size, crc, body[24:24 + n], {})
            body = bytes(8) + body[24 + n:]
        elif kind == DONE:
            live.pop(msgid, None)
        if kind in (MOVED, STATE) and msgid in live:
            for tag, value in tlvs(body[8:]):
                key = (tag, value[:4] if tag == 1 else b'')
                live[msgid][4][key] = value
    return live


def show(msgid, where, size, crc, env, state):
    env = list(tlvs(env))
    sender = b''.join(v for tag, v in env if tag == 10).decode()
    out = ['%016x %s %d %08x %d <%s>' % (
        msgid, where, size, crc, sum(tag == 13 for tag, _ in env), sender)]
    for (tag, _), value in sorted(state.items()):
        out.append('%d:%s' % (tag, value.hex()))
    return ' '.join(out)


if __name__ == '__main__':
    for key, message in sorted(read_spool(sys.argv[1]).items()):
        print(show(key, *message))
