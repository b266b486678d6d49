# SPDX-License-Identifier: ISC
"""Faults that are there, in and out of the sandbox: each report is seen.

conftest.py fails a test here that is not found out by a sanitizer, and any
other test that is.
"""
import subprocess

import pytest

from lab.gateway import conf
from test_posternd import gateway, tree


def fault(kind, *words):
    return pytest.param(kind, marks=pytest.mark.finds('rude.c', *words))


@pytest.mark.parametrize('kind', (
    fault('heap', 'AddressSanitizer: heap-buffer-overflow', 'instance=ctld'),
    fault('signed', 'runtime error: signed integer overflow',
          'instance=ctld')))
def test_a_fault_in_the_sandbox(world, kind):
    """A program that posternd starts; its report is in posternd's log."""
    assert 'ctld' in gateway(world, conf(), ctld=kind).refused()


@pytest.mark.parametrize('kind', (
    fault('leak', 'LeakSanitizer: detected memory leaks'),))
def test_a_fault_outside_of_it(world, kind):
    """A program that the lab starts; its report is in a file."""
    path = tree(ctld=kind) + '/ctld/ctld'
    assert subprocess.run([path]).returncode != 0
