# SPDX-License-Identifier: ISC
"""Postern's Internet door and Debian's Postfix on the same byte streams.

Each dialogue of dialogues/dialogues.txt goes to both.  The classes of the
replies (2, 3, 4, 5; "x" for the end of the connection) must be the same, and
so must the messages that are delivered.  Where they are not, differences.txt
says so and why; a difference that is not there fails, and one that is there
and does not occur any more, too.
"""
import contextlib
import pathlib
import re
import socket

import pytest

from lab.gateway import QUICK, Gateway, conf
from lab.inside import WORK
from lab.postfix import Postfix
from lab.proc import Timeout, wait_until
from lab.smtp import Client, Closed
from lab.world import GW_EXT

HERE = pathlib.Path(__file__).resolve().parent / 'dialogues'
USERS = ['alice@example.com', 'bob@example.com', 'carol@example.com']
SHORT = {
    'E': ['C EHLO client.test'],
    'M': ['C EHLO client.test', 'C MAIL FROM:<a@sender.test>',
          'C RCPT TO:<alice@example.com>'],
}
PATIENCE = 10  # seconds for a reply that does not come


def read_dialogues():
    found, steps = {}, None
    for line in (HERE / 'dialogues.txt').read_text().splitlines():
        if line.startswith('= '):
            steps = found.setdefault(line[2:], [])
            assert not steps, 'twice: ' + line
        elif line and not line.startswith('#'):
            steps.extend(SHORT.get(line, [line]))
    return found


def read_differences():
    """name -> (Postern, Postfix, reason)"""
    found = {}
    for line in (HERE / 'differences.txt').read_text().splitlines():
        if line and not line.startswith('#'):
            name, postern, postfix, reason = re.split(r'\t+', line)
            assert len(reason) > 20, line
            found[name] = postern, postfix, reason
    return found


def octets(text, token):
    """What a line of a dialogue stands for."""
    text = text.replace('%T', token)
    text = re.sub(r'%(\d+)\{(.*?)\}', lambda m: m[2] * int(m[1]), text)
    return text.encode().decode('unicode_escape').encode('latin-1')


class Peer:
    """A server and what it answers to a dialogue."""

    def __init__(self, ns, address):
        self.ns, self.address = ns, address

    def talk(self, steps, token):
        """The classes of the replies, as a word; '-': none came in time."""
        classes = ''
        with contextlib.closing(Client(self.ns, self.address,
                                       timeout=PATIENCE)) as c:
            assert c.greeting.code == 220
            try:
                for step in steps:
                    if step[0] in 'CR':
                        c.send(octets(step[2:], token) +
                               (b'\r\n' if step[0] == 'C' else b''))
                    if step[0] in 'CW':
                        classes += self.one(c)
                c.s.shutdown(socket.SHUT_WR)
                while True:
                    classes += self.one(c)
            except (Closed, OSError):
                return classes + 'x'

    @staticmethod
    def one(client):
        try:
            return str(client.reply().code // 100)
        except Timeout:
            return '-'


@pytest.fixture(scope='module')
def peers(world):
    address = world.address()
    world.inet.ip('addr replace %s/32 dev lo' % address)
    users = WORK + '/differential.users'
    with open(users, 'w') as f:
        f.write(''.join('%s all/\n' % u for u in
                        USERS + ['postmaster@example.com']))
    postfix = Postfix(
        world.inet, world.peers, WORK + '/differential', address,
        'gw.example.com', ['example.com'], mynetworks='127.0.0.0/8',
        virtual_mailbox_maps='texthash:' + users, smtpd_helo_required='yes',
        strict_rfc821_envelopes='yes', smtpd_error_sleep_time='0',
        smtpd_forbid_bare_newline='reject',
        smtpd_forbid_unauth_pipelining='yes', smtputf8_enable='yes')
    with Gateway(world, conf(top=QUICK), users=USERS) as gw:
        postfix.start()
        try:
            yield gw, postfix
        finally:
            postfix.stop()


def bodies(postfix, tokens):
    """dialogue -> sorted (recipient, text) of what was delivered."""
    found = {name: [] for name in tokens}
    for mail in postfix.mails():
        for name, token in tokens.items():
            if token.encode() in mail.raw:
                found[name].append((mail['X-Original-To'].lower(),
                                    mail.raw.partition(b'\n\n')[2]))
    return {name: sorted(mails) for name, mails in found.items()}


def test_same_decisions(world, peers):
    gw, postfix = peers
    dialogues, known = read_dialogues(), read_differences()
    assert len(dialogues) >= 60 and set(known) <= set(dialogues)
    ours, theirs = Peer(world.inet, GW_EXT), Peer(world.inet, postfix.address)
    tokens, wrong = {}, []
    for name, steps in dialogues.items():
        tokens[name] = world.token(name)
        got = (ours.talk(steps, tokens[name]),
               theirs.talk(steps, tokens[name]))
        if got[0] != got[1] and name not in known:
            wrong.append('%s\t%s\t%s\tnot explained' % (name, *got))
        elif name in known and got != known[name][:2]:
            wrong.append('%s\t%s\t%s\tnot as explained' % (name, *got))
        elif name in known and got[0] == got[1]:
            wrong.append('%s: no difference any more' % name)
    gw.wait_empty()
    wait_until('an empty queue of Postfix', lambda: not postfix.queue(), 60)
    inner = world.host('a', None, None)
    ours, theirs = bodies(inner, tokens), bodies(postfix, tokens)
    for name in dialogues:
        # nobody may find more in a stream than the other but as explained
        if ours[name] != theirs[name] and name not in known:
            wrong.append('%s: delivered %r here, %r by Postfix' % (
                name, ours[name], theirs[name]))
        # whatever Postfix makes of it: there is one message, to one reader
        if name.startswith('smuggle-'):
            assert [to for to, _ in ours[name]] in (
                [], ['alice@example.com']), (name, ours[name])
    assert sum(map(len, ours.values())) >= 15
    assert not wrong, '\n' + '\n'.join(wrong)


def test_a_difference_is_found(world, peers):
    """That the comparison can fail: the same peer, another stream."""
    _, postfix = peers
    peer = Peer(world.inet, postfix.address)
    good = peer.talk(['C EHLO client.test', 'C QUIT'], 'x')
    assert good == '22x'
    assert peer.talk(['C EHLO client.test', 'C XYZZY', 'C QUIT'], 'x') != good
