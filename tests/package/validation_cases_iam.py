"""Cases for the rules of IAM and tenancy: accounts, keys, grants and organizations."""

from __future__ import annotations

from functools import partial

from stigmer_apis.commons.apiresource import ApiResourceMetadata
from stigmer_apis.iam.apikey.v1 import ApiKey, ApiKeyHash, ApiKeyId, ApiKeys
from stigmer_apis.iam.iampolicy.v1 import (
    ApiResourceRef,
    CheckAuthorizationInput,
    GetPrincipalsCountInput,
    IamPolicy,
    IamPolicyId,
    IamPolicySpec,
    ListAuthorizedPrincipalIdsInput,
    ListAuthorizedResourceIdsInput,
    ListResourceAccessInput,
    PrincipalResourceInput,
    ResourcePrincipalsInput,
    RevokeOrgAccessInput,
)
from stigmer_apis.iam.identityaccount.v1 import (
    IdentityAccount,
    IdentityAccountEmail,
    IdentityAccountId,
    IdentityAccountSpec,
    IdpId,
)
from stigmer_apis.tenancy.organization.v1 import (
    Organization,
    OrganizationId,
    OrganizationList,
    OrganizationSpec,
)
from tests.package.validation_cases_base import (
    LETTER,
    Case,
    field_case,
    header_cases,
    max_len,
    metadata_required,
    min_len,
    required,
    resource,
)

api_key = resource(ApiKey)
iam_policy = resource(IamPolicy)
identity_account = resource(IdentityAccount)
organization = resource(Organization)

account_ref = partial(ApiResourceRef, kind="identity_account", id="ida-1")
ACCOUNT = account_ref()
ORGANIZATION = ApiResourceRef(kind="organization", id="org-1")

grant = partial(IamPolicySpec, principal=ACCOUNT, resource=ORGANIZATION, relation="owner")
pair = partial(PrincipalResourceInput, principal=ACCOUNT, resource=ORGANIZATION)
principals = partial(ResourcePrincipalsInput, resource=ORGANIZATION, principals=[ACCOUNT])
revocation = partial(RevokeOrgAccessInput, identity_account_id="ida-1", organization_id="org-1")
resource_ids = partial(
    ListAuthorizedResourceIdsInput, principal=ACCOUNT, resource_kind="agent", relation="owner"
)
principal_ids = partial(
    ListAuthorizedPrincipalIdsInput,
    resource=ORGANIZATION,
    principal_kind="identity_account",
    relation="owner",
)
principals_count = partial(
    GetPrincipalsCountInput, org_id="org-1", principal_kind="identity_account"
)


def with_slug(slug: str) -> Organization:
    """Return an organization that is valid except for its slug."""
    return organization(metadata=ApiResourceMetadata(slug=slug))


def slug_case(rule: str, *, passes: list[str], fails: list[str]) -> Case:
    """Return a rule of an organization's slug, from slugs that break no other rule."""
    return Case("metadata", rule, [with_slug(s) for s in passes], [with_slug(s) for s in fails])


RESOURCE_CASES = [
    case
    for valid in (api_key, iam_policy, identity_account, organization)
    for case in header_cases(valid)
]

ID_CASES = [
    required(message, "value")
    for message in (
        ApiKeyHash,
        ApiKeyId,
        IamPolicyId,
        IdentityAccountEmail,
        IdentityAccountId,
        IdpId,
    )
]

IDENTITY_ACCOUNT_CASES = [
    required(partial(IdentityAccountSpec, email="ada@example.com"), "idp_id"),
]

IAM_POLICY_CASES = [
    required(grant, "principal", ACCOUNT),
    required(grant, "resource", ORGANIZATION),
    required(grant, "relation"),
    max_len(grant, "relation", 64),
    required(account_ref, "kind"),
    max_len(account_ref, "kind", 256),
    required(account_ref, "id"),
    max_len(account_ref, "id", 256),
    max_len(account_ref, "relation", 256),
    required(pair, "principal", ACCOUNT),
    required(pair, "resource", ORGANIZATION),
    required(principals, "resource", ORGANIZATION),
    field_case(
        principals,
        "principals",
        "required",
        passes=[[ACCOUNT], [ACCOUNT, ACCOUNT]],
        fails=[None, []],
    ),
    required(revocation, "identity_account_id"),
    required(revocation, "organization_id"),
    required(ListResourceAccessInput, "resource", ORGANIZATION),
    required(CheckAuthorizationInput, "policy", grant()),
    required(resource_ids, "principal", ACCOUNT),
    required(resource_ids, "resource_kind"),
    required(resource_ids, "relation"),
    required(principal_ids, "resource", ORGANIZATION),
    required(principal_ids, "principal_kind"),
    required(principal_ids, "relation"),
    required(principals_count, "org_id"),
    required(principals_count, "principal_kind"),
    # What holds for a message also holds for it inside other messages.
    Case(
        "spec.principal.id",
        "required",
        passes=[iam_policy(spec=grant())],
        fails=[iam_policy(spec=grant(principal=account_ref(id="")))],
    ),
    Case(
        "contextual_policies[1].resource",
        "required",
        passes=[CheckAuthorizationInput(policy=grant(), contextual_policies=[grant(), grant()])],
        fails=[
            CheckAuthorizationInput(
                policy=grant(), contextual_policies=[grant(), grant(resource=None)]
            )
        ],
    ),
    Case(
        "entries[0].kind",
        "string.const",
        passes=[ApiKeys(entries=[api_key()])],
        fails=[ApiKeys(entries=[api_key(kind="IamPolicy")])],
    ),
]

ORGANIZATION_CASES = [
    metadata_required(organization),
    slug_case(
        "metadata.slug.chars",
        passes=["nightly", "a-1", "a--", "z9"],
        fails=["aB", "a_b", "a.b", "a b", "ab ", "aé", "a\u0661", "ab\n", "a\x00"],
    ),
    slug_case("metadata.slug.start", passes=["ab", "zb"], fails=["1a", "-a", "9-", "--"]),
    slug_case("metadata.slug.length", passes=["ab", "a" * 15], fails=["a", "a" * 16, "a" * 500]),
    max_len(OrganizationSpec, "description", 500),
    max_len(OrganizationSpec, "logo_url", 2048),
    min_len(OrganizationId, "value", 1),
    max_len(OrganizationId, "value", 64),
    Case(
        "entries[0].spec.description",
        "string.max_len",
        passes=[OrganizationList(entries=[organization(spec=OrganizationSpec())])],
        fails=[
            OrganizationList(
                entries=[organization(spec=OrganizationSpec(description=LETTER * 501))]
            )
        ],
    ),
]

IAM_CASES = [
    *RESOURCE_CASES,
    *ID_CASES,
    *IDENTITY_ACCOUNT_CASES,
    *IAM_POLICY_CASES,
    *ORGANIZATION_CASES,
]
