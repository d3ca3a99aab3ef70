"""Reading what an API request says, each value through the door of its kind."""

from datetime import datetime
from typing import Any

from flask import request

from registry import names
from registry.errors import Forbidden, Invalid, Unauthenticated
from registry.history import moment
from registry.installation import Installation, View
from registry.policy.roles import Principal, Role, Scope
from registry.web.auth import caller


def known_caller(installation: Installation) -> tuple[View, Principal]:
    """Require somebody: the API answers nobody in particular, and nobody who was disabled.

    Raises:
        Unauthenticated: no credentials, or nobody's.
        Forbidden: the account is not active any more.
    """
    view = installation.view()
    principal = caller(view)
    if principal.name is None:
        raise Unauthenticated("Send a token as Basic password or as Bearer")
    account = view.policy.accounts().get(principal.name)
    if account is None or account.disabled:
        raise Forbidden(f"{principal.name} is not, or no longer, active in people.yaml")
    return view, principal


def body() -> dict[str, Any]:
    """Read the JSON object a request carries; empty where it carries nothing.

    Raises:
        Invalid: it is something else.
    """
    sent = request.get_json(silent=True) if request.content_length else {}
    if not isinstance(sent, dict):
        raise Invalid("Send a JSON object as body, with Content-Type: application/json")
    return sent


def text(name: str) -> str:
    """Read a query parameter that must be there.

    Raises:
        Invalid: it is not.
    """
    value = request.args.get(name, "")
    if not value:
        raise Invalid(f"{name}: missing from the query")
    return value


def time(name: str) -> datetime | None:
    """Read a date or time from the query.

    Raises:
        Invalid: it is neither.
    """
    return moment(request.args[name]) if name in request.args else None


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
    """Read what a new token shall be limited to.

    Raises:
        Invalid: a role, registry or pattern is none.
    """
    try:
        role = Role.named(str(sent.get("role", Role.ADMIN)))
    except KeyError:
        raise Invalid(f"role: choose one of {', '.join(map(str, Role))}") from None
    registries, projects = sent.get("registries") or [], sent.get("projects") or []
    if not isinstance(registries, list) or not isinstance(projects, list):
        raise Invalid("registries, projects: send lists of text")
    return Scope(
        role,
        tuple(names.registry_name(str(name)) for name in registries),
        tuple(names.project_glob(str(glob)) for glob in projects),
    )
