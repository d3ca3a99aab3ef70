"""GitHub Actions: https://docs.github.com/en/actions/reference/security/oidc."""

from collections.abc import Mapping
from urllib.parse import quote

from registry.pipelines.base import PLUGIN as _PLUGIN
from registry.pipelines.base import Request, Source, Wanted, filled
from registry.publishers import github
from registry.publishers.base import Written

NAME = github.NAME
FILE = ".github/workflows/release.yml"
ENVIRONMENT = "release"
PLUGIN = "OWNER/REPOSITORY@COMMIT"
KEYS: Mapping[str, str] = {
    "repository": "OWNER/NAME",
    "repository_id": "gh api repos/OWNER/NAME --jq .id",
    "owner_id": "gh api repos/OWNER/NAME --jq .owner.id",
    "workflow": "the file's name in .github/workflows",
    "issuer": "only of GitHub Enterprise: https://HOST/_services/token",
}
MASK: str | tuple[str, ...] = "::add-mask::{}"

# Looked up on 2026-11-20; in public workflows, not at GitHub itself.
_ACTIONS = {
    "checkout": "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2",
    "setup_uv": "astral-sh/setup-uv@94527f2e458b27549849d47d273a16bec83a01e9 # v7",
    "upload": "actions/upload-artifact@b7c566a772e6b6bfb58ed0dc250532a479d7789f # v6.0.0",
    "download": "actions/download-artifact@37930b1c2abaa49bbe596cd826c3c89aef350131 # v7.0.0",
}


def emitted(wanted: Wanted, style: str) -> str:
    """Write the workflow."""
    return filled("github-plugin.yml" if style == _PLUGIN else "github-plain.yml", wanted, **_ACTIONS)


def statement(wanted: Wanted) -> Written:
    """Write the keys of the statement that trusts exactly this workflow, by what its tokens will say."""
    workflow = wanted.known.get("workflow", "release.yml")
    repository = wanted.of("repository")
    named = repository if repository.count("/") == 1 else "OWNER/NAME"
    written = github.statement(
        {
            "iss": wanted.known.get("issuer", github.ISSUERS[0]),
            "repository": repository,
            "repository_id": wanted.of("repository_id"),
            "repository_owner_id": wanted.of("owner_id"),
            "workflow_ref": f"{named}/.github/workflows/{workflow}@refs/tags/v1",
            "environment": wanted.environment,
        }
    )
    return {**written, "ref": "refs/tags/v*"}


def identity(environment: Mapping[str, str], audience: str) -> Source | None:
    """Tell how a job gets its identity token: a job without `id-token: write` has no address to ask."""
    url, bearer = (environment.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
    return Request(f"{url}&audience={quote(audience, safe='')}", bearer) if url and bearer else None


def declared(_environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what a job knows of itself: its token proves all of it."""
    return {}
