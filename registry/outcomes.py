"""What a verb came to -> plain JSON values, for the API and for `--json` of the commands."""

from typing import TYPE_CHECKING, TypedDict

from registry.answers import FileAnswer, file_json
from registry.model import File, Project

if TYPE_CHECKING:  # who asks has done one of these, and need not load the other
    from registry.promotion import Promoted, Route
    from registry.removal import Outcome, Whole


class VersionedFileAnswer(FileAnswer):
    """A file, and the release it is of."""

    version: str


class RemovalAnswer(TypedDict):
    """What a deletion or restoration came to."""

    registry: str
    project: str
    what: str
    files: list[VersionedFileAnswer]
    commit: str | None


PromotedAnswer = TypedDict(
    "PromotedAnswer",
    {
        "from": str,
        "to": str,
        "project": str,
        "files": list[FileAnswer],
        "there": list[FileAnswer],
        "commit": str | None,
    },
)


class StatusAnswer(TypedDict):
    """The status of a project (PEP 792)."""

    project: str
    status: str
    reason: str | None


def outcome_json(whole: "Whole", outcome: "Outcome") -> RemovalAnswer:
    """Show what a deletion or restoration came to; no files: it was so already."""
    return {
        "registry": whole.registry,
        "project": whole.project,
        "what": whole.kind,
        "files": [_versioned(file) for file in outcome.files],
        "commit": outcome.commit,
    }


def promoted_json(route: "Route", promoted: "Promoted") -> PromotedAnswer:
    """Show what a promotion came to."""
    return {
        "from": route.source,
        "to": route.target,
        "project": route.project,
        "files": [file_json(file) for file in promoted.files],
        "there": [file_json(file) for file in promoted.there],
        "commit": promoted.commit,
    }


def status_json(project: Project) -> StatusAnswer:
    """Show the status of a project."""
    return {"project": project.name, "status": project.status.value, "reason": project.status_reason}


def _versioned(file: File) -> VersionedFileAnswer:
    return {"version": file.dist.version, **file_json(file)}
