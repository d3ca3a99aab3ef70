"""GitLab CI, on gitlab.com and on servers of one's own: https://docs.gitlab.com/ci/secrets/id_token_authentication/."""

from collections.abc import Mapping

from registry.errors import Invalid
from registry.pipelines.base import PLUGIN as _PLUGIN
from registry.pipelines.base import Source, Wanted, filled, host
from registry.publishers import gitlab
from registry.publishers.base import Written

NAME = gitlab.NAME
FILE = ".gitlab-ci.yml"
ENVIRONMENT = "release"
PLUGIN = "$CI_SERVER_FQDN/GROUP/PROJECT/publish@COMMIT"
KEYS: Mapping[str, str] = {
    "project": "GROUP/NAME",
    "project_id": "on the project's page, under its name",
    "namespace_id": "on the group's page, under its name",
    "ci_config": "the path of the pipeline file",
    "issuer": "only of a GitLab of your own: its address",
}
MASK: str | tuple[str, ...] = ""  # GitLab hides only variables of its settings


def emitted(wanted: Wanted, style: str) -> str:
    """Write the pipeline; `uv` looks for its token in a variable that is named after the audience.

    Raises:
        Invalid: there can be no such variable.
    """
    if style == _PLUGIN:
        return filled("gitlab-plugin.yml", wanted)
    variable = "".join(c.upper() if c.isascii() and c.isalnum() else "_" for c in wanted.audience) + "_ID_TOKEN"
    if variable[0].isdigit():
        raise Invalid(f"uv looks for the variable {variable}, which no job can have; use --plugin, or another audience")
    return filled("gitlab-plain.yml", wanted, variable=variable)


def statement(wanted: Wanted) -> Written:
    """Write the keys of the statement that trusts exactly this pipeline, by what its tokens will say."""
    issuer, file = wanted.known.get("issuer", gitlab.ISSUERS[0]), wanted.known.get("ci_config", FILE)
    project = wanted.of("project")
    return gitlab.statement(
        {
            "iss": issuer,
            "project_path": project,
            "project_id": wanted.of("project_id"),
            "namespace_id": wanted.of("namespace_id"),
            "ci_config_ref_uri": f"{host(issuer)}/{project}//{file}@refs/tags/v1",
            "environment": wanted.environment,
            "ref_protected": "true",
        }
    )


def identity(environment: Mapping[str, str], _audience: str) -> Source | None:
    """Tell how a job gets its identity token: in the variable that `id_tokens` names."""
    return (environment.get("WAYBILL_ID_TOKEN") or None) if "GITLAB_CI" in environment else None


def declared(_environment: Mapping[str, str]) -> dict[str, str]:
    """Tell what a job knows of itself: its token proves all of it."""
    return {}
