"""Buildkite: https://buildkite.com/docs/agent/cli/reference/oidc."""

from collections.abc import Mapping

from registry.pipelines.base import PLUGIN as _PLUGIN
from registry.pipelines.base import Command, Source, Wanted, filled
from registry.publishers import buildkite
from registry.publishers.base import Written

NAME = buildkite.NAME
FILE = ".buildkite/pipeline.yml"
ENVIRONMENT = ""  # Buildkite has none; agents of a queue of its own do what protected environments do elsewhere
PLUGIN = "OWNER/REPOSITORY#TAG"
KEYS: Mapping[str, str] = {
    "organization": "the slug in the address",
    "pipeline": "the slug in the address",
    "organization_id": "Organization settings: its UUID",
    "pipeline_id": "Pipeline settings: its UUID",
}
MASK: str | tuple[str, ...] = ("buildkite-agent", "redactor", "add")


def emitted(wanted: Wanted, style: str) -> str:
    """Write the pipeline."""
    return filled("buildkite-plugin.yml" if style == _PLUGIN else "buildkite-plain.yml", wanted)


def statement(wanted: Wanted) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline, by what its tokens will say."""
    written = buildkite.statement(
        {
            "organization_slug": wanted.of("organization"),
            "pipeline_slug": wanted.of("pipeline"),
            "organization_id": wanted.of("organization_id"),
            "pipeline_id": wanted.of("pipeline_id"),
            "build_tag": "v1",
        }
    )
    return {**written, "tag": "v*"}


def identity(environment: Mapping[str, str], audience: str) -> Source | None:
    """Tell how a job gets its identity token: from the agent, which must be asked for the immutable ids."""
    if environment.get("BUILDKITE") != "true":
        return None
    claims = ("--claim", "organization_id", "--claim", "pipeline_id")
    return Command(("buildkite-agent", "oidc", "request-token", "--audience", audience, *claims))


def declared(_environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what a job knows of itself: where its sources are is often an address with a user name, and is left out."""
    return {}
