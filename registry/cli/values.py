"""What people type as values, and what is shown to them.

A value is read into what it means; one that cannot be meant is wrong usage (exit code 2).
"""

import argparse
import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from registry import names
from registry.errors import Invalid
from registry.history import moment
from registry.marks import source_commit
from registry.names import ProjectName
from registry.store.address import checked_branch, checked_url

T = TypeVar("T")

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_UNBROKEN = re.compile(r"[!-~]+")  # printable ASCII without spaces


def progress(what: str) -> Callable[[int], None] | None:
    """Make a report of long work that counts up on a terminal, and nowhere else."""
    if not sys.stderr.isatty():
        return None
    return lambda done: print(f"{done:,} {what}", end="\r", file=sys.stderr, flush=True)


def _said(reader: Callable[[str], T]) -> Callable[[str], T]:
    """Let argparse show our own sentence."""

    def read(text: str) -> T:
        try:
            return reader(text)
        except Invalid as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


@_said
def span(text: str) -> timedelta:
    """Read a span of time, such as 90d."""
    parts = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text)
    if not parts:
        raise Invalid(f"{text!a} is not a span; write a number and m, h, d or w, such as 90d")
    return int(parts[1]) * _UNITS[parts[2]]


@_said
def pause(text: str) -> timedelta:
    """Read a span of time that may be short, such as 30s."""
    seconds = re.fullmatch(r"([1-9][0-9]{0,4})s", text)
    if seconds:
        return timedelta(seconds=int(seconds[1]))
    parts = re.fullmatch(r"([1-9][0-9]{0,2})([mhd])", text)
    if not parts:
        raise Invalid(f"{text!a} is not a span; write a number and s, m, h or d, such as 30s")
    return int(parts[1]) * _UNITS[parts[2]]


remote = _said(checked_url)
branch = _said(checked_branch)


@_said
def address(text: str) -> str:
    """Read where to listen."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536):
        raise Invalid(f"{text!a} is not HOST:PORT, such as 127.0.0.1:8080")
    return text


@_said
def server(text: str) -> str:
    """Read the address of a server, without any secret in it."""
    if not _is_address(text):
        harmless = "this" if set(text) & set("@?#") else ascii(text)  # a secret may stand before or behind these
        raise Invalid(f"{harmless} is not an address like https://packages.acme.example, without token")
    return text.rstrip("/")


def _is_address(text: str) -> bool:
    if not _UNBROKEN.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # half an IPv6 address, or a port that is none
        return False
    named = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    return named and not ("@" in parts.netloc or parts.query or parts.fragment)


@_said
def release(text: str) -> tuple[ProjectName, str]:
    """Read PROJECT==VERSION."""
    project, equals, version = text.partition("==")
    if not equals:
        raise Invalid(f"{text!a} is not PROJECT==VERSION, such as payments-api==1.4.0")
    return names.project_name(project), names.version(version)


@_said
def project_or_release(text: str) -> tuple[ProjectName, str | None]:
    """Read PROJECT or PROJECT==VERSION."""
    project, equals, version = text.partition("==")
    return names.project_name(project), names.version(version) if equals else None


def between(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers in a range."""

    @_said
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise Invalid(f"{text!a} is not a number from {least} to {most}")
        return int(text)

    return read


@_said
def date(text: str) -> datetime:
    """Read a date or time."""
    return moment(text)


@_said
def provider(text: str) -> str:
    """Read the name of a CI system; other packages' are looked for only now."""
    from registry import pipelines  # noqa: PLC0415 - every command has this file, and two are about pipelines

    known = pipelines.names()
    if text not in known:
        raise Invalid(f"{text!a} is no CI system that is known here; known are {', '.join(known)}")
    return text


@_said
def last_moment(text: str) -> datetime:
    """Read a date, which means its end, or a time."""
    return moment(text, end_of_day=True)


commit = _said(source_commit)
project = _said(names.project_name)
glob = _said(names.project_glob)
registry = _said(names.registry_name)
