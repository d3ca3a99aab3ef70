"""A webhook of the forge that `main` follows: all it says is that somebody should look now.

Nothing of its body is read but to verify that it comes from whoever knows the secret. What is verified:
GitHub, Gitea and Forgejo: X-Hub-Signature-256, HMAC-SHA256 of the body. Bitbucket: X-Hub-Signature, the same.
GitLab: X-Gitlab-Token, the secret itself; with a signing token, webhook-signature (Standard Webhooks 1.0).
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers

from registry.errors import Forbidden, NotFound, Unauthenticated
from registry.installation import Installation
from registry.web.doors import Need, door, passed
from registry.web.refusals import refusal
from registry.web.request import Request

LONGEST = 25 * 2**20  # bytes of a body; what GitHub sends at most
TOLERANCE = 300  # seconds that a signed time may differ from ours
_BLOCK = 64 * 2**10  # bytes
_SIGNED = "whsec_"  # how a signing token begins
_HEADERS = ("X-Hub-Signature-256", "X-Hub-Signature", "webhook-signature", "X-Gitlab-Token")


@dataclass(frozen=True, slots=True)
class Hook:
    """What a webhook needs, and what it does."""

    secret: str | None = field(repr=False)  # None: none is accepted
    poke: Callable[[], None]


def blueprint(installation: Installation, hook: Hook | None) -> Blueprint:
    """Make the route of the webhook.

    Args:
        installation: whose policy it speaks of.
        hook: None: `main` is made here.
    """
    routes = Blueprint("hooks", __name__, url_prefix="/-/hooks")

    @routes.post("/policy")
    @door(Need.PROOF, "A forge says that the policy moved")
    def policy() -> ResponseReturnValue:
        state = installation.following.state()
        if hook is None or state is None:
            raise NotFound("The policy of this server comes from no forge (waybill serve --policy-remote)")
        if hook.secret is None:
            return refusal(501, "This server has no secret for webhooks; its operator sets WAYBILL_POLICY_HOOK_SECRET")
        if not any(name in request.headers for name in _HEADERS):
            raise Unauthenticated(f"The webhook is not signed; give its secret to the forge, which then sends {_NAMES}")
        if not _verified(hook.secret, request.headers, _body()):
            raise Forbidden("The webhook's signature is wrong; give the forge the secret that this server has")
        passed(Need.PROOF)
        hook.poke()
        text = f"Looking at {state.place} now\n"
        return current_app.response_class(text, 202, content_type="text/plain; charset=utf-8")

    return routes


_NAMES = " or ".join(_HEADERS)


def _body() -> Iterator[bytes]:
    current = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug's way out of the proxy
    if isinstance(current, Request):
        current.allow(LONGEST, 0)
    while block := request.stream.read(_BLOCK):
        yield block


def _verified(secret: str, headers: Headers, body: Iterator[bytes]) -> bool:
    """Tell whether any of the proofs that came is one; all are compared, each in constant time."""
    stamp = headers.get("webhook-timestamp", "")
    plain = hmac.new(secret.encode(), digestmod=hashlib.sha256)
    dated = hmac.new(_key(secret), f"{headers.get('webhook-id', '')}.{stamp}.".encode(), hashlib.sha256)
    for block in body:
        plain.update(block)
        dated.update(block)
    hub = f"sha256={plain.hexdigest()}"
    standard = f"v1,{base64.b64encode(dated.digest()).decode()}"
    proofs = [
        _same(headers.get("X-Hub-Signature-256", ""), hub),
        _same(headers.get("X-Hub-Signature", ""), hub),
        _same(headers.get("X-Gitlab-Token", ""), secret),
        *(_same(given, standard) and _is_now(stamp) for given in headers.get("webhook-signature", "").split()[:10]),
    ]
    return any(proofs)


def _key(secret: str) -> bytes:
    """Read the key of a signing token."""
    if secret.startswith(_SIGNED):
        with suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix(_SIGNED), validate=True) or secret.encode()
    return secret.encode()


def _is_now(stamp: str) -> bool:
    return stamp.isascii() and stamp.isdigit() and len(stamp) < 12 and abs(time.time() - int(stamp)) <= TOLERANCE


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
