"""What each route asks of who comes, said where the route stands, and held to it.

    @routes.get("/registries/<registry>/projects/<project>")
    @door(Action.READ, "A project and its releases", answer=ProjectAnswer)
    def show(registry: str, project: str) -> ResponseReturnValue: ...

A declaration cannot lie for long: whoever checks a permission (`permit`, `known_caller`, ...) says so by `passed`, and
no answer leaves a route before what the route declares was passed. An application with a route that declares nothing
cannot be made.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request
from werkzeug.routing import Rule

from registry.errors import Invalid
from registry.policy.roles import Action

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "door"


class Need(Enum):
    """What a route asks that is no action on a registry or project; the value is said to people."""

    NOTHING = "anybody"
    SIGHT = "anybody; each is answered what they may read, and nobody in particular what is public"
    SIGNED_IN = "a person or service account, by an API token"
    AUDITOR = "an admin or auditor, by an API token without limits"
    SESSION = "a person who signed in with a browser"
    PROOF = "a credential of its own: an identity token, a signature, a token in a form"


Permission = Action | Need


@dataclass(frozen=True, slots=True)
class Query:
    """One parameter of a query, or a header."""

    name: str
    text: str  # what it is for
    of: Any = str  # the type of its value, as `registry/web/schema.py` reads types
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """What a route says of itself."""

    asks: Permission  # the least that anybody needs; a view may ask more, never less
    summary: str
    query: tuple[Query, ...] | None = None  # every parameter that means something; None: unknown ones are not refused
    headers: tuple[Query, ...] = ()  # what a request may say beside it, but for credentials and forms of the answer
    body: Any = None  # type of what is sent; None: nothing, or nothing that is described
    sent: str = "application/json"  # media type of what is sent
    answer: Any = None  # type of the JSON answer; None: another form, and the route is not described
    status: int = 200  # of the answer when all is well
    stream: Any = None  # type of each line, where the answer is also given as NDJSON

    @property
    def forms(self) -> list[tuple[str, Any]]:
        """The media types of the answer, with the type of each."""
        lines = [("application/x-ndjson", str)] if self.stream else []
        return [("application/json", self.answer), *lines]


def door(asks: Permission, summary: str, **more: Any) -> Callable[[F], F]:
    """Declare what a view asks; stands between its routes and itself.

    Args:
        asks: the permission.
        summary: one line for people.
        more: the other fields of `Door`.
    """

    def declare(view: F) -> F:
        setattr(view, _ATTRIBUTE, Door(asks, summary, **more))
        return view

    return declare


def passed(permission: Permission) -> None:
    """Say that the caller of this request has a permission."""
    if "passed" not in g:
        g.passed = set()
    g.passed.add(permission)


def refused() -> None:
    """Say that this request is refused, by an answer that does not look like it: a page that leads to another."""
    g.refused = True


def current() -> Door | None:
    """Give the declaration of the route that is asked."""
    return None if request.url_rule is None else _of(current_app, request.url_rule.endpoint)


def every(app: Flask) -> Iterator[tuple[Rule, Door]]:
    """List the routes of an application with what each declares, in the order of their paths.

    Raises:
        LookupError: one declares nothing.
    """
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        found = _of(app, rule.endpoint)
        if found is None:
            raise LookupError(f"{rule.rule} ({rule.endpoint}) declares no permission; put @door(...) over its view")
        yield rule, found


def guard(app: Flask, defect: Callable[[Exception], Response]) -> None:
    """Hold the routes of an application to what they declare.

    Args:
        app: with all its routes.
        defect: answers that a route did not ask what it declares.

    Raises:
        LookupError: one declares nothing.
    """
    for _ in every(app):
        pass

    @app.after_request
    def hold(response: Response) -> Response:
        found = current()
        if response.status_code >= 400 or found is None or request.method == "OPTIONS" or g.get("refused"):
            return response
        if found.asks is Need.NOTHING or found.asks in g.get("passed", ()):
            return response
        response.close()
        return defect(RuntimeError(f"{request.endpoint} answers without having asked what it declares: {found.asks}"))


def fields() -> set[str]:
    """Name all that a request of this route may say: in its path, its query, its body."""
    found = current()
    if found is None:
        return set()
    body = getattr(found.body, "__annotations__", {})
    return {*(request.view_args or {}), *(query.name for query in found.query or ()), *body}


def require_known_query() -> None:
    """Refuse a parameter that means nothing here: a misspelt limit would be no limit.

    Raises:
        Invalid: there is one.
    """
    found = current()
    if found is None or found.query is None:
        return
    known = [query.name for query in found.query]
    unknown = sorted(set(request.args) - set(known))
    if unknown:
        raise Invalid(f"{unknown[0][:40]!a}: unknown in the query; what it may have is {', '.join(known) or 'nothing'}")


def _of(app: Flask, endpoint: str) -> Door | None:
    found = getattr(app.view_functions.get(endpoint), _ATTRIBUTE, None)
    return found if isinstance(found, Door) else None
