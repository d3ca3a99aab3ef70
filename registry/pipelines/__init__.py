"""Pipelines that publish: as each CI system wants them written, and how their jobs prove who they are.

For each, the pipeline and the statement that trusts it come from one module, and the statement is written by the same
function of `registry/publishers/` that a refusal is.
"""

from collections.abc import Mapping
from importlib.metadata import entry_points

from registry.errors import Invalid
from registry.pipelines import bitbucket, buildkite, circleci, github, gitlab, jenkins
from registry.pipelines.base import Pipelines

GROUP = "waybill.providers"  # of entry points
_OWN: tuple[Pipelines, ...] = (github, gitlab, bitbucket, buildkite, circleci, jenkins)
_NAMES = ("NAME", "FILE", "ENVIRONMENT", "PLUGIN", "KEYS", "MASK", "emitted", "statement", "identity", "declared")


def names() -> tuple[str, ...]:
    """List the CI systems that are known, those of other packages included; nothing of these is loaded."""
    return tuple(dict.fromkeys([one.NAME for one in _OWN] + sorted(point.name for point in entry_points(group=GROUP))))


def named(name: str) -> Pipelines:
    """Find a CI system's module; what other packages bring never takes the place of ours.

    Raises:
        Invalid: there is none, or it cannot be used.
    """
    for one in _OWN:
        if name == one.NAME:
            return one
    for point in entry_points(group=GROUP, name=name):
        whose = point.dist.name if point.dist else "unknown"
        try:
            found: Pipelines = point.load()
        except Exception as error:
            raise Invalid(f"{name}: {point.value} of the package {whose} cannot be loaded: {error}") from error
        lacking = [attribute for attribute in _NAMES if not hasattr(found, attribute)]
        if lacking:
            raise Invalid(f"{name}: {point.value} of the package {whose} has no {', '.join(lacking)}")
        return found
    raise Invalid(f"{name!a} is no CI system that is known here; known are {', '.join(names())}")


def here(environment: Mapping[str, str]) -> Pipelines:
    """Find the CI system whose job this is.

    Args:
        environment: the job's.

    Raises:
        Invalid: it is none that gives this job an identity token.
    """
    for name in names():
        found = named(name)
        if found.identity(environment, "any") is not None:
            return found
    raise Invalid(
        "This is no CI job that has an identity token. On GitHub, give the job 'permissions: id-token: write'; on "
        "GitLab, 'id_tokens' with WAYBILL_ID_TOKEN; on Bitbucket, 'oidc'; on Jenkins, bind WAYBILL_ID_TOKEN by "
        "withCredentials"
    )
