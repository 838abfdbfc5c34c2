"""What the reference says of every element, and where it says it."""

from __future__ import annotations

import pytest

from reference.model import Reference
from schema_rules.releases import RELEASES, every, image_of
from schema_rules.schema import File, Schema

_EXECUTION = "ai.stigmer.agentic.workflowexecution.v1"


@pytest.mark.parametrize(
    ("field", "writer"),
    [
        (
            f"{_EXECUTION}.WorkflowExecutionStatus.callback_token",
            "The system writes it; users cannot.",
        ),
        (f"{_EXECUTION}.WorkflowExecutionStatus.phase", "The system writes it."),
        (f"{_EXECUTION}.WorkflowExecutionSpec.workflow_id", "Users write it."),
        (f"{_EXECUTION}.ListWorkflowExecutionsRequest.page_token", "The caller sends it."),
        (f"{_EXECUTION}.WorkflowExecutionList.entries", "The service returns it."),
        (f"{_EXECUTION}.WorkflowExecution.status", "The system writes it."),
        (f"{_EXECUTION}.WorkflowExecution.spec", "Users write it."),
        ("ai.stigmer.commons.apiresource.ApiResourceMetadata.id", "The system writes it."),
        ("ai.stigmer.commons.apiresource.ApiResourceMetadata.slug", "Users write it."),
    ],
)
def test_a_field_has_the_writer_that_its_place_gives(
    reference: Reference, field: str, writer: str
) -> None:
    assert reference.writer(reference.entries[field]) == writer


def test_no_field_of_a_status_is_for_users_alone(reference: Reference) -> None:
    for message in reference.tops("message"):
        if message.name.endswith("Status"):
            for field in message.members:
                if field.kind == "field":
                    assert "system" in reference.writer(field), field.full_name


def test_an_element_is_where_its_name_says(reference: Reference) -> None:
    for entry in reference.entries.values():
        package = entry.element.package.removeprefix("ai.stigmer.")
        assert entry.url.startswith(f"reference/{package}/")
        if entry.owner is not None:
            assert entry.url == f"{entry.owner.page}#{entry.name}"
        elif entry.kind != "option":
            assert entry.url == f"reference/{package}/{entry.name}.html#{entry.name}"


def test_links_to_what_a_release_had_still_lead_there(reference: Reference) -> None:
    for release in every(RELEASES):
        for element in Schema(image_of(release)).elements():
            assert isinstance(element, File) or element.name in reference.entries, release.name
