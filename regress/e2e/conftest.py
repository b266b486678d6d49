# SPDX-License-Identifier: ISC
"""Fixtures: the world once per session, a gateway per module or test."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lab import san  # noqa: E402
from lab.gateway import GOLDEN, PATIENT, QUICK, Gateway  # noqa: E402
from lab.smtp import Sink  # noqa: E402
from lab.world import World  # noqa: E402


SHARED = pytest.StashKey()
SAN = san.active()
collect_ignore = [] if SAN else ['test_san.py']


# --- under the sanitizers: what must be left out, and what they found


def pytest_configure(config):
    config.addinivalue_line('markers', 'finds(*words): a report is expected')


def pytest_sessionstart():
    if SAN:
        san.prepare()


def pytest_collection_modifyitems(items):
    for item in items:
        why = san.reason(item.nodeid) if SAN else None
        if why:
            item.add_marker(pytest.mark.skip(reason='sanitizers: ' + why))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What a sanitizer found fails the test that ran, unless it was to be
    found: then the lack of it does."""
    report = (yield).get_result()
    text = '\n\n'.join(san.SEEN.take()) if SAN else ''
    wanted = item.get_closest_marker('finds')
    if wanted and call.when == 'call':
        missing = [w for w in wanted.args if w not in text]
        if missing:
            report.outcome = 'failed'
            report.longrepr = 'no report of %s:\n%s' % (missing, text)
    elif text and report.failed:
        report.sections.append(('sanitizers', text))
    elif text:
        report.outcome = 'failed'
        report.longrepr = 'a sanitizer reports:\n' + text


def pytest_terminal_summary(terminalreporter):
    left = [r for r in terminalreporter.getreports('skipped')
            if SAN and 'sanitizers: ' in str(r.longrepr)]
    for r in left:
        terminalreporter.line('left out: %s, %s' % (
            r.nodeid.rpartition('/')[2], r.longrepr[2]))
    if SAN:
        terminalreporter.line('%d left out under the sanitizers' % len(left))


@pytest.fixture(scope='session')
def world():
    yield World().start()
    Gateway.stop_running()


@pytest.fixture
def gw(world, request):
    """The golden minimum with a quick retry, kept from test to test.

    A new one after a failure, and after a test that started its own.
    """
    state = request.session.stash.setdefault(SHARED, {})
    gateway, failed = state.get('gateway'), state.get('failed')
    if gateway is None or Gateway.current is not gateway or \
            failed != request.session.testsfailed:
        if gateway is not None and gateway.running:
            gateway.kill_all()
        gateway = Gateway(world, QUICK + PATIENT + GOLDEN).start()
        state['gateway'] = gateway
        state['failed'] = request.session.testsfailed
    yield gateway


@pytest.fixture
def sink(world):
    """An SMTP server at a new Internet address, with .domain to match."""
    address = world.address()
    with Sink(world.inet, address) as s:
        s.address = address
        s.domain = world.domain('MX 10 mx.@', hosts={'mx': address})
        yield s
