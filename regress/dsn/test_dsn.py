# SPDX-License-Identifier: ISC
"""The texts of notifications, read by the email package of Python."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'regress/e2e'))
from lab.dsn import Notification  # noqa: E402

BUILD = ROOT / os.environ.get('O', 'build') / 'regress/dsn/dsn_build'
FAILED, DELAYED, RELAYED = 1, 2, 3
FULL, HEADERS = 1, 2
ACTION = {FAILED: ('failed', '5'), DELAYED: ('delayed', '4'),
          RELAYED: ('relayed', '2')}
MESSAGE = (b'Received: by gw.example.com\r\nFrom: <sender@example.com>\r\n'
           b'Subject: a text\r\n\r\nsecret words\r\n')


def build(kind, ret=0, message=MESSAGE):
    raw = subprocess.run([BUILD, str(kind), str(ret)], input=message,
                         stdout=subprocess.PIPE, check=True).stdout
    for line in raw.split(b'\r\n'):
        assert len(line) <= 998 and b'\n' not in line and b'\r' not in line
    return Notification(raw)


@pytest.mark.parametrize('kind', ACTION)
@pytest.mark.parametrize('ret', (0, FULL, HEADERS))
def test_fields(kind, ret):
    n = build(kind, ret)
    assert not n.mail.defects
    assert n.mail['to'].addresses[0].addr_spec == 'sender@example.com'
    assert n.mail['auto-submitted'] == 'auto-replied'
    assert n.message['reporting-mta'] == 'dns; gw.example.com'
    assert n.message['original-envelope-id'] == 'QQ314159+'
    assert len(n.recipients) == 3
    action, status_class = ACTION[kind]
    for group in n.recipients:
        assert group['action'] == action
        assert group['status'].startswith(status_class + '.')
        assert ('will-retry-until' in group) == (kind == DELAYED)
        assert 'x-evil' not in group
    ann = n.about('ann@example.net')
    assert ann['original-recipient'] == 'rfc822; Ann+X@example.net'
    assert ann['final-recipient'] == 'rfc822; ann@example.net'
    assert ann['remote-mta'] == 'dns; mx.example.net'
    assert ann['status'] == status_class + '.1.5'
    assert n.about('carl@example.org')['status'] == status_class + '.0.0'
    assert 'x-evil' not in n.mail


@pytest.mark.parametrize('kind', ACTION)
@pytest.mark.parametrize('ret', (0, FULL, HEADERS))
def test_returned_text(kind, ret):
    """RFC 3461 4.3: RET is of failures only; all else has the header."""
    n = build(kind, ret)
    whole = kind == FAILED and ret == FULL
    want = 'message/rfc822' if whole else 'text/rfc822-headers'
    assert n.original.get_content_type() == want
    text = str(n.original.get_payload(0)) if whole \
        else n.original.get_payload()
    assert 'Subject: a text' in text
    assert ('secret words' in text) == whole


def test_large_is_not_returned():
    n = build(FAILED, FULL, MESSAGE + b'many words\r\n' * 10000)
    assert n.original.get_content_type() == 'text/rfc822-headers'
    assert 'many words' not in n.original.get_payload()


def test_hostile_text_ends_no_part():
    evil = MESSAGE + b'--=_5f3a9c_0123456789abd--\r\n--=_\r\n\r\nX: y\r\n'
    n = build(FAILED, FULL, evil)
    assert n.original.get_payload(0).get_payload().endswith('X: y\n') or \
        n.original.get_payload(0).get_payload().endswith('X: y\r\n')
