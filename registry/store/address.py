"""Where a git repository elsewhere is, and what it knows us by: no secret stands where somebody else could read it."""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from registry.errors import Invalid

USER = "x-access-token"  # where the URL names none; for a token, most forges take any
_BRANCH = re.compile(r"(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)|[./]$))[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%+-]*")


@dataclass(frozen=True, slots=True)
class Login:
    """What the remote knows this server by; it needs no more than to read."""

    secret: str | None = field(default=None, repr=False)  # password or token, for http
    key: Path | None = None  # private key, for ssh; None: what ssh finds for the server's user
    network: Mapping[str, str] = field(default_factory=dict, repr=False)  # variables that name proxies and CAs

    def hidden(self, url: str, text: str) -> str:
        """Take out of a text what nobody may read: the remote knows the secret, and its words end in our log."""
        if self.secret:
            both = base64.b64encode(f"{user(url)}:{self.secret}".encode()).decode()
            for spelling in (self.secret, both):
                text = text.replace(spelling, "[redacted]")
        return text


def checked_url(text: str) -> str:
    """Let only such URLs pass as say no more than where a git repository is.

    Raises:
        Invalid: it is another one; the text has no secret in it.
    """
    scp = re.fullmatch(r"([\w.-]+@)?([\w.-]+):(?!/)([\w./~-]+)", text)
    if scp:
        raise Invalid(f"{text!a} has no protocol; write ssh://{scp[1] or ''}{scp[2]}/{scp[3]}")
    try:
        parts = urlsplit(text)
        secret, host, _ = parts.password, parts.hostname or "", parts.port
    except ValueError:
        raise Invalid("this is no URL; write one like https://forge.example/acme/policy.git") from None
    if secret is not None:
        raise Invalid("a secret in the URL would be in every process list; give it as WAYBILL_POLICY_TOKEN instead")
    if not re.fullmatch(r"[!-~]+", text) or parts.query or parts.fragment or not parts.path.strip("/"):
        raise Invalid("this is no plain URL of a git repository; write one like https://forge.example/acme/policy.git")
    if parts.username is not None and not _USER.fullmatch(parts.username):
        raise Invalid(f"{parts.username!a} cannot be a user's name")
    if parts.scheme == "file" and not parts.netloc:
        return text
    if parts.scheme not in {"https", "ssh", "http"} or not _HOST.fullmatch(host):
        raise Invalid(f"{text!a} cannot be followed; https://, ssh:// and file:///path can")
    if parts.scheme == "http" and not _is_here(host):
        raise Invalid(f"{text!a} is not encrypted, so anybody on the way could change rights; use https")
    return text


def checked_branch(text: str) -> str:
    """Let only names of branches pass (git-check-ref-format(1)), and not even all of them.

    Raises:
        Invalid: it is none.
    """
    if not _BRANCH.fullmatch(text):
        raise Invalid(f"{text!a} is no name of a branch, such as main")
    return text


def shown(url: str) -> str:
    """Write a URL as anybody may read it: without the user's name."""
    parts = urlsplit(url)
    return SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "").geturl()


class Secret:
    """A pipe from which git reads a secret, when the remote asks for one; closed after the block."""

    def __init__(self, url: str, login: Login) -> None:
        """Take what the remote asks for."""
        self._url, self._login = url, login
        self.pipe: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        if self._login.secret and urlsplit(self._url).scheme in {"https", "http"}:
            reader, writer = os.pipe()
            self.pipe = (reader,)
            with os.fdopen(writer, "wb") as stream:
                stream.write(f"username={user(self._url)}\npassword={self._login.secret}\n".encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fd in self.pipe:
            os.close(fd)

    @property
    def settings(self) -> dict[str, str]:
        """Tell git where to read it, for this one host (gitcredentials(7))."""
        parts = urlsplit(self._url)
        host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return {f"credential.{host}.helper": f'!f() {{ test "$1" = get && cat /dev/fd/{fd}; }}; f' for fd in self.pipe}


def user(url: str) -> str:
    """Tell who we are to a remote."""
    return unquote(urlsplit(url).username or USER)


def _is_here(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
