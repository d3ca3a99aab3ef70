"""The shapes of the files that say what is there: linked repositories, registries and projects."""

from collections.abc import Mapping

from registry.policy.files import LinkedRepository, ProjectFile, RegistryFile, Upstream
from registry.policy.peculiar import PECULIARITIES, USUAL
from registry.policy.schema.grants import ENTRIES, GRANTS, GRANTS_BY_PROJECT
from registry.policy.schema.kinds import DECIMAL, GLOB, NAME, PATH, REGISTRY, URL, UUID
from registry.policy.schema.known_as import KNOWN_AS
from registry.policy.schema.publishers import PUBLISHERS
from registry.policy.shapes import Flag, Number, Word
from registry.policy.tables import Key, ListOf, Row, Table, TableBy

# The ids by which each forge knows a git repository for ever, whatever it is renamed to.
_FORGES: Mapping[str, Mapping[str, Key]] = {
    "github": {
        "repository_id": Key(DECIMAL, "its numeric id, in quotes", required=True),
        "owner_id": Key(DECIMAL, "the numeric id of its owner, in quotes", required=True),
    },
    "gitlab": {
        "project_id": Key(DECIMAL, "its numeric id, in quotes", required=True),
        "namespace_id": Key(DECIMAL, "the numeric id of its group or user, in quotes", required=True),
    },
    "bitbucket": {
        "workspace_uuid": Key(UUID, "the UUID of the workspace, with braces, in quotes", required=True),
        "repository_uuid": Key(UUID, "its UUID, with braces, in quotes", required=True),
    },
    "other": {},
}


def _linked(forge: str, ids: Mapping[str, Key]) -> Table[LinkedRepository]:
    """Make the table of one forge."""
    return Table(
        {
            "forge": Key(Word("forge", (forge,)), "where it is: github, gitlab, bitbucket or other", required=True),
            "path": Key(PATH, "owner/name, shown to people; the ids are what is compared", required=True),
            **ids,
            "url": Key(URL, "where people find it"),
            "grants": Key(GRANTS, "rights that every project linked to it inherits"),
        },
        lambda row: LinkedRepository(
            row.at.name, forge, row.get("path"), row.texts(*ids), row.get("url"), row.get("grants", ())
        ),
    )


LINKED_REPOSITORY = TableBy("forge", {forge: _linked(forge, ids) for forge, ids in _FORGES.items()})


def _upstream(row: Row) -> Upstream | None:
    """Build an upstream, which is either here or elsewhere."""
    if ("registry" in row.values) == ("url" in row.values):
        row.report(None, "an upstream is either registry: <name> or url: <URL>; write exactly one of them")
        return None
    return Upstream(row.get("registry"), row.get("url"), row.statement, row.get("owns", ()))


_UPSTREAM = Table(
    {
        "registry": Key(REGISTRY, "another registry of this installation"),
        "url": Key(URL, "the simple index of another host"),
        "owns": Key(
            ListOf(GLOB, least=1),
            "patterns of project names that are this upstream's in the composite, whoever else has or declares them; "
            "the first upstream with a fitting one has the name",
        ),
    },
    _upstream,
)


_UPLOADS = ("projects", "publishers", "republish", "closes_after_days", "accepts")


def _registry(row: Row) -> RegistryFile | None:
    """Build a registry whose upstreams fit its kind."""
    kind = row.get("kind", "source")
    upstreams = row.get("upstreams", ())
    if wrong := _wrong_upstreams(kind, upstreams, row.at.name):
        row.report("upstreams", wrong)
        return None
    for key in _UPLOADS if kind == "composite" else ():
        if key in row.values:
            row.report(key, f"a composite takes no uploads, so it has no {key}; write that in the registry that does")
            return None
    return RegistryFile(
        name=row.at.name,
        kind=kind,
        visibility=row.get("visibility", "private"),
        owners=row.get("owners", ()),
        projects=row.get("projects", "declared"),
        republish=row.get("republish", "same-bytes"),
        grants=row.get("grants", ()),
        publishers=row.get("publishers", ()),
        upstreams=upstreams,
        statement=row.statement,
        kind_statement=row.said("kind") or row.statement,
        visibility_statement=row.said("visibility") or row.statement,
        projects_statement=row.said("projects") or row.statement,
        grants_statement=row.said("grants") or row.statement,
        frozen=row.said("frozen") if row.get("frozen") else None,
        known_as=row.get("known_as", ()),
        closes_after_days=row.get("closes_after_days"),
        accepts=row.get("accepts", USUAL),
    )


def _wrong_upstreams(kind: str, upstreams: tuple[Upstream, ...], name: str) -> str | None:
    """Say what does not fit between a registry's kind and its upstreams."""
    if kind == "source" and upstreams:
        return "a source registry has no upstreams; remove them, or set kind to composite or remote"
    if kind == "composite" and not (upstreams and all(upstream.registry for upstream in upstreams)):
        return "a composite registry lists other registries; write one or more of - registry: <name> under upstreams"
    if kind == "remote" and not (len(upstreams) == 1 and upstreams[0].url):
        return "a remote registry has exactly one upstream; write - url: <URL> under upstreams"
    if any(upstream.registry == name for upstream in upstreams):
        return "a composite registry cannot list itself; remove the entry"
    if kind != "composite" and any(upstream.owns for upstream in upstreams):
        return "only the upstreams of a composite own names; remove owns"
    return None


REGISTRY_FILE = Table(
    {
        "kind": Key(
            Word("kind", ("source", "composite", "remote")),
            "source: takes uploads; composite: several registries as one; remote: another index behind this one",
        ),
        "visibility": Key(
            Word("visibility", ("private", "internal", "public")),
            "who reads without a grant: private: nobody; internal: any signed-in person; public: everybody",
        ),
        "owners": Key(ENTRIES, "who may approve changes below this folder"),
        "projects": Key(
            Word("projects", ("declared", "open")),
            "declared: a project exists once a file in projects/ names it; open: the first upload may create it",
        ),
        "republish": Key(
            Word("republish", ("never", "same-bytes", "allowed")),
            "whether the name of a deleted file may be uploaded again: never, with the same bytes, or with any; "
            "restoring brings the same bytes back in any case",
        ),
        "closes_after_days": Key(
            Number(1, 36_500),
            "days after its first file on which a release takes no more files; left out: it always does",
        ),
        "grants": Key(GRANTS_BY_PROJECT, "who has which role here"),
        "publishers": Key(PUBLISHERS, "CI identities that may publish every project here"),
        "upstreams": Key(
            ListOf(_UPSTREAM, most=100),
            "where a composite or remote registry takes its projects from",
        ),
        "frozen": Key(Flag(), "true: nothing is published, yanked or deleted here; reading goes on"),
        "known_as": Key(KNOWN_AS, "addresses of other systems whose place it takes, so that clients of them find it"),
        "accepts": Key(
            ListOf(Word("peculiarity", tuple(PECULIARITIES)), most=len(PECULIARITIES)),
            "what is taken here though PyPI refuses it; where nothing is said, all but direct-urls. "
            + "; ".join(f"{word}: {meaning}" for word, meaning in PECULIARITIES.items()),
        ),
    },
    _registry,
)

PROJECT_FILE = Table(
    {
        "repository": Key(
            NAME, "the linked repository whose rights it inherits: a file of repositories/ without .yaml"
        ),
        "protected": Key(Flag(), "true: only trusted publishers publish; API tokens are refused"),
        "grants": Key(GRANTS, "who has which role on this project, beside what the registry grants"),
        "publishers": Key(PUBLISHERS, "CI identities that may publish this project; the first that matches counts"),
    },
    lambda row: ProjectFile(
        name=row.at.name,
        repository=row.get("repository"),
        protected=row.get("protected", False),
        grants=row.get("grants", ()),
        publishers=row.get("publishers", ()),
        statement=row.statement,
        grants_statement=row.said("grants") or row.statement,
        protected_statement=row.said("protected"),
        repository_statement=row.said("repository"),
    ),
)
