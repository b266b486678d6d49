# SPDX-License-Identifier: ISC
"""Legal messages from processes in an attacker's hands: what the receiver,
the real program in its real sandbox, makes of them."""
import os
import sys
import time

from lab.certs import Cert
from lab.gateway import CONF
from lab.inside import PROJECT, WORK
from test_hostile import CHILD_FD_KEYS, handed, prepare

sys.path.insert(0, os.path.join(PROJECT, 'regress', 'hostile'))

import chan_stage  # noqa: E402
import chan_table  # noqa: E402
import policy_words as words  # noqa: E402


def ask(stage, sender, type_, payloads):
    """One question each; what was answered, in their order."""
    chan, answers = stage.channels[sender], {}
    for at in range(0, len(payloads), 50):
        some = payloads[at:at + 50]
        for n, payload in enumerate(some, at):
            assert stage.send(chan, chan_stage.message(type_, n, payload))
        for _, ident, data, fds in words.answers(stage, chan, len(some)):
            answers[ident] = data, fds
    return [answers[n] for n in range(len(payloads))]



# --- connd


def dialled(stage, sender, payloads):
    found = set()
    for data, fds in ask(stage, sender, words.OC_CONNECT, payloads):
        result = words.RESULTS[data[0]]
        assert (result == 'ok') == (fds == 1), (result, fds)
        found.add(result)
    return found


def test_out_ext_dials_the_intranet(world):
    """Every special-use and inside address, in every IPv6 form."""
    prepare()
    forms = list(words.inside_forms())
    assert len(set(forms)) > 120
    with chan_stage.Stage('connd/ext', CONF, world.gw.path) as stage:
        stage.start()
        assert dialled(stage, 'smtpd-out/ext.0', [
            words.connect(a) for a in forms]) == {'denied'}
        # a port that no connector has
        assert dialled(stage, 'smtpd-out/ext.0', [
            words.connect('198.51.100.10', p)
            for p in (1, 22, 53, 80, 443, 587, 3306, 65535)]) == {'denied'}
        for v4 in words.INSIDE_V4:
            before = len(stage.violations)
            stage.channels['smtpd-out/ext.0'].send(chan_stage.message(
                words.OC_CONNECT, 1, words.mapped(v4)))
            stage.wait(lambda: len(stage.violations) > before, 'a violation')
            assert stage.violations[-1][0] == 'content'
            stage.channel('smtpd-out/ext.0')
        # the control: what it is for
        assert 'denied' not in dialled(stage, 'smtpd-out/ext.0', [
            words.connect('198.51.100.10')])
    chan_table.check_policy(
        'smtpd-out/ext', 'connd: %d special-use, inside and own addresses, '
        'in 7 forms' % len(forms), 'all denied; mapped: replaced',
        'connd/policy.c policy_dial(), dial.c is_local()')
    chan_table.check_policy('smtpd-out/ext', 'connd: other ports',
                            'denied', 'connd/policy.c port_ok()')


def test_out_int_dials_the_internet(world):
    """The reverse: an owned inside process and the Internet."""
    prepare()
    with chan_stage.Stage('connd/int', CONF, world.gw.path) as stage:
        stage.start()
        assert dialled(stage, 'smtpd-out/int.0', [
            words.connect(a) for a in (
                '198.51.100.10', '203.0.113.1', '9.9.9.9', '192.168.0.1',
                '127.0.0.1', '0.0.0.0', '224.0.0.1', '2001:db8:2::10',
                '2002:c633:640a::1', '64:ff9b::c633:640a')]) == {'denied'}
        assert dialled(stage, 'smtpd-out/int.0', [
            words.connect('10.0.0.10', p)
            for p in (22, 53, 389, 445, 3389)]) == {'denied'}
    chan_table.check_policy('smtpd-out/int', 'connd: Internet addresses',
                            'denied', 'connd/policy.c dial_int()')
    chan_table.check_policy('smtpd-out/int', 'connd: other ports inside',
                            'denied', 'connd/policy.c port_ok()')


def test_dnsd_asks_for_other_servers(world):
    prepare()
    with chan_stage.Stage('connd/ext', CONF, world.gw.path) as stage:
        stage.start()
        # of a configuration that is not: nothing
        got = ask(stage, 'dnsd-ext', words.DC_SOCKET,
                  [bytes([0, 0, 0, 9, 0, 1]), bytes([0, 0, 0, 9, 7, 2])])
        assert [words.RESULTS[d[0]] for d, _ in got] == ['limit'] * 2
        for server in (2, 3, 7):
            before = len(stage.violations)
            stage.channels['dnsd-ext'].send(chan_stage.message(
                words.DC_SOCKET, 1, bytes([0, 0, 0, 1, server, 1])))
            stage.wait(lambda: len(stage.violations) > before, 'a violation')
            assert stage.violations[-1][0] == 'content'
            stage.channel('dnsd-ext')
        got = ask(stage, 'dnsd-ext', words.DC_SOCKET,
                  [bytes([0, 0, 0, 1, 1, 1])])
        assert words.RESULTS[got[0][0][0]] == 'ok' and got[0][1] == 1
    chan_table.check_policy('dnsd-ext', 'connd: servers not configured',
                            'replaced', 'connd/dial.c on_dns_socket()')


# --- names


def denied_names(stage, sender, names):
    return {data[0] for data, _ in ask(stage, sender, words.SD_QUERY,
                                       [words.query(n) for n in names])}


def test_names_of_the_other_side(world):
    """Inside names outside, Internet names inside."""
    prepare()
    inside = ['mail.corp.example.com', 'MAIL.corp.example.com']
    with chan_stage.Stage('dnsd-ext', CONF) as stage:
        stage.start()
        assert denied_names(stage, 'smtpd-out/ext.0', inside) == {5}
    outside = ['example.net', 'a.very.long.name.that.tells.a.secret.test']
    with chan_stage.Stage('dnsd-int', CONF) as stage:
        stage.start()
        assert denied_names(stage, 'smtpd-out/int.0', outside) == {5}
    chan_table.check_policy('smtpd-out/ext', 'dnsd-ext: inside names',
                            'denied', 'common/dns/policy.c')
    chan_table.check_policy('smtpd-out/int', 'dnsd-int: Internet names',
                            'denied', 'common/dns/policy.c')


# --- queued


def submit(stage, sender, payloads):
    """What is said of each; a note about room may come before."""
    chan, said = stage.channels[sender], []
    for n, payload in enumerate(payloads):
        assert stage.send(chan, chan_stage.message(words.IQ_COMMIT, n,
                                                   payload))
    while len(said) < len(payloads):
        said += [words.VERDICTS[data[0]] for type_, _, data, _ in
                 words.answers(stage, chan, 1) if type_ == words.IQ_DONE]
    return said


def test_in_ext_relays(world):
    """Mail to other domains, also as if from an inside host."""
    prepare()
    _, samples = chan_stage.contracts()
    local = next(s.payload for s in samples if s.type == words.IQ_COMMIT and
                 s.fd == 'none' and s.sender == 'smtpd-in/ext')
    user, client = b'alice@example.com', b'\x04\xc0\x00\x02\x01'
    assert user in local and client in local
    foreign = [local.replace(user, a) for a in (
        b'alice@foreign.com', b'alice@xample.comm', b'a@x@xample.com.aa',
        b'alice@xexample.io', b'alice@sub.exa.com')]
    as_int = [f.replace(client, b'\x04\x0a\x00\x00\x0a') for f in foreign]
    from_us = [f.replace(b'a@sender.test', b'a@example.com') for f in as_int]
    with chan_stage.Stage('queued', CONF) as stage:
        stage.start()
        # one malformed address among them is a fault of its sender
        said = set()
        for payload in foreign + as_int + from_us:
            before = len(stage.violations)
            chan = stage.channels['smtpd-in/ext.0']
            stage.send(chan, chan_stage.message(words.IQ_COMMIT, 1, payload))
            stage.send(chan, chan_stage.message(chan_stage.NO_TYPE, 1))
            stage.wait(lambda: len(stage.violations) > before, 'a violation')
            if stage.violations[before][0] == 'type':
                said |= {words.VERDICTS[a[2][0]] for a in words.answers(
                    stage, chan, 3, 5) if a[0] == words.IQ_DONE}
            else:
                assert stage.violations[before][0] == 'content'
            stage.channel('smtpd-in/ext.0')
        assert said == {'refused'}, said
        assert submit(stage, 'smtpd-in/int.0', [as_int[0]]) == ['accepted']
        # a client that is not listed is refused there, too
        assert submit(stage, 'smtpd-in/int.0', [foreign[0]]) == ['refused']
    chan_table.check_policy(
        'smtpd-in/ext', 'queued: mail to other domains, as an inside client, '
        'from our own domain', 'refused', 'queued/direction.c')
    chan_table.check_policy(
        'smtpd-in/int', 'queued: mail to any domain',
        'accepted: a listed inside host may, too', 'none')


# --- dird


def test_in_ext_asks_for_names(world):
    """A hundred thousand recipients as fast as it goes."""
    prepare()
    _, samples = chan_stage.contracts()
    sample = next(s.payload for s in samples if s.type == words.ID_RCPT)
    domain = sample[sample.index(b'\x0bexample.com'):]
    room = len(sample) - len(domain)
    asks = [(b'\x09u%08d' % n).ljust(room, b'\0') + domain
            for n in range(100000)]
    with chan_stage.Stage('dird', CONF) as stage:
        begun = time.monotonic()
        stage.start(handed('dird'))
        told = sum(data[0] != 3 for data, _ in
                   ask(stage, 'smtpd-in/ext.0', words.ID_RCPT, asks))
        took = time.monotonic() - begun
        # others get their answers all the while
        assert ask(stage, 'smtpd-in/int.0', words.ID_RCPT,
                   [sample])[0][0][0] == 1
    print('%d of 100000 in %.1f s' % (told, took))
    assert told <= 20000 + 10000 * took
    assert told < 100000
    chan_table.check_policy('smtpd-in/ext', 'dird: 100,000 names',
                            'at most 10,000 a second', 'dird/main.c '
                            'within_rate()')


# --- keyd


def test_keys_are_asked_for_anything(world):
    """A server's key for a client, a certificate request, raw bytes, the
    key of the other side; and as fast as it goes."""
    prepare()
    certs = [Cert(WORK + '/hostile', n, [n + '.test']) for n in ('e', 'i')]
    keys = words.key_set((1, 2), *certs)
    server, client = words.handshake(b'server'), words.handshake(b'client')
    with chan_stage.Stage('keyd', CONF) as stage:
        stage.start([(CHILD_FD_KEYS, 1, keys)])

        def signed(sender, *payloads):
            return [words.SIGNED[d[0]] for d, _ in
                    ask(stage, sender, words.SK_SIGN, payloads)]
        ext, inside = 'smtpd-in/ext.0', 'smtpd-in/int.0'
        assert signed(ext, words.sign(server)) == ['signed']  # the control
        assert signed(inside, words.sign(server, 1)) == ['signed']
        assert set(signed(
            ext, words.sign(client), words.sign(server, 1),
            words.sign(server[1:]), words.sign(server + b'x'),
            words.sign(b'\x30\x82\x01\x00' + bytes(256)),
            words.sign(bytes(32)), words.sign(bytes(65536)),
            words.sign(server, 0, 0x0804), words.sign(server, 0, 0xffff),
            words.sign(server.replace(b'server', b'SERVER')),
        )) == {'refused'}
        assert signed(inside, words.sign(server)) == ['refused']
        assert set(signed('smtpd-out/ext.0', words.sign(server),
                          words.sign(client))) == {'refused'}
        begun = time.monotonic()
        flood = signed(ext, *[words.sign(server)] * 20000)
        took = time.monotonic() - begun
        assert flood.count('signed') <= 8000 + 4000 * took
        begun = time.monotonic()
        assert signed(inside, words.sign(server, 1)) == ['signed']
        print('flood: %d signed in %.1f s; the next for another: %.4f s' % (
            flood.count('signed'), took, time.monotonic() - begun))
    chan_table.check_policy(
        'smtpd-in/ext', 'keyd: a client\'s handshake, requests, raw bytes, '
        'other schemes, the key of int', 'refused', 'keyd/keys.c keys_sign(), '
        'block.c')
    chan_table.check_policy('smtpd-in/ext', 'keyd: floods',
                            'at most 4,000 a second; others are served',
                            'keyd/asker.c within_rate()')
    chan_table.check_policy('smtpd-out/ext', 'keyd: a server\'s handshake',
                            'refused', 'keyd/keys.c keys_sign()')
