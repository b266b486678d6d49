# SPDX-License-Identifier: ISC
"""The graph of processes, as posternd itself prints it."""


def edges(tree):
    """x"""
    return [], ''
