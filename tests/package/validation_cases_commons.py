"""Cases for the rules of commons: requests and resources of all areas."""

from __future__ import annotations

from functools import partial

from stigmer_apis.commons.apiresource import (
    ApiResourceByOrgBySlugRequest,
    ApiResourceDeleteInput,
    ApiResourceId,
    ApiResourceMetadata,
    ApiResourceReference,
    FindApiResourcesRequest,
)
from tests.package.validation_cases_base import defined_only, required

COMMONS_CASES = [
    required(ApiResourceId, "value"),
    required(partial(ApiResourceDeleteInput, force=True), "resource_id"),
    required(partial(ApiResourceByOrgBySlugRequest, slug="nightly"), "org"),
    required(partial(ApiResourceByOrgBySlugRequest, org="org-1"), "slug"),
    required(partial(FindApiResourcesRequest, kind="workflow"), "org"),
    defined_only(ApiResourceReference, "scope"),
    defined_only(ApiResourceMetadata, "owner_scope"),
]
