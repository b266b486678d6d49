# SPDX-License-Identifier: ISC
"""Real Postfix instances, each with its own configuration and queue."""
import email
import email.policy
import glob
import grp
import os
import pwd
import re

from .netns import Namespace
from .peers import Peers
from .proc import Process, wait_until

MASTER_CF = '''
[%(address)s]:25 inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
'''

MAIN = {
    'compatibility_level': '3.6',
    'mail_owner': 'postfix',
    'setgid_group': 'postdrop',
    'import_environment': 'MAIL_CONFIG MAIL_LOGTAG TZ LANG=C '
                          'LD_LIBRARY_PATH=%(libraries)s',
    'maillog_file_prefixes': '/run',
    'mydestination': '',
    'alias_maps': '',
    'local_recipient_maps': '',
    'local_transport': 'error:nobody lives here',
    'virtual_transport': 'virtual',
    'virtual_uid_maps': 'static:%(uid)d',
    'virtual_gid_maps': 'static:%(gid)d',
    'virtual_mailbox_limit': '0',
    'mailbox_size_limit': '0',
    'message_size_limit': '60000000',
    'smtpd_recipient_limit': '2000',
    'smtpd_peername_lookup': 'no',
    'smtpd_relay_restrictions': 'permit_mynetworks, '
                                'reject_unauth_destination',
    'smtpd_client_connection_rate_limit': '0',
    'smtpd_client_connection_count_limit': '0',
    'in_flow_delay': '0',
    'queue_run_delay': '5s',
    'minimal_backoff_time': '5s',
    'maximal_backoff_time': '10s',
    'default_database_type': 'texthash',
    'default_cache_db_type': 'internal',
    'smtp_connection_cache_on_demand': 'no',
    'smtp_tls_security_level': 'none',
    'smtpd_tls_security_level': 'none',
    'append_dot_mydomain': 'no',
    'recipient_delimiter': '',
}

QUEUES = ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush',
          'hold', 'incoming', 'private', 'saved', 'trace')


class Postfix:
    """One instance at one address; mail for `domains` goes to Maildirs."""

    def __init__(self, ns: Namespace, peers: Peers, directory, address,
                 hostname, domains, **settings):
        self.ns, self.peers, self.dir = ns, peers, directory
        self.address, self.hostname = address, hostname
        self.domains, self.settings = list(domains), settings
        self.process, self._parsed = None, {}
        self._layout()
        self._configure()

    def _layout(self):
        owner = pwd.getpwnam('postfix').pw_uid
        drop = grp.getgrnam('postdrop').gr_gid
        vmail = pwd.getpwnam('vmail')
        for name in ('conf', 'queue', 'queue/pid', 'data', 'mail'):
            os.makedirs('%s/%s' % (self.dir, name))
        for name in QUEUES:
            path = '%s/queue/%s' % (self.dir, name)
            os.mkdir(path, 0o700)
            os.chown(path, owner, 0)
        for name, mode in (('maildrop', 0o1730), ('public', 0o2710)):
            path = '%s/queue/%s' % (self.dir, name)
            os.mkdir(path)
            os.chown(path, owner, drop)
            os.chmod(path, mode)
        os.chown(self.dir + '/data', owner, 0)
        os.chown(self.dir + '/mail', vmail.pw_uid, vmail.pw_gid)

    def _configure(self):
        vmail = pwd.getpwnam('vmail')
        main = dict(MAIN)
        main.update({
            'queue_directory': self.dir + '/queue',
            'data_directory': self.dir + '/data',
            'daemon_directory': self.peers.root + '/usr/lib/postfix/sbin',
            'command_directory': self.peers.root + '/usr/sbin',
            'shlib_directory': self.peers.root + '/usr/lib/postfix',
            'maillog_file': self.dir + '/maillog',
            'myhostname': self.hostname,
            'inet_interfaces': self.address,
            'inet_protocols': 'ipv6' if ':' in self.address else 'ipv4',
            'virtual_mailbox_domains': ' '.join(self.domains),
            'virtual_mailbox_base': self.dir + '/mail',
            'virtual_mailbox_maps': 'static:all/',
        })
        if ':' in self.address:
            main['smtp_bind_address6'] = self.address
        else:
            main['smtp_bind_address'] = self.address
        main.update(self.settings)
        values = {'libraries': self.peers.env['LD_LIBRARY_PATH'],
                  'uid': vmail.pw_uid, 'gid': vmail.pw_gid}
        with open(self.dir + '/conf/main.cf', 'w') as f:
            for key, value in main.items():
                if key in MAIN and value == MAIN[key]:
                    value %= values
                f.write('%s = %s\n' % (key, value))
        with open(self.dir + '/conf/master.cf', 'w') as f:
            f.write(MASTER_CF % {'address': self.address})

    def start(self):
        """Start it and wait for its port.

        ip netns exec gives it the resolv.conf of its own side.
        """
        self.process = Process(
            ['ip', 'netns', 'exec', self.ns.name,
             self.peers.path('usr/lib/postfix/sbin/master'),
             '-c', self.dir + '/conf', '-d'],
            env=dict(self.peers.env, MAIL_CONFIG=self.dir + '/conf'))
        wait_until('postfix at ' + self.address, self._answers)
        return self

    def _answers(self):
        if not self.process.running:
            raise RuntimeError('postfix at %s died: %s %s' % (
                self.address, self.process.log.since(), self.log()))
        try:
            with self.ns.connect(self.address, 25, timeout=5) as s:
                return s.recv(512).startswith(b'220')
        except OSError:
            return False

    def stop(self):
        return self.process.stop()

    def command(self, program, *args):
        return self.ns.run(
            [self.peers.path('usr/sbin/' + program), '-c',
             self.dir + '/conf'] + list(args), capture_output=True,
            text=True, env=dict(os.environ, **self.peers.env)).stdout

    def flush(self):
        """Try everything that is deferred now."""
        self.command('postqueue', '-f')

    def queue(self):
        """Queued messages as postqueue(1) prints them, one JSON a line."""
        return self.command('postqueue', '-j').splitlines()

    def log(self):
        try:
            with open(self.dir + '/maillog') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def mails(self, address=None):
        """Delivered messages, of one address or of all, in order."""
        paths = glob.glob(self.dir + '/mail/all/new/*')
        mails = [self._mail(p) for p in sorted(paths)]
        return [m for m in mails
                if address in (None, m['X-Original-To'])]

    def _mail(self, path):
        if path not in self._parsed:
            self._parsed[path] = parse_mail(path)
        return self._parsed[path]

    def wait_mail(self, token, address=None, timeout=30, count=1):
        """The messages that hold token, once there are `count` of them."""
        def found():
            hits = [m for m in self.mails(address) if token in m.raw]
            return hits if len(hits) >= count else None
        token = token.encode() if isinstance(token, str) else token
        try:
            return wait_until('mail %r at %s' % (token, self.address), found,
                              timeout)
        except AssertionError as e:
            raise AssertionError('%s\n%s' % (e, self.log()[-2000:])) from None

    def has(self, token, address=None):
        return any(token.encode() in m.raw for m in self.mails(address))


def parse_mail(path):
    with open(path, 'rb') as f:
        raw = f.read()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    mail.raw, mail.path = raw, path
    mail.received = [re.sub(r'\s+', ' ', str(h))
                     for h in mail.get_all('Received', [])]
    return mail
