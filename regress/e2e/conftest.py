# SPDX-License-Identifier: ISC
"""Fixtures: the world once per session, a gateway per module or test."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lab.world import World  # noqa: E402


@pytest.fixture(scope='session')
def world():
    return World().start()
