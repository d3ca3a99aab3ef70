"""Which events a request asks for, and which of them whoever sends it may see."""

from collections.abc import Callable
from functools import cache

from flask import request

from registry import names
from registry.installation import View
from registry.marks import source_commit
from registry.model import Event
from registry.names import ProjectName, RegistryName
from registry.policy.decide import Allowed
from registry.policy.roles import Action, Principal
from registry.wanted import Wanted
from registry.web import params
from registry.web.auth import known_project, known_registry
from registry.web.doors import Query

LOOKING = 2.0  # seconds that one page looks for what may be shown; then it ends, and the next goes on
REGISTRY = Query("registry", "only of this registry")
PROJECT = Query("project", "only of this project")
SINCE = Query("since", "a date or time, UTC where it names no zone")
WANTED = (
    REGISTRY,
    PROJECT,
    Query("version", "only of this version"),
    Query("pipeline", "only what this pipeline did, or any attempt of this run"),
    Query("repository", "only from this git repository: its address, the end of it, or its id"),
    Query("commit", "only from this commit of it, or one that begins like this"),
    SINCE,
    Query("until", "a date, its end meant, or time"),
    Query("declared", "also by what was not verified", {"enum": ["true", "false"]}),
)


def sight(view: View, principal: Principal) -> Callable[[Event], bool]:
    """Tell which events a principal is shown: those of a project its readers, those of a token its owner.

    A limited token tells of no other token.
    """

    @cache  # one answer's events are of few projects, and each is decided by the same policy
    def may_read(registry: str, project: str) -> bool:
        verdict = view.decide(principal, Action.READ, RegistryName(registry), ProjectName(project))
        return isinstance(verdict, Allowed)

    def may_see(event: Event) -> bool:
        registry, project = event.facts.get("Registry"), event.facts.get("Project")
        if registry and project:
            return may_read(registry, project)
        own = event.facts.get("Owner") == principal.name
        return own and (principal.scope.whole or event.facts.get("Token-Id") == principal.token)

    return may_see


def wanted(view: View) -> Wanted:
    """Read which events are asked for.

    Raises:
        Invalid: a value cannot be meant.
    """
    given = request.args
    return Wanted(
        registry=known_registry(view, given["registry"]) if "registry" in given else None,
        project=known_project(given["project"]) if "project" in given else None,
        version=names.version(given["version"]) if "version" in given else None,
        pipeline=given.get("pipeline"),
        repository=given.get("repository"),
        commit=source_commit(given["commit"]) if "commit" in given else None,
        since=params.time("since"),
        until=params.time("until", end_of_day=True),
        declared=params.flag("declared"),
    )
