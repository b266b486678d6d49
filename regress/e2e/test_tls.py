# SPDX-License-Identifier: ISC
"""TLS on both sides, with the keys in keyd: versions, kinds of keys, names,
tickets, who must use it, renewed certificates, and keyd stopped and killed."""
import contextlib
import os
import re
import signal
import smtplib
import ssl
import subprocess
import threading

import pytest

from lab import san
from lab.certs import Cert
from lab.flows import OUTSIDER, USER, send_in
from lab.gateway import QUICK, Gateway, conf
from lab.inside import WORK
from lab.postfix import Postfix
from lab.proc import wait_until
from lab.smtp import Client, mail_text, unverified
from lab.world import GW_EXT, GW_INT, HOST_A, HOST_B

TLS = WORK + '/tls'


@pytest.fixture(scope='module')
def certs():
    return {
        'ec': Cert(TLS, 'ec', ['gw.example.com', 'mail.example.com']),
        'rsa': Cert(TLS, 'rsa', ['gw.example.com'], 'rsa'),
        'other': Cert(TLS, 'other', ['other.example.net']),
        'inside': Cert(TLS, 'inside', ['gw.corp.example.com']),
        'client': Cert(TLS, 'client', ['client.corp.example.com']),
    }


def text(certs, ext='', inside='', names=('ec', 'rsa', 'other'), top='', **kw):
    statements = '\n'.join(certs[n].statement for n in names)
    return conf(top=QUICK + top,
                ext=statements + '\n' + ext + '\n',
                inside=certs['inside'].statement + '\n' + inside + '\n', **kw)


@pytest.fixture
def tls(world, certs):
    with Gateway(world, text(certs)) as gw:
        yield gw


def session(world, address=GW_EXT, source=None, **kw):
    client = Client(world.inet if address == GW_EXT else world.intra, address,
                    source=source or (None if address == GW_EXT else HOST_A),
                    **kw)
    assert client.greeting.code == 220, client.greeting
    return client


def openssl(world, *options, address=GW_EXT, say='QUIT\n'):
    """openssl s_client: what it prints."""
    ns = world.inet if address == GW_EXT else world.intra
    done = ns.run(['openssl', 's_client', '-starttls', 'smtp', '-connect',
                   address + ':25', '-crlf', '-ign_eof', *options],
                  input=say, capture_output=True, text=True, timeout=60,
                  check=False)
    assert 'CONNECTED' in done.stdout, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- versions, kinds of keys, names

VERSIONS = [
    ('-tls1_3', 'ecdsa_secp256r1_sha256', 'TLSv1.3', 'ECDSA'),
    ('-tls1_3', 'rsa_pss_rsae_sha256', 'TLSv1.3', 'RSA-PSS'),
    ('-tls1_2', 'ECDSA+SHA256', 'TLSv1.2', 'ECDSA'),
    ('-tls1_2', 'RSA+SHA256', 'TLSv1.2', 'RSA'),
    ('-tls1_2', 'rsa_pss_rsae_sha384', 'TLSv1.2', 'RSA-PSS'),
]


def test_versions_and_kinds(world, tls):
    for option, algorithms, version, kind in VERSIONS:
        out = openssl(world, option, '-sigalgs', algorithms)
        assert 'New, %s, Cipher is' % version in out, out
        assert 'Peer signature type: %s\n' % kind in out, out
        assert '221 2.0.0' in out, out
    for option in ('-tls1_1', '-tls1'):
        out = openssl(world, option, '-cipher', 'DEFAULT@SECLEVEL=0')
        assert 'Cipher is (NONE)' in out, out
    lines = tls.log(event='tls')
    assert [line['version'] for line in lines] == [v[2] for v in VERSIONS]
    assert len(tls.log(event='tls-failed')) == 2


def test_names(world, tls, certs):
    for name, want in (('other.example.net', 'other'), ('gw.example.com', 'ec'),
                       ('mail.example.com', 'ec'), ('unknown.test', 'ec')):
        out = openssl(world, '-servername', name)
        subject = certs[want].names[0]
        assert 'subject=CN = %s\n' % subject in out, (name, out)
    with session(world, GW_INT) as c:
        c.ehlo()
        s = c.starttls()
        assert s.getpeercert(True) == certs['inside'].der


def test_mail_by_each_client(world, tls):
    """swaks, smtplib, Postfix; the Received field says how it came."""
    token = world.token()
    done = world.inet.run(
        ['swaks', '--tls', '--server', GW_EXT, '--from', OUTSIDER, '--to',
         USER, '--header', 'Subject: ' + token], capture_output=True,
        text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tokens = {token}
    token = world.token()
    tokens.add(token)
    world.inet.run(['python3', '-c', (
        'import smtplib, ssl\n'
        'c = smtplib.SMTP(%r)\n'
        'x = ssl.create_default_context(cafile=%r)\n'
        'x.check_hostname = False\n'
        'c.starttls(context=x)\n'
        'c.sendmail(%r, [%r], %r)\n'
        'c.quit()\n') % (GW_EXT, TLS + '/ec.pem', OUTSIDER, USER,
                         mail_text(token))], check=True, timeout=60)
    for token in tokens:
        mail = world.hosts['a'].wait_mail(token)[0]
        assert any(re.search(r'with ESMTPS \(TLSv1\.3 TLS_\w+\)', r)
                   for r in mail.received), mail.received


def test_postfix_as_client(world, tls):
    token, address = world.token(), world.address()
    world.inet.ip('addr replace %s/32 dev lo' % address)
    peer = Postfix(world.inet, world.peers, WORK + '/tls-postfix', address,
                   'mx.sender.test', ['sender.test'],
                   mynetworks='198.51.100.0/24',
                   smtp_tls_security_level='encrypt', smtp_tls_loglevel='1')
    peer.start()
    try:
        with Client(world.inet, peer.address) as c:
            c.ehlo()
            assert c.envelope(OUTSIDER, USER)[0].code == 250
            assert c.data(mail_text(token)).code == 250
        world.hosts['a'].wait_mail(token)
        clients = [line['client'].split(':')[0]
                   for line in tls.log(event='tls')]
        assert clients == [address], clients
    finally:
        peer.stop()


# --- what is dropped, what is required

def test_pipelined_after_starttls(world, tls):
    """What comes in one packet with STARTTLS is dropped and logged."""
    with session(world) as c:
        c.ehlo()
        c.send('STARTTLS\r\nMAIL FROM:<evil@sender.test>\r\n')
        assert c.reply().code == 220
        assert not c.buf
        c.s = unverified().wrap_socket(c.s, server_hostname='gw.example.com')
        assert c.cmd('RCPT TO:<%s>' % USER).code == 503
        c.ehlo()
        assert c.cmd('RCPT TO:<%s>' % USER).code == 503
    line = tls.wait_log(event='tls-pipelined')[0]
    assert int(line['bytes']) == len('MAIL FROM:<evil@sender.test>\r\n')


def test_required(world, certs):
    with Gateway(world, text(certs, ext='tls require from { 198.51.100.99 }',
                             inside='tls require')):
        with session(world, GW_INT) as c:
            c.ehlo()
            r = c.cmd('MAIL FROM:<%s>' % USER)
            assert (r.code, r.enhanced) == (530, '5.7.0')
            c.starttls()
            c.ehlo()
            c.expect(250, 'MAIL FROM:<%s>' % USER)
        # outside, only of one host
        with session(world) as c:
            c.ehlo()
            c.expect(250, 'MAIL FROM:<%s>' % OUTSIDER)
        world.inet.ip('addr add 198.51.100.99/32 dev lo')
        with session(world, source='198.51.100.99') as c:
            c.ehlo()
            assert c.cmd('MAIL FROM:<%s>' % OUTSIDER).code == 530


def test_off_and_without(world, certs):
    with Gateway(world, conf(ext=certs['ec'].statement + '\ntls off\n')):
        for address in (GW_EXT, GW_INT):
            with session(world, address) as c:
                assert 'STARTTLS' not in c.ehlo()
                assert c.cmd('STARTTLS').code == 502


def test_client_certificate(world, certs):
    """An unlisted host sends by its certificate, and only by a listed one."""
    accept = 'accept certificate "sha256 %s"' % certs['client'].fingerprint
    stranger = '10.0.0.77'
    world.intra.ip('addr add %s/32 dev lo' % stranger)
    with Gateway(world, text(certs, inside=accept)) as gw:
        for name, code in (('client', 250), ('other', 550), (None, 550)):
            context = unverified()
            if name:
                context.load_cert_chain(certs[name].path, certs[name].key)
            with session(world, GW_INT, stranger) as c:
                c.ehlo()
                assert c.cmd('MAIL FROM:<%s>' % USER).code == 530
                c.starttls(context)
                c.ehlo()
                r = c.cmd('MAIL FROM:<%s>' % USER)
                assert r.code == code, (name, r)
                if code != 250:
                    continue
                c.expect(250, 'RCPT TO:<%s>' % USER)
                token = world.token()
                assert c.data(mail_text(token)).code == 250
                world.hosts['a'].wait_mail(token)
        assert gw.log(event='tls', certificate=certs[
            'client'].fingerprint.replace(':', '').lower())


# --- tickets

def resumed(world, path, address=GW_EXT, save=False, version='-tls1_3'):
    out = openssl(world, version, '-sess_out' if save else '-sess_in', path,
                  address=address)
    return re.search(r'^(New|Reused), TLS', out, re.M)[1] == 'Reused'


def test_tickets(world, tls, certs):
    """Good for every worker of a side, also one that was replaced; worth
    nothing on the other side."""
    for version in ('-tls1_3', '-tls1_2'):
        path = '%s/session%s' % (TLS, version)
        assert not resumed(world, path, save=True, version=version)
        for _ in range(3):
            assert resumed(world, path, version=version)
        for pid in tls.pids('in-ext'):
            tls.kill('in-ext')
            tls.wait_replaced('in-ext', pid)
        send_in(world, world.token())
        assert resumed(world, path, version=version)
        wait_until('the inside to answer', lambda: not resumed(
            world, path, GW_INT, version=version))
    # not even one that has the same certificates
    tls.stop()
    with Gateway(world, conf(top=QUICK + certs['ec'].statement + '\n')) as gw:
        assert not resumed(world, path, save=True, version='-tls1_2')
        assert resumed(world, path, version='-tls1_2')
        assert not resumed(world, path, GW_INT, version='-tls1_2')
        assert gw.log(event='tls', side='ext', resumed='yes')


# --- keyd

def test_keyd_stopped(world, tls):
    """Established sessions and plain mail go on; STARTTLS is put off."""
    with session(world) as c:
        c.ehlo()
        c.starttls()
        c.ehlo()
        with session(world) as begun:
            begun.ehlo()
            pid = tls.pids('keyd')[0]
            os.kill(pid, signal.SIGSTOP)
            try:
                with session(world) as other:
                    other.ehlo()
                    r = other.cmd('STARTTLS')
                    assert (r.code, r.enhanced) == (454, '4.7.0'), r
                    other.expect(250, 'NOOP')
                # meanwhile
                c.expect(250, 'NOOP')
                token = world.token()
                assert c.envelope(OUTSIDER, USER)[0].code == 250
                assert c.data(mail_text(token)).code == 250
                send_in(world, world.token())
                begun.expect(250, 'NOOP')
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            wait_until('STARTTLS', lambda: begun.cmd('STARTTLS').code == 220)
    wait_until('TLS', lambda: 'Cipher is TLS' in openssl(world))


def test_keyd_stopped_in_a_handshake(world, tls):
    """A handshake that waits fails at its deadline; others are served."""
    pid = tls.pids('keyd')[0]
    with session(world) as c, session(world) as plain:
        c.ehlo()
        plain.ehlo()
        c.expect(220, 'STARTTLS')
        os.kill(pid, signal.SIGSTOP)
        failed = []

        def shake():
            try:
                unverified().wrap_socket(c.s, server_hostname='x')
            except (ssl.SSLError, OSError) as e:
                failed.append(e)
        thread = threading.Thread(target=shake)
        try:
            thread.start()
            for _ in range(20):
                plain.expect(250, 'NOOP')
            thread.join(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        assert failed, 'the handshake went through'
        plain.expect(250, 'NOOP')
    assert tls.wait_log(event='tls-failed')


def test_keyd_killed(world, tls):
    with session(world) as c:
        c.ehlo()
        c.starttls()
        pid = tls.kill('keyd')
        tls.wait_replaced('keyd', pid)
        c.expect(250, 'EHLO still.here')
    wait_until('TLS', lambda: 'Cipher is TLS' in openssl(world))


# --- reload

def test_renewed_certificate(world, tls, certs):
    """A reload brings it; sessions that are open go on."""
    with session(world) as c, session(world) as clear:
        c.ehlo()
        clear.ehlo()
        c.starttls()
        c.ehlo()
        old = certs['ec'].der
        certs['ec'].make()
        assert certs['ec'].der != old
        assert tls.reload(tls.conf)['result'] == 'ok'
        assert c.envelope(OUTSIDER, USER)[0].code == 250
        token = world.token()
        assert c.data(mail_text(token)).code == 250
        world.hosts['a'].wait_mail(token)
        # one that began before, and asks for it after
        assert clear.starttls().getpeercert(True) == certs['ec'].der
        clear.ehlo()


def test_bad_certificate_is_refused(world, tls, certs):
    """The old one stays in force when the new one is no good."""
    good = tls.conf
    bad = good.replace(certs['ec'].key, certs['other'].key)
    assert bad != good
    mark = tls.mark()
    assert tls.reload(bad)['result'] == 'refused'
    assert any('belongs to another certificate' in line.text
               for line in tls.process.log.since(mark))
    with session(world) as c:
        c.ehlo()
        assert c.starttls().getpeercert(True) == certs['ec'].der


# --- where the keys are

SILENT = ('in-ext', 'in-int', 'queued', 'out-ext', 'out-int', 'dird', 'logd',
          'ctld', 'connd-ext', 'connd-int')


def memory(pid):
    """All that a process can read, as its core would hold it."""
    with open('/proc/%d/maps' % pid) as f:
        areas = [line.split() for line in f]
    with open('/proc/%d/mem' % pid, 'rb', 0) as f:
        for area in areas:
            if 'r' not in area[1] or area[-1] in ('[vvar]', '[vsyscall]'):
                continue
            start, end = (int(x, 16) for x in area[0].split('-'))
            if san.active() and end - start > 1 << 30:  # its shadow
                continue
            f.seek(start)
            with contextlib.suppress(OSError):
                yield f.read(end - start)


def holds(pid, secrets):
    """Names of the secrets in a process's memory, in either byte order."""
    found = set()
    for piece in memory(pid):
        for name, number in secrets.items():
            if number in piece or number[::-1] in piece:
                found.add(name)
    return found


def test_keys_are_in_keyd_only(world, tls, certs):
    """No byte sequence of a private key in the memory of another process."""
    for option, algorithms, *_ in VERSIONS:
        openssl(world, option, '-sigalgs', algorithms)
        openssl(world, option, address=GW_INT)
    send_in(world, world.token())
    secrets = {}
    for name in ('ec', 'rsa', 'inside'):
        for key, number in certs[name].secrets().items():
            secrets[name + ' ' + key] = number
            assert len(number) >= 31
    assert len(secrets) == 8
    looked = 0
    for role in SILENT:
        for pid in tls.pids(role):
            looked += 1
            assert holds(pid, secrets) == set(), role
    assert looked >= len(SILENT)
    assert holds(tls.pid, secrets) == set(), 'posternd'
    # the search finds what is there
    assert holds(tls.pids('keyd')[0], secrets) == set(secrets)


def test_audit_with_keys(world, tls):
    with session(world) as c:
        c.ehlo()
        c.starttls()
        c.ehlo()
        status, rows = tls.audit()
        assert status == 0, rows


def test_counters(world, tls):
    openssl(world)
    stats = tls.postern('stats').stdout
    assert re.search(r'tls_sessions_total\{?[^\n]* 1\b', stats), stats
    assert re.search(r'certificate_days_left[^\n]* 8[89]\b', stats), stats


# --- many

IDLE = int(os.environ.get('TLS_IDLE', '500'))
IDLE_MAX = 17 * 1024  # bytes each: 14.5 KiB are OpenSSL's


def resident(pids):
    """Private memory of processes, in bytes."""
    total = 0
    for pid in pids:
        with open('/proc/%d/smaps_rollup' % pid) as f:
            total += sum(int(line.split()[1]) * 1024 for line in f
                         if line.startswith(('Private_', 'Swap:')))
    return total


def test_idle_sessions(world, certs):
    """Held, in at most so much memory each, and mail still passes."""
    limits = ('limit sessions %d\nlimit sessions-per-address %d\n'
              % (IDLE + 100, IDLE + 100))
    with Gateway(world, text(certs, top=limits)) as gw, \
            contextlib.ExitStack() as stack:
        warm = [stack.enter_context(session(world)) for _ in range(40)]
        for c in warm:
            c.ehlo()
            c.starttls()
            c.ehlo()
        before = resident(gw.pids('in-ext'))
        idle = [stack.enter_context(session(world, timeout=120))
                for _ in range(IDLE)]
        context = unverified()
        for c in idle:
            c.ehlo()
            c.starttls(context)
            c.ehlo()
        each = (resident(gw.pids('in-ext')) - before) / IDLE
        print('idle TLS session: %d bytes' % each)
        assert each <= IDLE_MAX * san.MEMORY, each
        token = world.token()
        send_in(world, token)
        world.hosts['a'].wait_mail(token)
        for c in idle:
            c.expect(250, 'NOOP')
