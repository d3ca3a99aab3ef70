"""From a request to who asks, and from a verdict to an answer."""

from base64 import b64decode
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from flask import g, request
from werkzeug.datastructures import Authorization

from registry import credentials, names
from registry.errors import Forbidden, Invalid, NotFound, Unauthenticated
from registry.installation import View
from registry.members import unserved
from registry.names import ProjectName, RegistryName
from registry.policy.addresses import addresses
from registry.policy.decide import Denied
from registry.policy.files import BadFile
from registry.policy.known_as import System
from registry.policy.roles import ANYONE, Action, Principal
from registry.web.doors import passed

T = TypeVar("T")


def caller(view: View) -> Principal:
    """Tell who sent this request.

    A token is taken from wherever a client can put one: as Basic password with any user name, as user name with an
    empty password (`https://TOKEN@host/`), or as Bearer.

    Raises:
        Unauthenticated: credentials were sent and nobody holds them, also where none were needed (fail loud).
        Forbidden: a page of another site let a browser send them.
    """
    if "Authorization" not in request.headers:
        return ANYONE
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        _require_no_other_page()
    given = _token(request.authorization, request.headers["Authorization"])
    if given is None:
        raise Unauthenticated("The Authorization header is neither Basic nor Bearer; send a token as Basic password")
    principal = credentials.authenticate(view.index, given, view.now, view.state)
    g.principal = principal
    return principal


def _require_no_other_page() -> None:
    """Refuse a form of another site: a browser adds to it the password that it remembers, and says where it is from.

    Raises:
        Forbidden: it is one.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    if site not in {"same-origin", "none"} or (origin is not None and not _is_ours(origin)):
        raise Forbidden(
            "This came from a page of another site, with a password that the browser remembers; nothing was done"
        )


def _is_ours(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:
        return False


def _token(sent: Authorization | None, header: str) -> str | None:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            # A token is ASCII; a user name comes as UTF-8 or, from pip, twine and all who use requests, as Latin-1.
            user, _, password = b64decode(rest.strip(), validate=True).decode("latin-1").partition(":")
        except ValueError:
            return None
        # No token has a colon, but a user name may: RFC 7617 counts all after its first colon as password.
        return (password or user).rpartition(":")[2]
    return sent.token if sent and sent.type == "bearer" else None


def known_registry(view: View, raw: str) -> RegistryName:
    """Check that a registry exists; one whose file is broken does, and denies.

    The workspace of Bitbucket Packages whose place a registry takes is as good as its name.

    Raises:
        NotFound: there is none of this name.
    """
    try:
        registry = names.registry_name(raw)
        found = view.policy.registry(registry) is not None
    except BadFile:
        return names.registry_name(raw)
    except Invalid:
        pass
    else:
        if found:
            return registry
    try:
        return meant(view, lambda: addresses(view.policy).find(System.BITBUCKET, raw))
    except NotFound:
        raise NotFound(f"There is no registry {raw[:80]!a} here; an index is at /<registry>/simple/") from None


def meant(view: View, find: Callable[[], T]) -> T:
    """Look up what an address means; why it cannot be told, strangers do not learn.

    Raises:
        Unauthenticated: it cannot be told, and no credentials were sent. Else what `find` raises.
    """
    g.setdefault("looked_up", view.policy.commit)
    try:
        return find()
    except Forbidden:
        if caller(view).name is None:
            raise Unauthenticated("For this address, give a token as password, with user name __token__") from None
        raise


def known_project(raw: str) -> ProjectName:
    """Normalise a project name of a URL.

    Raises:
        NotFound: it cannot name a project.
    """
    try:
        return names.project_name(raw)
    except Invalid as error:
        raise NotFound(str(error)) from None


def permit(
    view: View, principal: Principal, action: Action, registry: RegistryName, project: ProjectName | None
) -> None:
    """Let an action pass, or refuse it: 401 to nobody in particular, 403 to somebody. Strangers learn no reason.

    Raises:
        Unauthenticated: no credentials were sent, and some are needed.
        Forbidden: the policy does not allow it.
    """
    _require(view, principal, action, registry, project)
    if wrong := unserved(view.policy, registry):
        raise Forbidden(wrong)
    passed(action)


def permit_composite(view: View, principal: Principal, registry: RegistryName, project: ProjectName | None) -> None:
    """Let somebody ask a composite; what they may read of its members is asked of them.

    Raises:
        Unauthenticated: no credentials were sent, and some are needed.
        Forbidden: the policy does not allow it.
    """
    _require(view, principal, Action.READ, registry, project)


def _require(
    view: View, principal: Principal, action: Action, registry: RegistryName, project: ProjectName | None
) -> None:
    verdict = view.decide(principal, action, registry, project)
    if isinstance(verdict, Denied):
        if principal.name is None:
            raise Unauthenticated(
                f"To {action} in registry {registry}, give a token as password, with user name __token__"
            )
        raise Forbidden(verdict.reason)
