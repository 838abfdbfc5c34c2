"""Every single change that could be made to the contract by mistake.

A mutation changes one thing, and does it as somebody would in a source file: what is renamed is
renamed wherever it is referred to, what is removed takes its comment along, and what is added
brings a comment and the imports that it needs. Otherwise a gate would stop the clumsiness and not
the change.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.mutation import (
    of_additions,
    of_fields,
    of_files,
    of_packages,
    of_rules,
    of_services,
    of_status,
    of_types,
)
from tests.mutation.changes import Mutation
from tests.mutation.draft import Contract


def mutations(contract: Contract) -> Iterator[Mutation]:
    """Every mutation of the contract."""
    for generate in (
        of_fields.of_fields,
        of_fields.of_options_of_fields,
        of_rules.of_rules,
        of_fields.of_maps,
        of_fields.of_oneofs,
        of_types.of_messages,
        of_types.of_reservations,
        of_types.of_enums,
        of_types.of_kinds,
        of_services.of_services,
        of_services.of_rpcs,
        of_services.of_authorization,
        of_files.of_files,
        of_files.of_extensions,
        of_status.of_what_the_system_writes,
        of_types.of_comments,
        of_additions.of_new_fields,
        of_additions.of_new_values,
        of_additions.of_new_rpcs,
        of_additions.of_new_types,
        of_additions.of_new_files,
        of_packages.of_packages,
    ):
        yield from generate(contract)
