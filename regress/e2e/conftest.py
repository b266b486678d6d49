# SPDX-License-Identifier: ISC
"""Fixtures: the world once per session, a gateway per module or test."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lab.gateway import GOLDEN, PATIENT, QUICK, Gateway  # noqa: E402
from lab.smtp import Sink  # noqa: E402
from lab.world import World  # noqa: E402


SHARED = pytest.StashKey()


@pytest.fixture(scope='session')
def world():
    yield World().start()
    if Gateway.current is not None:
        Gateway.current.stop()


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
