"""A CI job's side of trusted publishing: its identity token, and what a server gives for it."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from registry.cli.remote import NoRedirects
from registry.errors import Forbidden, Invalid, Unavailable
from registry.pipelines.base import Command, Pipelines, Request
from registry.shown import shown

PATIENCE = 20  # seconds
LONGEST = 64 * 2**10  # bytes of an answer


def identity(one: Pipelines, audience: str) -> str:
    """Get this job's identity token.

    Args:
        one: the CI system.
        audience: what the token is for.

    Raises:
        Invalid: this is no job of it that has one.
        Unavailable: the CI system gives none.
    """
    source = one.identity(os.environ, audience)
    if isinstance(source, Request):
        headers = {"Authorization": f"Bearer {source.bearer}", "Accept": "application/json"}
        found: object = _asked("The CI system", source.url, headers).get("value")
    elif isinstance(source, Command):
        found = _printed(source)
    else:
        found = source
    if not isinstance(found, str) or not found.strip():
        raise Invalid(f"{one.NAME} gives this job no identity token")
    return found.strip()


def audience(url: str) -> str:
    """Ask a server what identity tokens must be made for."""
    found = _asked(url, f"{_safe(url)}/_/oidc/audience").get("audience")
    if not isinstance(found, str):
        raise Unavailable(f"{url} does not say what identity tokens must be made for; check --url")
    return found


def mint(url: str, token: str, declared: dict[str, str]) -> dict[str, Any]:
    """Exchange an identity token for an upload token.

    Raises:
        Forbidden: the server refuses, with its own words.
        Unavailable: there is no server, or it is no registry.
    """
    answer = _asked(url, f"{_safe(url)}/_/oidc/mint-token", body={"token": token, "declared": declared})
    if not isinstance(answer.get("token"), str) or not isinstance(answer.get("expires"), int):
        raise Unavailable(f"{url} does not answer as a registry does; check --url")
    return answer


def burn(url: str, token: str) -> None:
    """End an upload token."""
    _asked(url, f"{_safe(url)}/_/oidc/burn-token", body={"token": token}, answers=False)


def hide(one: Pipelines, secret: str) -> str | None:
    """Let the CI system hide a value in its logs.

    Returns:
        A line that must be said for that.
    """
    if isinstance(one.MASK, str):
        return one.MASK.format(secret) or None
    with suppress(OSError, subprocess.TimeoutExpired):  # an old agent; the value is only given to who asked for it
        subprocess.run(  # noqa: S603 - a program of the CI system
            one.MASK, input=secret, text=True, capture_output=True, check=False, timeout=PATIENCE
        )
    return None


def _safe(url: str) -> str:
    """Refuse to send tokens unprotected, but to this machine itself."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise Invalid(f"{url} is not https, and a token that travels unprotected can be used by others")
    return f"{parts.scheme}://{parts.netloc}"  # trusted publishing is at the root of the host


def _printed(command: Command) -> str:
    name = command.arguments[0]
    try:
        done = subprocess.run(  # noqa: S603 - a program of the CI system
            command.arguments, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except FileNotFoundError:
        raise Unavailable(f"{name} is not installed here; it gives identity tokens") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{name} gave no identity token in {PATIENCE} seconds") from None
    if done.returncode:
        raise Unavailable(f"{name} gives no identity token: {shown(done.stderr.strip()[-500:])}")
    return done.stdout


def _asked(
    who: str, url: str, headers: dict[str, str] | None = None, body: object = None, *, answers: bool = True
) -> dict[str, Any]:
    """Send one request and read its answer, a JSON object; no words of a library, which may quote what was sent."""
    data = json.dumps(body).encode() if body is not None else None
    sent = {"Content-Type": "application/json", "User-Agent": "Waybill", **(headers or {})}
    try:
        request = urllib.request.Request(url, data, sent)  # noqa: S310 - addresses were checked, or are the CI system's
        with urllib.request.build_opener(NoRedirects).open(request, timeout=PATIENCE) as answer:
            text = answer.read(LONGEST)
    except urllib.error.HTTPError as error:
        raise Forbidden(_refusal(who, error)) from None
    except (OSError, HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise Unavailable(f"{who} does not answer: {shown(getattr(why, 'strerror', None) or why)}") from None
    found = _object(text) if answers else {}
    if found is None:
        raise Unavailable(f"{who} does not answer as expected: its answer is not JSON; check --url")
    return found


def _refusal(who: str, error: urllib.error.HTTPError) -> str:
    """Give the server's own sentences."""
    try:
        said = _object(error.read(LONGEST)) or {}
    except (OSError, HTTPException):
        said = {}
    errors = said.get("errors")
    found = [one.get("description") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    texts = [text for text in (*found, said.get("message")) if isinstance(text, str)]
    return texts[0] if texts else f"{who} answers {error.code} {error.reason}"


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
