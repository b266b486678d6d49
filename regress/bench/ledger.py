# SPDX-License-Identifier: ISC
"""What smtpload had acknowledged and what smtpsink took: see ledger.h."""
import array
import collections
import mmap
import struct

HEAD = struct.Struct('<8s12Q')
NAMES = ('count', 'start', 'last', 'refused', 'later', 'again', 'damaged',
         'sessions', 'idle', 'bytes', 'lost', 'cut')
PAGE, RECORD = 4096, 16

Head = collections.namedtuple('Head', NAMES)


class Book:
    """A ledger file, which may still be growing."""

    def __init__(self, path):
        self.path = path
        with open(path, 'rb') as f:
            self._page = mmap.mmap(f.fileno(), PAGE, access=mmap.ACCESS_READ)
        if self._page[:8] != b'PBLEDGR1':
            raise ValueError('%s is no ledger' % path)

    def head(self):
        """The counters now."""
        return Head(*HEAD.unpack(self._page[:HEAD.size])[1:])

    def records(self, run=None):
        """(number, time in ns) of each message, in order of time."""
        count = self.head().count
        with open(self.path, 'rb') as f:
            f.seek(PAGE)
            words = array.array('Q', f.read(count * RECORD))
        for keys, when in zip(words[::2], words[1::2]):
            if run is None or keys & 0xffffffff == run:
                yield keys >> 32, when


class Account:
    """Acknowledged against delivered, of one run."""

    def __init__(self, load, sink, run):
        acked = dict(load.records(run))
        copies = collections.Counter()
        came = {}
        for number, when in sink.records(run):
            copies[number] += 1
            came.setdefault(number, when)
        head = sink.head()
        self.acked, self.delivered = len(acked), sum(copies.values())
        self.lost = sorted(acked.keys() - came.keys())
        self.doubled = sorted(n for n, c in copies.items() if c > 1)
        self.strange = sorted(came.keys() - acked.keys())
        self.damaged = head.damaged
        # ms from the client's 250 to the sink's
        self.latency = sorted((came[n] - when) / 1e6
                              for n, when in acked.items() if n in came)
        self.start = load.head().start
        self.acked_last = load.head().last
        self.last = max(came.values(), default=self.start)

    @property
    def seconds(self):
        """From the first connection to the last delivery."""
        return (self.last - self.start) / 1e9

    @property
    def accept_seconds(self):
        return (self.acked_last - self.start) / 1e9

    @property
    def complete(self):
        return not (self.lost or self.strange or self.damaged)

    def verdict(self):
        return '%d acknowledged, %d lost, %d doubled, %d strange, ' \
            '%d damaged' % (self.acked, len(self.lost), len(self.doubled),
                            len(self.strange), self.damaged)


def percentile(ordered, share):
    """Of an ordered list; None if it is empty."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
