"""WB3: a trusted publisher is one pipeline, and nobody else's."""

from fnmatch import fnmatchcase

from registry.policy.files import Matcher
from validator import rule, skip
from validator.things import ProjectRights, PublishingRight

# Issuers that mint identity tokens for everybody who has an account there.
SHARED = (
    "https://token.actions.githubusercontent.com",
    "https://gitlab.com",
    "https://agent.buildkite.com",
    "https://oidc.circleci.com/*",
    "https://accounts.google.com",
)
# Claims there that only one customer has, and never another one after it.
OWN = (
    "repository_id", "repository_owner_id", "project_id", "namespace_id", "organization_id", "pipeline_id",
    "repositoryUuid", "workspaceUuid", "oidc.circleci.com/project-id", "sub", "email",
)  # fmt: skip
REFS = ("ref", "ref_type", "ref_protected", "branch", "tag", "build_branch", "build_tag", "sub")
ENVIRONMENTS = (
    "environment",
    "environment_protected",
    "deployment_environment_uuid",
    "deploymentEnvironmentUuid",
    "sub",
)
WORKFLOWS = ("workflow_ref", "job_workflow_ref", "ci_config_ref_uri", "pipeline_id", "sub")


def _fixed(matcher: object) -> bool:
    """Tell whether a claim can have only values that somebody chose."""
    return isinstance(matcher, Matcher) and (matcher.equals is not None or bool(matcher.in_))


@rule("WB301", on=["change"])
def publisher_is_one_customer(publisher: PublishingRight) -> None:
    """A claim that only one customer of a shared issuer has is pinned by its id.

    Without one, any repository of anybody there satisfies the statement.
    """
    issuer = publisher.issuer or ""
    if publisher.provider or not any(fnmatchcase(issuer, shared) for shared in SHARED):
        skip("its provider demands ids, or the issuer is not shared")
    pinned = [name for name in OWN if _fixed(publisher.claims.get(name))]
    assert pinned, f"anybody with an account at {issuer} could satisfy it; add an exact id, such as {OWN[0]}"


@rule("WB302", severity="warning", on=["change"])
def publisher_pins_its_pipeline(publisher: PublishingRight) -> None:
    """The pipeline that publishes is named, so that another one of the same repository cannot."""
    if publisher.provider:
        skip("its provider demands it where there is such a thing")
    pinned = [name for name in WORKFLOWS if name in publisher.claims]
    assert pinned, f"every pipeline of the repository publishes; add a claim such as {WORKFLOWS[0]}"


@rule("WB303", severity="warning", on=["change"])
def publisher_has_a_guard(publisher: PublishingRight) -> None:
    """A tag, a protected ref or a deployment environment stands before publishing.

    Else whoever may push any branch may publish.
    """
    given = {*publisher.fields, *publisher.claims}
    guards = sorted(given.intersection((*REFS, *ENVIRONMENTS)))
    if publisher.provider in {"circleci", "jenkins"}:
        skip("its identity tokens name neither ref nor environment")
    assert guards, "whoever may push a branch there may publish; add environment, or the ref of your release tags"


@rule("WB304", severity="warning", on=["change"])
def publisher_is_of_one_project(publisher: PublishingRight) -> None:
    """No two projects share one publisher: who may change the pipeline of one could publish the other."""
    assert not publisher.others, f"the same pipeline publishes {', '.join(publisher.others)}; give each an environment"


@rule("WB305", on=["change"])
def protected_project_has_a_publisher(project: ProjectRights) -> None:
    """A protected project has a publisher, or nobody at all could publish it."""
    if not project.protected:
        skip("not protected")
    assert project.publishers, f"{project.name} is protected and has no publisher; add one, or protected: false"


@rule("WB306", severity="warning", on=["change"])
def project_with_a_publisher_is_protected(project: ProjectRights) -> None:
    """A project that a pipeline publishes takes no API tokens beside it."""
    own = project.own.publishers if project.own else ()
    assert not own or project.protected, (
        f"{project.name} has a publisher, and API tokens publish too; add protected: true"
    )


@rule("WB307", severity="warning", on=["change"])
def publisher_is_not_of_a_whole_registry(publisher: PublishingRight) -> None:
    """A publisher stands with its project; with the registry it could publish everything there."""
    assert publisher.project, (
        f"it may publish every project of {publisher.registry}; move it to the projects' own files"
    )
