# SPDX-License-Identifier: ISC
"""TLS towards servers: what is asked of them, good and bad certificates, old
versions, injected octets, certificates of our own, keyd stopped."""
import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from lab.certs import Cert
from lab.flows import USER, inside, send_out
from lab.gateway import Gateway, conf
from lab.inside import WORK
from lab.postfix import Postfix
from lab.proc import wait_until
from lab.smtp import EXTENSIONS, Behaviour, Sink, mail_text
from lab.world import HOST_A
from test_tls import holds

TLS = WORK + '/tls-out'
# Retries come fast enough to be seen, and seldom enough not to be in the way.
RETRY = 'retry { 2s }\n'


@pytest.fixture(scope='module')
def certs():
    names = ['mx.partner.test', 'smart.partner.test']
    return {
        'good': Cert(TLS, 'good', names),
        'wild': Cert(TLS, 'wild', ['*.partner.test']),
        'unknown': Cert(TLS, 'unknown', names),
        'other': Cert(TLS, 'other', ['other.test']),
        'expired': Cert(TLS, 'expired', names).expire(),
        'ours': Cert(TLS, 'ours', ['gw.example.com']),
        'ours-rsa': Cert(TLS, 'ours-rsa', ['gw.example.com'], 'rsa'),
    }


@pytest.fixture(scope='module')
def trust(certs):
    """A bundle of authorities; 'unknown' is of none of them."""
    path = TLS + '/trust.pem'
    with open(path, 'w') as bundle:
        for name in ('good', 'wild', 'other', 'expired'):
            with open(certs[name].path) as f:
                bundle.write(f.read())
    return 'tls trust "%s"' % path


def server(cert, version=None, ask=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.path, cert.key)
    if version:
        context.minimum_version = context.maximum_version = version
        context.set_ciphers('ALL:@SECLEVEL=0')
    if ask:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ask.path)
    return context


def block(pattern, via, *statements):
    return '"%s" via %s { %s }' % (pattern, via, ' '.join(statements))


@contextlib.contextmanager
def partner(world, trust, statements, behaviour, name='smart.partner.test',
            extra=()):
    """A gateway whose mail for p.test goes to a smarthost that behaves."""
    address = world.address()
    world.dns.put(name, 'A ' + address)
    world.dns.publish()
    connectors = (block('p.test', 'smarthost "%s"' % name, *statements),
                  *extra, '"*" via dns')
    with Sink(world.inet, address, behaviour=behaviour) as s, \
            Gateway(world, conf(ext=trust + '\n', top=RETRY,
                                connectors=connectors)) as gw:
        yield gw, s


def deliver(world, gw, to='u@p.test'):
    """Send one; the line of its first outcome."""
    token = world.token()
    mark = gw.mark()
    send_out(world, token, to)
    return token, gw.wait_log(30, mark, event='delivery', to=to)[0]


# --- every level, every kind of server

FP = 'tls fingerprint "sha256 %s"'
OK, PLAIN = 'sent', 'plain'
V11, V12 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2

LEVELS = [
    # what is stated, certificate, version, what comes of it
    ('tls none', 'good', None, PLAIN),
    ('tls opportunistic', 'good', None, OK),
    ('tls opportunistic', 'good', V12, OK),
    ('tls opportunistic', 'unknown', None, OK),
    ('tls opportunistic', 'expired', None, OK),
    ('tls opportunistic', 'good', V11, PLAIN),
    ('tls require', 'unknown', None, OK),
    ('tls require', 'good', V11, 'tls-failed'),
    ('tls require', None, None, 'tls-needed'),
    ('tls verify', 'good', None, OK),
    ('tls verify', 'wild', None, OK),
    ('tls verify', 'unknown', None, 'tls-unverified'),
    ('tls verify', 'other', None, 'tls-unverified'),
    ('tls verify', 'expired', None, 'tls-unverified'),
    ('tls verify', 'good', V11, 'tls-failed'),
    ('tls verify', None, None, 'tls-needed'),
    ('tls verify "other.test"', 'other', None, OK),
    ('tls verify { "none.test", "*.partner.test" }', 'good', None, OK),
    ('tls verify "none.test"', 'good', None, 'tls-unverified'),
    ('@print', 'good', None, OK),
    ('@print', 'other', None, 'tls-unverified'),
    ('@print', None, None, 'tls-needed'),
]


def test_levels(world, certs, trust):
    """One gateway, a connector and a server for each row."""
    sinks, connectors = [], []
    for n, (statement, cert, version, _) in enumerate(LEVELS):
        statement = statement.replace('@print', FP % certs['good'].fingerprint)
        if statement == 'tls verify':
            statement += ' "mx.partner.test"'
        address = world.address()
        context = server(certs[cert], version) if cert else None
        sinks.append(Sink(world.inet, address,
                          behaviour=Behaviour(tls=context)))
        connectors.append(block('c%d.test' % n, 'smarthost ' + address,
                                statement))
    with Gateway(world, conf(ext=trust + '\n', top=RETRY,
                             connectors=connectors + ['"*" via dns'])) as gw:
        tokens = [world.token() for _ in LEVELS]
        for n, token in enumerate(tokens):
            send_out(world, token, 'u@c%d.test' % n)
        for n, (statement, cert, version, want) in enumerate(LEVELS):
            row = '%s, %s, %s' % (statement, cert, version)
            line = gw.wait_log(event='delivery', to='u@c%d.test' % n)[0]
            if want in (OK, PLAIN):
                assert line['status'] == 'sent', (row, line.text)
                message, = sinks[n].find(tokens[n])
                assert bool(message.session.secure) == (want == OK), row
                assert line['tls'].startswith(
                    'TLSv1' if want == OK else 'none: '), (row, line.text)
            else:
                assert line['status'] == 'deferred', (row, line.text)
                assert line['reason'] == want, (row, line.text)
                assert not sinks[n].messages.since(), row
        stats = gw.postern('stats').stdout
        assert re.search(r'smtp_client_tls_fallback_total[^\n]* 1\b', stats)
        verified = {n: gw.log(event='delivery', to='u@c%d.test' % n)[0]['tls']
                    for n, row in enumerate(LEVELS) if row[3] == OK}
        for n, text in verified.items():
            statement, cert = LEVELS[n][:2]
            if cert == 'expired':
                assert 'verified ok' not in text, text
            elif statement.startswith(('tls verify', '@')):
                assert 'verified ok' in text, text
            assert text.endswith(' wanted'), text
    for s in sinks:
        s.close()


def test_name_of_the_host(world, certs, trust):
    """Without names: the host's, as the configuration has it."""
    for cert, want in (('good', 'sent'), ('other', 'deferred')):
        with partner(world, trust, ['tls verify'],
                     Behaviour(tls=server(certs[cert]))) as (gw, s):
            token, line = deliver(world, gw)
            assert line['status'] == want, line.text
            if want == 'sent':
                message, = s.wait(token)
                assert message.session.secure == 'TLSv1.3'
                assert 'verified ok, verify wanted' in line['tls']


def test_name_that_dns_gave(world, certs, trust):
    """Of an MX: only if it lies in the domain that was asked for."""
    address = world.address()
    world.dns.put('partner.test', 'MX 10 mx.partner.test.')
    world.dns.put('mx.partner.test', 'A ' + address)
    world.dns.put('elsewhere.test', 'MX 10 mx.partner.test.')
    world.dns.publish()
    connectors = (block('partner.test', 'dns', 'tls verify'),
                  block('elsewhere.test', 'dns', 'tls verify'), '"*" via dns')
    with Sink(world.inet, address,
              behaviour=Behaviour(tls=server(certs['good']))), \
            Gateway(world, conf(ext=trust + '\n', top=RETRY,
                                connectors=connectors)) as gw:
        assert deliver(world, gw, 'u@partner.test')[1]['status'] == 'sent'
        line = deliver(world, gw, 'u@elsewhere.test')[1]
        assert line['reason'] == 'tls-unverified', line.text
        assert 'for another name' in line['reply'], line.text
        why, = gw.json('queue', 'why', line['id'])
        assert 'for another name' in str(why), why


def test_policies_share_no_connection(world, certs, trust):
    """The same host, asked for different things, is connected to twice."""
    address = world.address()
    via = 'smarthost %s' % address
    connectors = (block('a.test', via, 'tls none'),
                  block('b.test', via, 'tls require'),
                  block('c.test', via, 'tls require'), '"*" via dns')
    with Sink(world.inet, address,
              behaviour=Behaviour(tls=server(certs['unknown']))) as s, \
            Gateway(world, conf(top=RETRY, connectors=connectors)) as gw:
        for name in ('a', 'b', 'c', 'a', 'b', 'c'):
            token, line = deliver(world, gw, 'u@%s.test' % name)
            assert line['status'] == 'sent', line.text
            message, = s.wait(token)
            assert bool(message.session.secure) == (name != 'a')
            assert line['tls'].startswith('TLSv1.3' if name != 'a' else
                                          'none: not wanted'), line.text


# --- STARTTLS goes wrong

def test_refused(world, certs, trust):
    """454: opportunistic goes on in the same session, require does not."""
    how = Behaviour(tls=server(certs['good']),
                    replies={'starttls': '454 4.7.0 not now'})
    with partner(world, trust, ['tls opportunistic'], how) as (gw, s):
        token, line = deliver(world, gw)
        message, = s.wait(token)
        assert line['tls'] == 'none: refused', line.text
        assert 'STARTTLS' in message.session.commands
    with partner(world, trust, ['tls require'], how) as (gw, s):
        assert deliver(world, gw)[1]['reason'] == 'tls-needed'
        assert not s.messages.since()


@pytest.mark.parametrize('statement', ('tls opportunistic', 'tls verify'))
def test_injection(world, certs, trust, statement):
    """Octets behind the 220: nothing is sent, in TLS or in the clear."""
    how = Behaviour(tls=server(certs['good']), replies={
        'starttls': ['220 go\r\n250-evil\r\n250 SIZE 1', '220 go']})
    with partner(world, trust, [statement], how) as (gw, s):
        token, line = deliver(world, gw)
        assert (line['status'], line['reason']) == (
            'deferred', 'tls-injection'), line.text
        assert gw.log(event='tls-injection')[0]['host'] == \
            'smart.partner.test'
        # not injected the next time
        message, = s.wait(token)
        assert message.session.secure
        assert not any(c.startswith('MAIL') for c in s.sessions[0].commands)


def test_fallback_is_another_connection(world, certs, trust):
    """After a failed handshake nothing goes over the same connection."""
    how = Behaviour(tls=server(certs['good'], V11))
    with partner(world, trust, ['tls opportunistic'], how) as (gw, s):
        token, line = deliver(world, gw)
        message, = s.wait(token)
        assert len(s.sessions) == 2
        assert s.sessions[0].commands[-1] == 'STARTTLS'
        assert 'STARTTLS' not in message.session.commands
        assert line['tls'] == 'none: the handshake failed before', line.text
        assert gw.log(event='tls-failed')


def test_what_was_offered_before_is_forgotten(world, certs, trust):
    how = Behaviour(tls=server(certs['good']),
                    extensions=EXTENSIONS + ('DSN', 'CHUNKING'),
                    secure_extensions=('8BITMIME',))
    with partner(world, trust, ['tls require'], how) as (gw, s):
        token, _ = deliver(world, gw)
        message, = s.wait(token)
        commands = message.session.commands
        assert sum(c.startswith('EHLO') for c in commands) == 2
        assert message.params == '', message.params
        assert 'DATA' in commands


# --- real servers

def test_postfix_as_server(world, certs, trust):
    address = world.address()
    world.inet.ip('addr add %s/32 dev lo' % address)
    world.dns.put('smart.partner.test', 'A ' + address)
    world.dns.publish()
    peer = Postfix(world.inet, world.peers, WORK + '/tls-out-postfix', address,
                   'smart.partner.test', ['p.test'],
                   smtpd_tls_security_level='encrypt',
                   smtpd_tls_cert_file=certs['good'].path,
                   smtpd_tls_key_file=certs['good'].key,
                   smtpd_tls_received_header='yes')
    peer.start()
    try:
        connectors = (block('p.test', 'smarthost "smart.partner.test"',
                            'tls verify'), '"*" via dns')
        with Gateway(world, conf(ext=trust + '\n', top=RETRY,
                                 connectors=connectors)) as gw:
            for _ in range(3):
                token, line = deliver(world, gw)
                assert line['status'] == 'sent', line.text
                assert 'verified ok' in line['tls'], line.text
                mail, = peer.wait_mail(token)
                assert 'TLSv1.3' in mail.received[0], mail.received
    finally:
        peer.stop()


class OpensslServer:
    """openssl s_server in the place of an SSLContext: what the client says
    comes out of its stdout, what it is told goes into its stdin."""

    def __init__(self, ns, address, *options):
        self.ns, self.address, self.options = ns, address, options
        self.port = 2500

    def wrap_socket(self, plain, server_side):
        assert server_side
        self.port += 1
        return OpensslConnection(self, plain)


class OpensslConnection:
    def __init__(self, how, plain):
        self.process = subprocess.Popen(
            how.ns.command(['openssl', 's_server', '-quiet', '-naccept', '1',
                            '-accept', '%s:%d' % (how.address, how.port),
                            *how.options]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.wire = wait_until('s_server', lambda: self.reach(how))
        for a, b in ((plain, self.wire), (self.wire, plain)):
            threading.Thread(target=self.pump, args=(a, b),
                             daemon=True).start()

    @staticmethod
    def reach(how):
        with contextlib.suppress(OSError):
            return how.ns.connect(how.address, how.port, None, 5)

    @staticmethod
    def pump(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)

    def version(self):
        return 'openssl'

    def recv(self, size):
        return self.process.stdout.read(size)

    def sendall(self, data):
        self.process.stdin.write(data)

    def shutdown(self, how):
        self.process.terminate()

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.wire.close()


SERVERS = [
    (('-tls1_3',), 'TLSv1.3'),
    (('-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305'), 'TLSv1.2'),
    (('-tls1_3', '-groups', 'P-384'), 'TLSv1.3'),  # a second ClientHello
    (('-tls1_3', '-Verify', '3'), 'TLSv1.3'),
    (('-tls1_2', '-Verify', '3'), 'TLSv1.2'),
]


def test_openssl_as_server(world, certs, trust):
    """s_server: versions, ciphers, groups, asking for a certificate."""
    for options, version in SERVERS:
        address = world.address()
        world.inet.ip('addr add %s/32 dev lo' % address)
        tls = OpensslServer(world.inet, address, '-cert', certs['good'].path,
                            '-key', certs['good'].key, *options)
        with partner(world, trust, ['tls verify', certs['ours'].statement],
                     Behaviour(tls=tls)) as (gw, s):
            token, line = deliver(world, gw)
            assert line['status'] == 'sent', (options, line.text)
            assert line['tls'].startswith(version + ' '), line.text
            assert 'verified ok' in line['tls'], line.text
            s.wait(token)


# --- a certificate of ours, whose key keyd has

def test_client_certificate(world, certs, trust):
    """Shown to a server that asks, by TLS 1.2 and 1.3, RSA and ECDSA."""
    for name in ('ours', 'ours-rsa'):
        for version in (V12, None):
            context = server(certs['good'], None, certs[name])
            if version:
                context.maximum_version = version
            with partner(world, trust, ['tls require', certs[name].statement],
                         Behaviour(tls=context)) as (gw, s):
                token, line = deliver(world, gw)
                assert line['status'] == 'sent', line.text
                message, = s.wait(token)
                assert message.session.s.getpeercert(True) == certs[name].der
                assert not gw.log(event='key-refused')


def test_client_certificate_inside(world, certs, trust):
    """Of a domain: towards the inside host that its mail goes to."""
    address = '10.0.0.61'
    world.intra.ip('addr add %s/32 dev lo' % address)
    context = server(certs['good'], None, certs['ours'])
    text = conf(top=RETRY, inside=trust + '\n').replace(
        'deliver to host "mail.corp.example.com"',
        'deliver to host %s\n\ttls verify "mx.partner.test"\n\t%s' % (
            address, certs['ours'].statement))
    with Sink(world.intra, address, behaviour=Behaviour(tls=context)) as s, \
            Gateway(world, text) as gw:
        token, line = deliver(world, gw, USER)
        assert line['status'] == 'sent', line.text
        assert 'verified ok, verify wanted' in line['tls']
        message, = s.wait(token)
        assert message.session.s.getpeercert(True) == certs['ours'].der


def test_keyd_stopped(world, certs, trust):
    """A handshake that waits for keyd holds up nobody else."""
    free = world.domain('MX 10 mx.@', hosts={'mx': world.address()})
    address = world.address()
    world.dns.put('mx.' + free, 'A ' + address)
    world.dns.publish()
    context = server(certs['good'], None, certs['ours'])
    with Sink(world.inet, address) as other, \
            partner(world, trust, ['tls require', certs['ours'].statement],
                    Behaviour(tls=context)) as (gw, s):
        pid = gw.pids('keyd')[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            token = world.token()
            mark = gw.mark()
            send_out(world, token, 'u@p.test')
            wait_until('a handshake', lambda: any(
                x.commands and x.commands[-1] == 'STARTTLS'
                for x in s.sessions))
            for _ in range(5):
                passes = world.token()
                send_out(world, passes, 'u@' + free)
                other.wait(passes)
            line = gw.wait_log(30, mark, event='delivery', to='u@p.test')[0]
            assert line['reason'] == 'tls-down', line.text
            assert not s.messages.since()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        s.wait(token)


def test_key_is_in_keyd_only(world, certs, trust):
    """No byte sequence of the client's key in those who use it."""
    context = server(certs['good'], None, certs['ours-rsa'])
    with partner(world, trust, ['tls require', certs['ours-rsa'].statement],
                 Behaviour(tls=context)) as (gw, s):
        token, _ = deliver(world, gw)
        s.wait(token)
        secrets = certs['ours-rsa'].secrets()
        assert len(secrets) == 6
        for role in ('out-ext', 'out-int', 'queued', 'in-ext', 'in-int'):
            for pid in gw.pids(role):
                assert holds(pid, secrets) == set(), role
        assert holds(gw.pid, secrets) == set(), 'posternd'
        assert holds(gw.pids('keyd')[0], secrets) == set(secrets)


def test_reload(world, certs, trust):
    """Another statement holds for what is sent from then on."""
    with partner(world, trust, ['tls none'],
                 Behaviour(tls=server(certs['unknown']))) as (gw, s):
        text = gw.conf
        token, line = deliver(world, gw)
        assert line['tls'] == 'none: not wanted'
        for new, want in (('tls require', 'sent'),
                          ('tls verify', 'deferred')):
            assert gw.reload(text.replace('tls none', new))['result'] == 'ok'
            token, line = deliver(world, gw)
            assert line['status'] == want, line.text


# --- RFC 8689

def test_requiretls(world, certs, trust):
    """Only over verified TLS, to a server that takes it over."""
    knows = EXTENSIONS + ('REQUIRETLS',)
    for statement, cert, offers, want in (
            ('tls verify', 'good', knows, 'sent'),
            ('tls opportunistic', 'good', knows, 'sent'),
            ('tls opportunistic', 'unknown', knows, 'bounced'),
            ('tls verify', 'good', EXTENSIONS, 'bounced')):
        how = Behaviour(tls=server(certs[cert]), secure_extensions=offers)
        with partner(world, trust + '\n', [statement], how) as (gw, s):
            gw.reload(gw.conf.replace('internal {', 'internal {\n\t%s'
                                      % certs['ours'].statement))
            token = world.token()
            mark = gw.mark()
            with inside(world, HOST_A) as c:
                c.starttls()
                c.ehlo()
                c.expect(250, 'MAIL FROM:<%s> REQUIRETLS' % USER)
                c.expect(250, 'RCPT TO:<u@p.test>')
                assert c.data(mail_text(token)).code == 250
            line = gw.wait_log(30, mark, event='delivery', to='u@p.test')[0]
            assert line['status'] == want, line.text
            if want == 'sent':
                message, = s.wait(token)
                assert 'REQUIRETLS' in message.params.split()
            else:
                assert line['dsn'] == '5.7.30', line.text
                assert not s.messages.since()
