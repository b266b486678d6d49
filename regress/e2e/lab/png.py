# SPDX-License-Identifier: ISC
"""Just enough of PNG to see what a browser painted."""
import collections
import struct
import zlib


class Picture:
    """8 bits a channel, RGB or RGBA, not interlaced."""

    def __init__(self, width, height, channels, rows):
        self.width, self.height = width, height
        self._n, self._rows = channels, rows

    @classmethod
    def read(cls, path):
        with open(path, 'rb') as f:
            data = f.read()
        assert data[:8] == b'\x89PNG\r\n\x1a\n', path
        at, packed = 8, b''
        while at < len(data):
            size, kind = struct.unpack_from('>I4s', data, at)
            body = data[at + 8:at + 8 + size]
            if kind == b'IHDR':
                width, height, depth, colour, _, _, lace = struct.unpack(
                    '>IIBBBBB', body)
            elif kind == b'IDAT':
                packed += body
            at += size + 12
        assert depth == 8 and colour in (2, 6) and not lace
        n = 3 if colour == 2 else 4
        return cls(width, height, n, list(
            unfilter(zlib.decompress(packed), width * n, n)))

    def at(self, x, y):
        return tuple(self._rows[y][x * self._n:x * self._n + 3])

    def colours(self):
        """How often each is there."""
        count = collections.Counter()
        for row in self._rows:
            count.update(zip(*(row[i::self._n] for i in range(3))))
        return count


def unfilter(data, width, n):
    above = bytearray(width)
    for at in range(0, len(data), width + 1):
        kind, row = data[at], bytearray(data[at + 1:at + 1 + width])
        if kind:
            undo(kind, row, above, n)
        yield row
        above = row


def undo(kind, row, above, n):
    for i, b in enumerate(above):
        left = row[i - n] if i >= n else 0
        corner = above[i - n] if i >= n else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = b
        elif kind == 3:
            guess = (left + b) // 2
        else:
            p = left + b - corner
            guess = min((left, b, corner), key=lambda v: abs(p - v))
        row[i] = (row[i] + guess) & 255
