"""The shape of trusted publishers: known CI providers by their immutable ids, any other issuer by its claims."""

from collections.abc import Mapping

from registry.policy.files import Publisher
from registry.policy.roles import Role
from registry.policy.schema.claims import CLAIMS
from registry.policy.schema.kinds import DECIMAL, IDENTIFIER, LINE, PATH, URL, UUID, WORKFLOW
from registry.policy.shapes import Flag, Word
from registry.policy.tables import Key, ListOf, Row, Table, TableBy


def _publisher(row: Row) -> Publisher:
    """Build a publisher; what is not common to all of them is one of its provider's fields."""
    fields = row.texts(*(key for key in row.values if key not in _COMMON))
    scopes = row.get("scopes", (str(Role.PUBLISH),))
    return Publisher(row.get("provider"), row.get("issuer"), scopes, fields, row.get("claims", {}), row.statement)


_COMMON = {"provider", "issuer", "scopes", "claims"}
_SCOPES = Key(
    ListOf(Word("scope", ("read", "publish", "write")), least=1),
    "what the upload token may do: read, publish, write (also yank and delete); left out: publish",
)


def _provider(name: str, keys: Mapping[str, Key]) -> Table[Publisher]:
    """Make the table of one provider."""
    return Table(
        {
            "provider": Key(Word("provider", (name,)), "the CI system whose identity tokens are meant", required=True),
            **keys,
            "scopes": _SCOPES,
            "claims": Key(CLAIMS, "further claims the identity token must have; all must hold"),
        },
        _publisher,
    )


_GENERAL = Table(
    {
        "issuer": Key(URL, "the exact `iss` of the identity token", required=True),
        "scopes": _SCOPES,
        "claims": Key(CLAIMS, "claims the identity token must have, by name; all must hold", required=True),
    },
    _publisher,
)

# Required is what stays the same when something is renamed or registered again by somebody else, and what separates the
# pipeline that publishes from every other one of the same git repository.
PROVIDERS = {
    "github": {
        "repository": Key(PATH, "owner/name, shown to people; never compared"),
        "repository_id": Key(DECIMAL, "the numeric id of the GitHub repository, in quotes", required=True),
        "owner_id": Key(DECIMAL, "the numeric id of its owner, in quotes", required=True),
        "workflow": Key(WORKFLOW, "the file in .github/workflows that publishes, like release.yml", required=True),
        "environment": Key(LINE, "the deployment environment the job must run in"),
        "ref": Key(LINE, "the full ref the workflow must run on, like refs/heads/main; * and ? are wildcards"),
        "issuer": Key(URL, "only for GitHub Enterprise: the exact `iss` of its identity tokens"),
    },
    "gitlab": {
        "project": Key(PATH, "group/project, shown to people; never compared"),
        "project_id": Key(DECIMAL, "the numeric id of the GitLab project, in quotes", required=True),
        "namespace_id": Key(DECIMAL, "the numeric id of its group or user, in quotes", required=True),
        "ci_config": Key(LINE, "the path of the pipeline file that publishes, like .gitlab-ci.yml", required=True),
        "environment": Key(LINE, "the environment the job must deploy to"),
        "ref_protected": Key(Flag(), "true: only protected branches and tags publish"),
        "issuer": Key(URL, "only for a GitLab of your own: the URL of the instance"),
    },
    "bitbucket": {
        "repository": Key(PATH, "workspace/name, shown to people; never compared"),
        "workspace_uuid": Key(UUID, "the UUID of the workspace, with braces, in quotes", required=True),
        "repository_uuid": Key(UUID, "the UUID of the Bitbucket repository, with braces, in quotes", required=True),
        "deployment_environment_uuid": Key(UUID, "the UUID of the deployment environment the step must run in"),
        "branch": Key(LINE, "the branch the pipeline must run on; * and ? are wildcards"),
    },
    "buildkite": {
        "organization": Key(IDENTIFIER, "the organization's slug, shown to people; never compared"),
        "pipeline": Key(IDENTIFIER, "the pipeline's slug, shown to people; never compared"),
        "organization_id": Key(IDENTIFIER, "the organization's UUID", required=True),
        "pipeline_id": Key(IDENTIFIER, "the pipeline's UUID", required=True),
        "branch": Key(LINE, "the branch the build must be of; * and ? are wildcards"),
        "tag": Key(LINE, "the tag the build must be of; * and ? are wildcards"),
    },
    "circleci": {
        "organization_id": Key(IDENTIFIER, "the organization's UUID", required=True),
        "project_id": Key(IDENTIFIER, "the project's UUID", required=True),
    },
    "jenkins": {
        "issuer": Key(URL, "the exact `iss` of this controller's or folder's identity tokens", required=True),
        "job": Key(LINE, "the job, exactly as the `sub` claim names it", required=True),
    },
}

_PUBLISHER: TableBy[Publisher] = TableBy(
    "provider", {name: _provider(name, keys) for name, keys in PROVIDERS.items()}, otherwise=_GENERAL
)
PUBLISHERS = ListOf(_PUBLISHER)
