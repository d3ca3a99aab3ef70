"""What a CI system's module says of pipelines that publish. All modules have the same names, and read alike."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Protocol
from urllib.parse import urlsplit

from registry.errors import Invalid
from registry.publishers.base import Written, pasted

PLAIN, PLUGIN = "plain", "plugin"
STYLES = (PLAIN, PLUGIN)
UNKNOWN = "?"  # an id that nobody gave: no policy file takes it, so a statement that holds one trusts nobody
UV, TWINE = "0.13.8", "7.0.0"

_MARK = re.compile(r"<<([a-z_]+)>>")
_BEGIN, _END = "<<publish_job>>", "<<end>>"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pipeline that somebody wants."""

    url: str  # of the registry's server, without a slash at the end
    audience: str
    registry: str
    project: str | None = None
    environment: str = "release"  # the protected environment of the job that publishes
    plugin: str = ""  # where Waybill's plugin is kept, as the CI system names it
    known: Mapping[str, str] = field(default_factory=dict)  # keys of the statement

    def of(self, key: str) -> str:
        """Give a key of the statement."""
        return self.known.get(key, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Request:
    """An identity token is had by asking an address of the CI system; its `value` is the token."""

    url: str
    bearer: str


@dataclass(frozen=True, slots=True)
class Command:
    """An identity token is had from a program of the CI system, which prints it."""

    arguments: tuple[str, ...]


Source = str | Request | Command  # text: the token itself


class Pipelines(Protocol):
    """The names a CI system's module has."""

    NAME: str
    FILE: str  # where its pipeline is kept in a git repository
    ENVIRONMENT: str  # what the publishing job's environment is called, where nobody says
    PLUGIN: str  # the form in which its pipelines name a plugin; empty: there is none
    KEYS: Mapping[str, str]  # of the statement -> how people find it
    MASK: str | tuple[str, ...]  # hides a value in logs: a line to be said, or a program that reads the value

    def emitted(self, wanted: Wanted, style: str) -> str:
        """Write the pipeline."""

    def statement(self, wanted: Wanted) -> Written:
        """Write the keys of the statement that trusts exactly this pipeline."""

    def identity(self, environment: Mapping[str, str], audience: str) -> Source | None:
        """Tell how a job of it gets its identity token; None: this is no job of it."""

    def declared(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Tell what a job knows of itself that its token does not prove, by the names of `provenance`."""


def filled(template: str, wanted: Wanted, **more: str) -> str:
    """Fill a template of this package.

    Args:
        template: the name of its file.
        wanted: what for.
        more: further values, by mark.
    """
    values = {
        "url": wanted.url,
        "audience": wanted.audience,
        "registry": wanted.registry,
        "project": wanted.project or "",
        "index": f"{wanted.url}/{wanted.registry}/simple/" + (f"{wanted.project}/" if wanted.project else ""),
        "environment": wanted.environment,
        "plugin": wanted.plugin,
        "uv": UV,
        "twine": TWINE,
        "publish_job": _BEGIN,
        "end": _END,
        **more,
    }
    text = (resources.files(__package__) / "templates" / template).read_text()
    return _MARK.sub(lambda found: values[found[1]], text)


def whole(pipeline: str) -> str:
    """Give a pipeline without the marks around the job that publishes."""
    return "".join(line for line in pipeline.splitlines(keepends=True) if line.strip() not in {_BEGIN, _END})


def job(pipeline: str) -> str:
    """Give the job that publishes, alone."""
    return whole(pipeline.partition(_BEGIN)[2].partition(_END)[0].lstrip("\n"))


def written(pipelines: Pipelines, wanted: Wanted) -> str:
    """Write the statement that trusts exactly a pipeline, and beside each id that nobody gave, how to find it."""
    lines = []
    for line in pasted(pipelines.statement(wanted)).splitlines():
        key, _, value = line.strip("- ").partition(": ")
        help_ = pipelines.KEYS.get(key, "the first refused attempt says it")
        lines.append(f"{line}  # {help_}" if UNKNOWN in (json.loads(value) if value[:1] == '"' else "") else line)
    return "\n".join(["publishers:", *lines])


def checked(pipelines: Pipelines, known: Mapping[str, str]) -> Mapping[str, str]:
    """Refuse keys that the statement does not have.

    Raises:
        Invalid: there is one.
    """
    for key in known:
        if key not in pipelines.KEYS:
            raise Invalid(f"--set {key}: a publisher of {pipelines.NAME} has {', '.join(pipelines.KEYS)}")
    return known


def host(url: str) -> str:
    """Give the host of a URL, and its port where it says one."""
    return urlsplit(url).netloc
