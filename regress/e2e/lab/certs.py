# SPDX-License-Identifier: ISC
"""Certificates for the tests, made by openssl on the spot."""
import os
import re
import subprocess


class Cert:
    """A self-signed certificate and its key, as files."""

    def __init__(self, directory, stem, names, kind='ec', days=90):
        os.makedirs(directory, exist_ok=True)
        self.path = '%s/%s.pem' % (directory, stem)
        self.key = '%s/%s.key' % (directory, stem)
        self.names, self.kind = names, kind
        self.make(days)

    def make(self, days=90):
        """Make it (anew): other key, other serial."""
        kind = ['-newkey', 'rsa:2048'] if self.kind == 'rsa' else [
            '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
        subprocess.run(
            ['openssl', 'req', '-x509', '-nodes', '-days', str(days),
             '-subj', '/CN=' + self.names[0], '-addext', 'subjectAltName='
             + ','.join('DNS:' + n for n in self.names),
             '-keyout', self.key + '.new', '-out', self.path + '.new']
            + kind, check=True, capture_output=True)
        os.chmod(self.key + '.new', 0o600)
        os.rename(self.key + '.new', self.key)
        os.rename(self.path + '.new', self.path)

    def expire(self):
        """The same key and names, good for the year 2020 only."""
        stem = self.path[:-4]
        with open(stem + '.cnf', 'w') as f:
            f.write('[ca]\ndefault_ca=c\n[c]\ndatabase=%s.db\n'
                    'new_certs_dir=%s\nrand_serial=yes\n'
                    'default_md=sha256\npolicy=p\n[p]\n'
                    'commonName=optional\n[x]\nsubjectAltName=%s\n'
                    % (stem, os.path.dirname(stem),
                       ','.join('DNS:' + n for n in self.names)))
        open(stem + '.db', 'w').close()
        subprocess.run(
            ['openssl', 'req', '-new', '-key', self.key, '-subj',
             '/CN=' + self.names[0], '-out', stem + '.csr'],
            check=True, capture_output=True)
        subprocess.run(
            ['openssl', 'ca', '-batch', '-config', stem + '.cnf',
             '-selfsign', '-keyfile', self.key, '-in', stem + '.csr',
             '-startdate', '20200101000000Z', '-enddate', '20210101000000Z',
             '-extensions', 'x', '-notext', '-out', self.path],
            check=True, capture_output=True)
        return self

    @property
    def statement(self):
        return 'tls certificate "%s" key "%s"' % (self.path, self.key)

    @property
    def der(self):
        return subprocess.run(
            ['openssl', 'x509', '-in', self.path, '-outform', 'DER'],
            check=True, capture_output=True).stdout

    @property
    def fingerprint(self):
        out = subprocess.run(
            ['openssl', 'x509', '-in', self.path, '-noout', '-fingerprint',
             '-sha256'], check=True, capture_output=True, text=True).stdout
        return out.split('=')[1].strip()

    def secrets(self):
        """The numbers that nobody but keyd may have, as big-endian bytes."""
        text = subprocess.run(
            ['openssl', 'pkey', '-in', self.key, '-noout', '-text'],
            check=True, capture_output=True, text=True).stdout
        wanted = ('priv',) if self.kind == 'ec' else (
            'privateExponent', 'prime1', 'prime2', 'exponent1', 'exponent2',
            'coefficient')
        found = {}
        for name in wanted:
            digits = re.search(r'^%s:\n((?:    [0-9a-f:]+\n)+)' % name, text,
                               re.M)[1]
            number = bytes.fromhex(re.sub(r'[^0-9a-f]', '', digits))
            found[name] = number.lstrip(b'\0')
        return found
