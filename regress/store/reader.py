#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Prints the live messages of a spool: spool(5) read by someone else."""
import os, struct, sys
MSG, FILE, MOVED, STATE, DONE, START, TAIL = range(1, 8)
number = lambda data, at=0, size=4: int.from_bytes(data[at:at + size], 'little')

def crc32c(data, crc=0xffffffff):
    for bit in (byte >> n & 1 for byte in data for n in range(8)):
        crc = crc >> 1 ^ 0x82f63b78 * (crc & 1 ^ bit)
    return crc ^ 0xffffffff

def fields(data):
    while data:
        end = 4 + number(data, 2, 2)
        yield number(data, 0, 2), data[4:end]
        data = data[end:]

def records(top, seq, limit=1 << 62, synced=0):
    seg = open('%s/seg.%08d' % (top, seq), 'rb').read()[:limit] + bytes(4200)
    sound, at, end, out = crc32c(seg[:60]) == number(seg, 60), 4096, 4096, []
    assert not sound or number(seg, 8) == 1, 'seg.%08d is of a later version' % seq
    secret = number(seg, 16 if sound else 4120, 8)  # the epoch
    while (place := seg.find(b'PRec', at)) >= 0:
        kind, flags, n, batch, msgid, epoch, crc, head, at = *struct.unpack_from('<4xHHIIQQII', seg, place), place + 1
        if epoch == secret and head == crc32c(struct.pack('<IQ', seq, place) + seg[place:][:36]):
            body, at = seg[place + 40:place + 40 + n], place + 40 + (n + 7 & ~7)
            if crc32c(body[:(n := 8 + number(body) if kind == MSG else n)]) == crc and (kind != MSG or crc32c(body[n:]) == number(body, 4)):
                out, end = out + [(kind, msgid, body, batch, flags, place == end)], at
    last = [r for r in out if r[3] == out[-1][3] and not synced]
    torn = last and not (last[0][4] & 1 and last[-1][4] & 2 and all(r[5] for r in last[1:]))
    return [r[:3] for r in out if not torn or r not in last or r[0] <= MOVED]

def log(top, prev=1 << 32, ends=(), oldest=0, out=()):
    for seq in sorted((int(n[4:]) for n in os.listdir(top) if n[:4] == 'seg.'), reverse=True):
        recs = records(top, seq, *(ends if seq == prev else ())) if seq <= prev else []
        if recs and recs[0][0] == START:
            prev, flags, end, tail = struct.unpack_from('<IIQI', recs[0][2], 16)
            ends, oldest = (end, flags & 1), max(oldest, tail)
        oldest = max([oldest] + [number(r[2]) for r in recs if r[0] == TAIL])
        out = (*recs, *out) if seq >= oldest else out
    return out

top, live = sys.argv[1], {}
for kind, msgid, body in log(top):
    n = 8 if kind in (MSG, STATE) else 24
    rest = n if kind == STATE else n + number(body)
    if kind <= MOVED:
        live[msgid] = kind, body[n:rest], body[rest:], number(body, 4 if kind == MSG else 16), {}
    elif kind == DONE:
        live.pop(msgid, None)
    for tag, value in fields(body[rest:] if kind in (MOVED, STATE) and msgid in live else b''):
        live[msgid][4][tag, value[:4] if tag == 1 else b''] = value
for msgid, (kind, env, text, crc, state) in sorted(live.items()):
    name = ''.join('0123456789abcdefghjkmnpqrstvwxyz'[msgid >> n & 31] for n in range(60, -1, -5))
    text = text if kind == MSG else open('%s/msg/%s/%s' % (top, name[4:6], name), 'rb').read()
    assert crc32c(text) == crc, 'the text of %s is damaged' % name
    names = [v.decode() for tag, v in fields(env) if tag in (10, 13)]
    print('%016x %s %d %08x %d <%s>' % (msgid, 'log' if kind == MSG else 'file', len(text), crc,
          len(names) - 1, names[0]), *['%d:%s' % (k[0], v.hex()) for k, v in sorted(state.items())])
