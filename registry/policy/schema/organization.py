"""The shapes of the files that say who is there: `waybill.yaml`, `people.yaml` and `teams/<team>.yaml`."""

from collections.abc import Mapping

from registry.policy.bounds import Limits, Review
from registry.policy.files import Account, Issuer, Named, Namespace, Organization, Team
from registry.policy.ruling import Ruling
from registry.policy.schema.grants import ENTRIES, Entry
from registry.policy.schema.keys import KEYS
from registry.policy.schema.kinds import (
    ACCOUNT,
    AUDIENCE,
    DECIMAL,
    EMAIL,
    IDENTIFIER,
    NAME,
    OWNER,
    PREFIX,
    REGISTRY,
    URL,
    UUID,
)
from registry.policy.schema.rules import RULES
from registry.policy.shapes import Flag, Number
from registry.policy.tables import Either, Key, ListOf, MappingOf, Row, Table

MOST_PEOPLE = 10_000
MIB = 1024**2


def _issuers(row: Row) -> Mapping[str, Issuer]:
    """Build the accepted issuers; `false` accepts nothing, as leaving the key out does."""
    issuers = {}
    for provider, value in row.values.items():
        if isinstance(value, Issuer):
            issuers[provider] = value
        elif value is not False:
            urls = value if isinstance(value, tuple) else ()
            issuers[provider] = Issuer(urls, None, None, row.said(provider) or row.statement)
    return issuers


def _default(row: Row) -> Named | None:
    name, place = row.get("default_registry"), row.said("default_registry")
    return Named(name, place) if name and place else None


def _organization(row: Row) -> Organization | None:
    """Build the organization, which reserves each prefix once."""
    prefixes = [namespace.prefix for namespace in row.get("namespaces", ())]
    if twice := next((prefix for prefix in prefixes if prefixes.count(prefix) > 1), None):
        row.report("namespaces", f"the prefix {twice} is reserved twice; name all its owners in one entry")
        return None
    return Organization(
        organization=row.get("organization"),
        url=row.get("url"),
        audience=row.get("audience"),
        admins=row.get("admins", ()),
        auditors=row.get("auditors", ()),
        issuers=row.get("issuers", {}),
        keys=row.get("keys", {}),
        review=row.get("review", Review()),
        limits=row.get("limits", Limits()),
        generation=row.get("generation"),
        frozen=row.said("frozen") if row.get("frozen") else None,
        rules=row.get("rules", Ruling()),
        default_registry=_default(row),
        namespaces=row.get("namespaces", ()),
    )


_URLS = ListOf(URL, least=1, most=100)
_PUBLIC_OR_URLS = Either(Flag(), _URLS)
_BITBUCKET = Table(
    {
        "workspace": Key(IDENTIFIER, "the slug of the workspace, which is part of the issuer's URL", required=True),
        "workspace_uuid": Key(UUID, "the UUID of the workspace, with braces, in quotes", required=True),
    },
    lambda row: Issuer((), row.get("workspace"), row.get("workspace_uuid"), row.statement),
)
_ISSUERS = Table(
    {
        "github": Key(_PUBLIC_OR_URLS, "GitHub Actions: true, or exact issuers, of GitHub Enterprise servers too"),
        "gitlab": Key(_PUBLIC_OR_URLS, "GitLab CI: true, or the URLs of the instances"),
        "bitbucket": Key(_BITBUCKET, "Bitbucket Pipelines: one workspace"),
        "buildkite": Key(_PUBLIC_OR_URLS, "Buildkite: true, or exact issuers"),
        "circleci": Key(_PUBLIC_OR_URLS, "CircleCI: true, or exact issuers"),
        "jenkins": Key(_URLS, "Jenkins: the exact issuers of the controllers or folders"),
        "other": Key(_URLS, "any other system: its exact issuers, for publishers in the general form"),
    },
    _issuers,
)

_REVIEW = Table(
    {
        "approvals": Key(Number(0, 10), "how many approvals a change needs; 0: owners merge as they push"),
        "freeze_approvals": Key(Number(0, 10), "how many a change needs that only sets frozen: true; left out: 0"),
        "most_removed": Key(
            Number(1, 100), "percent of the people, and of the rights, that one change may take away; left out: 25"
        ),
    },
    lambda row: Review(row.get("approvals", 0), row.get("freeze_approvals", 0), row.get("most_removed", 25)),
)

_NAMESPACE = Table(
    {
        "prefix": Key(PREFIX, "of normalised names: acme means acme itself and acme-*", required=True),
        "owners": Key(
            ListOf(Entry(), least=1),
            "who alone create projects below it, in any registry, and agree to the files of new ones",
            required=True,
        ),
    },
    lambda row: Namespace(row.get("prefix"), row.get("owners"), row.statement),
)

ORGANIZATION = Table(
    {
        "organization": Key(NAME, "the name of this installation, like acme", required=True),
        "url": Key(URL, "the public base URL of this installation"),
        "audience": Key(AUDIENCE, "what identity tokens must be minted for; unique to this installation"),
        "admins": Key(ENTRIES, "root owners: they may approve every change"),
        "auditors": Key(ENTRIES, "who may read the whole git repository, every project included"),
        "issuers": Key(_ISSUERS, "CI systems whose identity tokens are accepted"),
        "keys": Key(KEYS, "public keys by issuer, where this registry cannot ask it; it is then never asked"),
        "review": Key(_REVIEW, "how changes of the policy are reviewed"),
        "limits": Key(
            Table(
                {"file_mb": Key(Number(1, 10_240), "the largest file that may be uploaded, in MiB; left out: 1024")},
                lambda row: Limits(row.get("file_mb", 1024) * MIB),
            ),
            "what is accepted at most",
        ),
        "generation": Key(Number(0, 10**9), "a number that may only grow from change to change"),
        "frozen": Key(Flag(), "true: nothing is published, yanked or deleted anywhere; reading goes on"),
        "namespaces": Key(
            ListOf(_NAMESPACE),
            "names reserved by prefix (PEP 752), in every registry; the longest prefix counts; it gives no other right",
        ),
        "rules": Key(RULES, "which rules of the validator run, with which settings, and what is let be until when"),
        "default_registry": Key(
            REGISTRY, "the registry that addresses without one mean: /pypi/simple/, and the host itself as index"
        ),
    },
    _organization,
)


def _account(row: Row) -> Account | None:
    """Build an account; only a service account has an owner, because a person answers for themselves."""
    service = row.get("service", False)
    if row.get("owner") and not service:
        row.report("owner", "'owner' is for service accounts; add service: true, or remove it")
        return None
    return Account(
        id=row.at.key,
        email=row.get("email"),
        service=service,
        owner=row.get("owner"),
        disabled=row.get("disabled", False),
        forge_ids=row.texts("github", "gitlab", "bitbucket"),
        statement=row.statement,
    )


PEOPLE = MappingOf(
    ACCOUNT,
    Table(
        {
            "email": Key(EMAIL, "the e-mail address, as in git commits"),
            "service": Key(Flag(), "true: an account for machines"),
            "owner": Key(OWNER, "who answers for a service account: an account id or team:<name>"),
            "disabled": Key(Flag(), "true: every right and token of this account is void"),
            "github": Key(DECIMAL, "the numeric user id at GitHub, in quotes"),
            "gitlab": Key(DECIMAL, "the numeric user id at GitLab, in quotes"),
            "bitbucket": Key(UUID, "the user's UUID at Bitbucket, with braces, in quotes"),
        },
        _account,
    ),
    most=MOST_PEOPLE,
)

TEAM = Table(
    {
        "members": Key(ListOf(ACCOUNT), "account ids of people.yaml; no teams"),
        "maintainers": Key(ListOf(ACCOUNT), "account ids of those who may approve changes of this team"),
    },
    lambda row: Team(row.at.name, row.get("members", ()), row.get("maintainers", ()), row.statement),
)
