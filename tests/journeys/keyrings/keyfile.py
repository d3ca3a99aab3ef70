"""A keyring in one JSON file: service -> user name -> password. It finds what was stored under exactly that service."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.credentials import Credential, SimpleCredential
from keyring.errors import PasswordDeleteError


class Keyfile(KeyringBackend):
    """The backend that `PYTHON_KEYRING_BACKEND=keyfile.Keyfile` chooses; `KEYFILE` says where the file is."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        """Find a password."""
        return _stored().get(service, {}).get(username)

    def get_credential(self, service: str, username: str | None) -> Credential | None:
        """Find a user name and password."""
        for name, password in _stored().get(service, {}).items():
            if username in {None, name}:
                return SimpleCredential(name, password)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a password."""
        stored = _stored()
        stored.setdefault(service, {})[username] = password
        Path(os.environ["KEYFILE"]).write_text(json.dumps(stored))

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""
        stored = _stored()
        if stored.get(service, {}).pop(username, None) is None:
            raise PasswordDeleteError(username)
        Path(os.environ["KEYFILE"]).write_text(json.dumps(stored))


def _stored() -> dict[str, dict[str, str]]:
    path = Path(os.environ["KEYFILE"])
    found: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    return found
