"""Who looks at a page with a browser: a cookie that names a session, and forms that nobody else's page can send.

The cookie counts for pages alone; the API takes tokens and nothing else, so a browser's cookie can do nothing there.
"""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import g, request
from werkzeug.wrappers import Response

from registry import credentials
from registry.changes.clearance import voter
from registry.errors import Forbidden, Unauthenticated
from registry.installation import Installation, View
from registry.policy.files import BadFile
from registry.policy.roles import Principal
from registry.sessions import LIFETIME, Sessions
from registry.web.doors import Need, passed

_COOKIE, _SECURE = "waybill", "__Host-waybill"  # the second only ever over https (RFC 6265bis, 4.1.3.2)
_STALE = "This form is out of date, or came from another page; nothing was done. Open the page again and repeat it"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in."""

    principal: Principal
    view: View
    secret: str  # of the session

    def seal(self, form: str) -> str:
        """Make what a form must carry: it shows that this session's own page sent it.

        Args:
            form: what it does, and to what.
        """
        return hmac.new(self.secret.encode(), form.encode(), hashlib.sha256).hexdigest()

    def require_seal(self, form: str) -> None:
        """Refuse a form that another page made.

        Raises:
            Forbidden: it did.
        """
        given = request.form.get("seal", "").encode(errors="replace")
        if not hmac.compare_digest(given, self.seal(form).encode()):
            raise Forbidden(_STALE)


def visitor(installation: Installation, sessions: Sessions) -> Visitor:
    """Tell who looks, by the session's token as it is now.

    Raises:
        Unauthenticated: nobody is signed in, or no longer.
        Forbidden: the account may not decide on changes any more.
    """
    view, secret = installation.view(), session_secret()
    token = sessions.token(secret, view.now) if secret else None
    if token is None:
        raise Unauthenticated("Sign in to see this page")
    principal = credentials.by_id(view.index, token, view.now)
    _require_voter(view, principal)
    g.principal = principal
    passed(Need.SESSION)
    return Visitor(principal, view, secret)


def sign_in(installation: Installation, sessions: Sessions, token: str) -> str:
    """Begin a session for whoever holds a token.

    Returns:
        The secret for the browser.

    Raises:
        Unauthenticated: nobody holds this token.
        Forbidden: it is limited, or a service account's, and these pages are people's.
    """
    view = installation.view()
    principal = credentials.authenticate(view.index, token, view.now)
    _require_voter(view, principal)
    g.principal = principal
    passed(Need.PROOF)
    return sessions.begin(principal.token or "", view.now)


def session_secret() -> str:
    """Read what the browser keeps; empty where it keeps nothing."""
    return request.cookies.get(_SECURE) or request.cookies.get(_COOKIE) or ""


def remember(response: Response, secret: str) -> None:
    """Let the browser keep a session's secret."""
    secure = _is_secure()
    response.set_cookie(
        _SECURE if secure else _COOKIE,
        secret,
        max_age=LIFETIME,
        secure=secure,
        httponly=True,
        samesite="Lax",  # not Strict: a link in a message to a change must not ask people to sign in again
    )


def forget(response: Response) -> None:
    """Let the browser keep nothing."""
    response.delete_cookie(_COOKIE, httponly=True, samesite="Lax")
    response.delete_cookie(_SECURE, secure=True, httponly=True, samesite="Lax")


def require_own_page(installation: Installation) -> None:
    """Refuse a form that a page of another site sent, before anything in it is read. Browsers say who sends.

    Raises:
        Forbidden: it did, or the browser does not say.
    """
    origin, site = request.headers.get("Origin", ""), request.headers.get("Sec-Fetch-Site", "same-origin")
    if site == "same-origin" and (_netloc(origin) == request.host or origin in _public(installation)):
        return
    raise Forbidden(
        "This form did not come from a page of this registry; nothing was done. Behind a proxy, waybill.yaml must have "
        "the public address as 'url'"
    )


def _is_secure() -> bool:
    """Tell whether the browser came over https, also through a proxy that does not say so: the browser itself does."""
    return request.is_secure or request.headers.get("Origin", "").startswith("https://")


def _public(installation: Installation) -> tuple[str, ...]:
    try:
        url = urlsplit(installation.policy().organization().url or "")
    except BadFile:
        return ()
    return (f"{url.scheme}://{url.netloc}",) if url.netloc else ()


def _netloc(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} else None


def _require_voter(view: View, principal: Principal) -> None:
    try:
        voter(view.policy, principal)
    except BadFile as bad:
        raise Forbidden(f"Nobody is known as long as people.yaml cannot be read: {bad.problems[0]}") from None
