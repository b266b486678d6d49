# SPDX-License-Identifier: ISC
"""Every rule, in the order in which the report shows them."""
import binary_rules
import document_rules
import edge_rules
import filter_rules
import source_rules

ALL = (
    source_rules.includes,
    edge_rules.edges,
    edge_rules.attacked,
    edge_rules.codecs,
    binary_rules.imported_symbols,
    binary_rules.forbidden_calls,
    binary_rules.hardening,
    filter_rules.filters,
    source_rules.sizes,
    source_rules.licences,
    source_rules.open_ends,
    source_rules.sleeps,
    document_rules.keywords,
    document_rules.manuals,
    edge_rules.accounts,
    document_rules.unit,
)
