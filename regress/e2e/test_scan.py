# SPDX-License-Identifier: ISC
"""What two scanners of TLS servers, sslscan and testssl.sh, say of both
listeners: nothing above "low", but for the tests' own certificate."""
import json
import os
import re
import subprocess
import xml.etree.ElementTree as xml

import pytest

from lab.certs import Cert
from lab.gateway import QUICK, Gateway, conf
from lab.inside import WORK
from lab.world import GW_EXT, GW_INT, HOST_A

SCAN = WORK + '/scan'
# A self-signed certificate without a place to ask for its revocation is the
# tests', not the server's.
CERTIFICATE = re.compile(r'^(cert_|DNS_CAArecord|certificate_transparency)')
SOUND = ('OK', 'INFO', 'LOW')
# said of the scanner itself: Debian's openssl has no GOST, and it may hang up
# before the ticket is there (test_tls.py resumes sessions)
SCANNER = {'engine_problem', 'sessionresumption_ticket', 'sessionresumption_ID'}


@pytest.fixture(scope='module')
def sides(world):
    ec = Cert(SCAN, 'ec', ['gw.example.com'])
    rsa = Cert(SCAN, 'rsa', ['gw.example.com'], 'rsa')
    inside = Cert(SCAN, 'inside', ['gw.corp.example.com'])
    text = conf(top=QUICK, ext='%s\n%s\n' % (ec.statement, rsa.statement),
                inside=inside.statement + '\n')
    with Gateway(world, text):
        yield {'ext': (world.inet, GW_EXT), 'int': (world.intra, GW_INT)}


@pytest.mark.parametrize('side', ('ext', 'int'))
def test_sslscan(sides, side):
    ns, address = sides[side]
    done = ns.run(['sslscan', '--starttls-smtp', '--xml=-', '--no-colour',
                   '--show-certificate', address + ':25'],
                  capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    test = xml.fromstring(done.stdout).find('ssltest')
    assert test is not None, done.stdout
    enabled = {'%(type)s%(version)s' % p.attrib: p.attrib['enabled']
               for p in test.findall('protocol')}
    assert enabled == {'ssl2': '0', 'ssl3': '0', 'tls1.0': '0', 'tls1.1': '0',
                       'tls1.2': '1', 'tls1.3': '1'}, enabled
    ciphers = [c.attrib for c in test.findall('cipher')]
    assert len(ciphers) >= 4, done.stdout
    for c in ciphers:
        assert c['sslversion'] in ('TLSv1.2', 'TLSv1.3'), c
        assert c['strength'] in ('strong', 'acceptable'), c
        assert int(c['bits']) >= 128, c
        assert re.match('TLS_|ECDHE-', c['cipher']), c
    assert test.find('renegotiation').attrib['supported'] == '0', done.stdout
    assert all(h.attrib['vulnerable'] == '0'
               for h in test.findall('heartbleed')), done.stdout


def run_testssl(ns, address):
    result = '%s/%s.json' % (SCAN, address)
    if os.path.exists(result):
        os.unlink(result)
    done = ns.run(['testssl', '--starttls', 'smtp', '--quiet', '--warnings',
                   'off', '--color', '0', '--nodns', 'none',
                   '--openssl', '/usr/bin/openssl', '-p', '-s', '-f', '-P',
                   '-S', '-U', '--jsonfile', result, address + ':25'],
                  capture_output=True, text=True, timeout=580, check=False,
                  stdin=subprocess.DEVNULL,
                  env=dict(os.environ, TERM='dumb', HOME=SCAN))
    assert os.path.exists(result), done.stdout + done.stderr
    with open(result) as f:
        return {x['id']: x for x in json.load(f)}, done.stdout


@pytest.mark.parametrize('side', ('ext', 'int'))
def test_testssl(sides, side):
    found, output = run_testssl(*sides[side])
    for version in ('SSLv2', 'SSLv3', 'TLS1', 'TLS1_1'):
        assert 'not offered' in found[version]['finding'], output
    assert found['TLS1_3']['finding'].startswith('offered'), output
    for check in ('heartbleed', 'CCS', 'ROBOT',
                  'secure_renego', 'secure_client_renego', 'POODLE_SSL',
                  'fallback_SCSV', 'SWEET32', 'FREAK', 'DROWN', 'CRIME_TLS',
                  'LOGJAM', 'BEAST', 'LUCKY13', 'RC4', 'PFS'):
        assert check in found, (check, sorted(found))
    above = {i: (x['severity'], x['finding']) for i, x in found.items()
             if x['severity'] not in SOUND and i not in SCANNER and
             not CERTIFICATE.match(i)}
    assert not above, above
