"""An installation and its web faces in this process: what a test says to it, and what it may look up behind it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry import credentials, curate, removal, tokens
from registry.cli import data
from registry.installation import Installation
from registry.model import Status
from registry.names import ProjectName, RegistryName, distribution
from registry.policy.roles import Role, Scope
from registry.store import LEDGER, POLICY, NewCommit, Signature
from registry.token_records import token_record
from registry.web import create_app

Field = tuple[str, str | tuple[str, bytes]]  # name and text, or name and (filename, content)
Archive = tuple[str, bytes]

ALICE = Signature("alice", "alice@acme.example")
BOUNDARY = "----a-boundary"
PYTHON = RegistryName("python")


def multipart(fields: Iterable[Field]) -> tuple[bytes, str]:
    """Write a form in exactly this order: its body and its Content-Type."""
    body = bytearray()
    for name, value in fields:
        text, more = (value.encode(), "") if isinstance(value, str) else (value[1], f'; filename="{value[0]}"')
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + text + b"\r\n"
    return bytes(body) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def basic(user: str, password: str) -> str:
    """Write credentials as HTTP Basic does (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class Site:
    """One installation with the admin `alice`, and a client of its faces."""

    folder: Path
    installation: Installation
    app: Flask
    lines: list[str] = field(default_factory=list, repr=False)  # what the request log wrote
    secrets: dict[str, str] = field(default_factory=dict, repr=False)  # unlimited tokens by person

    def token(self, person: str = "alice") -> str:
        """Give a person's unlimited token, made when first asked for."""
        if person not in self.secrets:
            self.secrets[person] = self.limited(person, Scope())
        return self.secrets[person]

    def limited(self, person: str, scope: Scope) -> str:
        """Make a token with a scope."""
        return tokens.create(self.installation, None, person, scope=scope, expires=None).secret

    def ask(
        self,
        path: str,
        person: str | None = "alice",
        *,
        method: str = "GET",
        data: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send one request; None sends it without credentials, unless the headers have some."""
        sent = {"Authorization": basic("__token__", self.token(person))} if person else {}
        url = path.encode().decode("latin-1") if not path.isascii() else path
        return self.app.test_client().open(
            url, method=method, data=data, headers={**sent, **(headers or {})}, query_string=query, buffered=True
        )

    def send(
        self,
        fields: Iterable[Field],
        path: str = "/python/",
        person: str | None = "alice",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Post a form."""
        body, content_type = multipart(fields)
        sent = {"Content-Type": content_type, **(headers or {})}
        return self.ask(path, person, method="POST", data=body, headers=sent)

    def publish(
        self,
        archive: Archive,
        path: str = "/python/",
        person: str | None = "alice",
        headers: Mapping[str, str] | None = None,
        said: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Upload one file with the fields that the legacy form needs, and what the test lets it say."""
        fields = {":action": "file_upload", "protocol_version": "1", **(said or {})}
        return self.send([*fields.items(), ("content", archive)], path, person, headers)

    def head(self) -> str:
        """Tell the newest ledger commit."""
        return self.installation.store.head(LEDGER).id

    def policy(self, **files: str | None) -> str:
        """Commit policy files and give the commit; `registries__python__registry` names a path without `.yaml`."""
        changes = {
            f"{name.replace('__', '/')}.yaml": None if text is None else text.encode() for name, text in files.items()
        }
        return self._append(POLICY, changes)

    def ledger(self, changes: Mapping[str, bytes | None]) -> str:
        """Commit facts that no verb writes yet, and give the commit."""
        return self._append(LEDGER, changes)

    def set_status(self, project: str, status: Status, reason: str = "") -> None:
        """Give a project a status (PEP 792), as the operator."""
        curate.set_status(self.installation, None, PYTHON, ProjectName(project), status, reason)

    def delete(self, filename: str) -> None:
        """Delete a file, as the operator."""
        dist = distribution(filename)
        whole = removal.Whole(PYTHON, dist.project, dist.version, filename)
        assert removal.delete(self.installation, None, whole, "a secret was in it").files

    def expire(self, secret: str, moment: datetime) -> None:
        """Let a token have ended at a moment that may be past."""
        token = credentials.find(self.installation.view().index, secret.split("_")[1])
        assert token is not None
        self.ledger({f"tokens/{token.id}.json": token_record(replace(token, expires=moment))})

    def drafts(self) -> Sequence[Path]:
        """List what uploads left behind."""
        return list((data.git_folder(self.folder) / "lfs" / "tmp").iterdir())

    def _append(self, branch: str, changes: Mapping[str, bytes | None]) -> str:
        store = self.installation.store
        commit = NewCommit(changes, "change: by a test\n", ALICE, ALICE, int(self._now().timestamp()))
        return store.append(branch, store.head(branch), [commit]).id

    def _now(self) -> datetime:
        return self.installation.view().now


def new_site(folder: Path) -> Site:
    """Make an installation in a folder, and its faces."""
    lines: list[str] = []
    installation = data.create(folder, "acme", "alice")
    made = Site(folder, installation, create_app(installation, log=lines.append), lines)
    made.token()  # now, so that no test counts its commit
    return made


def reader(project: str | None = None) -> Scope:
    """Give the scope of a token that only reads, perhaps only one project."""
    return Scope(Role.READ, (), (project,) if project else ())


def json_of(response: TestResponse) -> dict[str, Any]:
    """Read an answer that must be a JSON object."""
    assert response.status_code == 200, response.text
    value = response.get_json(force=True)
    assert isinstance(value, dict)
    return value
