"""Reading what an API request says, each value through the door of its kind."""

import json
from datetime import datetime
from typing import Any

from flask import request

from registry import names
from registry.errors import Forbidden, Invalid, Unauthenticated
from registry.history import moment
from registry.installation import Installation, View
from registry.policy.files import BadFile
from registry.policy.roles import Principal, Role, Scope
from registry.web.auth import caller
from registry.web.doors import Need, passed


def known_caller(installation: Installation, *, pipelines: bool = False) -> tuple[View, Principal]:
    """Require somebody: the API answers nobody in particular, and nobody who was disabled.

    Args:
        installation: who is known there.
        pipelines: also let a pipeline ask, whose rights its publisher gives.

    Raises:
        Unauthenticated: no credentials, or nobody's.
        Forbidden: the account is not active any more.
    """
    view = installation.view()
    principal = caller(view)
    if principal.name is None:
        raise Unauthenticated("Send a token as Basic password or as Bearer")
    if principal.run:
        if pipelines:
            passed(Need.SIGNED_IN)
            return view, principal
        raise Forbidden("An upload token publishes and reads its own projects; use an API token for this")
    try:
        account = view.policy.accounts().get(principal.name)
    except BadFile as bad:
        raise Forbidden(f"Nobody is known as long as people.yaml cannot be read: {bad.problems[0]}") from None
    if account is None or account.disabled:
        raise Forbidden(f"{principal.name} is not, or no longer, active in people.yaml")
    passed(Need.SIGNED_IN)
    return view, principal


def body(*known: str) -> dict[str, Any]:
    """Read the JSON object a request carries; empty where it carries nothing.

    Args:
        known: the keys that mean something; another one is refused, as a misspelt limit would be no limit.

    Raises:
        Invalid: it is something else.
    """
    raw = request.get_data()  # also without Content-Length: a body that was not read would be limits that do not hold
    try:
        sent = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise Invalid("Send a JSON object as body")
    unknown = sorted(set(sent) - set(known))
    if unknown:
        raise Invalid(f"{unknown[0][:40]!a}: unknown; what can be sent is {', '.join(known) or 'nothing'}")
    return sent


def said(sent: dict[str, Any], key: str) -> str | None:
    """Read an optional text of a JSON body.

    Raises:
        Invalid: it is something else.
    """
    value = sent.get(key)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{key}: send text, or leave it out")
    return value


def text(name: str) -> str:
    """Read a query parameter that must be there.

    Raises:
        Invalid: it is not.
    """
    value = request.args.get(name, "")
    if not value:
        raise Invalid(f"{name}: missing from the query")
    return value


def optional(name: str) -> str | None:
    """Read a query parameter that may be left out."""
    return request.args.get(name)


def time(name: str, *, end_of_day: bool = False) -> datetime | None:
    """Read a date or time from the query; a bare date may mean its last second.

    Raises:
        Invalid: it is neither.
    """
    try:
        return moment(request.args[name], end_of_day=end_of_day) if name in request.args else None
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None


def flag(name: str) -> bool:
    """Read a truth value from the query; false where it is not there.

    Raises:
        Invalid: it is neither.
    """
    value = request.args.get(name, "false")
    if value not in {"true", "false"}:
        raise Invalid(f"{name}: send true or false")
    return value == "true"


def number(name: str, default: int) -> int:
    """Read a whole number from the query.

    Raises:
        Invalid: it is none.
    """
    value = request.args.get(name, str(default))
    if not (value.isascii() and value.isdecimal()) or len(value) > 9:
        raise Invalid(f"{name}: {value!a} is not a number")
    return int(value)


def scope(sent: dict[str, Any]) -> Scope:
    """Read what a new token shall be limited to; only what is left out or null is no limit.

    Raises:
        Invalid: a role, registry or pattern is none.
    """
    role = said(sent, "role")
    try:
        limit = Role.ADMIN if role is None else Role.named(role)
    except KeyError:
        raise Invalid(f"role: choose one of {', '.join(map(str, Role))}") from None
    registries, projects = _texts(sent, "registries"), _texts(sent, "projects")
    return Scope(limit, tuple(map(names.registry_name, registries)), tuple(map(names.project_glob, projects)))


def _texts(sent: dict[str, Any], key: str) -> list[str]:
    value = sent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise Invalid(f"{key}: send a list of texts, or leave it out")
    return value
