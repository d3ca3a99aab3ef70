"""Ledgers for the rules that read them: one that a server wrote, and what nobody should have written after it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from registry.cli import data
from registry.index import Index, file_path
from registry.model import Deletion, File, Sha256
from registry.names import distribution
from registry.records import canonical, file_record, message, pointer
from registry.store import LEDGER, NewCommit
from tests.archives import sdist, wheel
from tests.registry.web.site import ALICE, PYTHON, Site, new_site
from tests.running import run_git
from validator.builders import NOW, Builders
from validator.checking import Wanted, prepared
from validator.subject import Material

OTHER = Sha256("0" * 64)
KEY = Ed25519PrivateKey.from_private_bytes(b"a key for tests, known by all   ")
PUBLIC = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
SIGNER = f'registry@example.org namespaces="git" {PUBLIC}'
HEADERS = ["License-Expression: MIT", "Description-Content-Type: text/plain"]
CONTENT: Any = {
    "requires_python": ">=3.9",
    "headers": ["License-Expression: MIT", "Description-Content-Type: text/plain"],
}
FILENAME = "demo-1.0-py3-none-any.whl"
DIST = distribution(FILENAME)
PATH = file_path(PYTHON, DIST)


class Books:
    """An installation with two files, and a pen for its ledger."""

    def __init__(self, site: Site) -> None:
        self.site = site
        for archive in (wheel("demo", "1.0", **CONTENT, body="Text."), sdist("demo", "1.0", **CONTENT, body="Text.")):
            assert site.publish(archive).status_code == 200

    @property
    def file(self) -> File:
        found = Index(self.site.installation.store.head(LEDGER)).file(PYTHON, DIST)
        assert found
        return found

    def read(self, path: str) -> bytes:
        return self.site.installation.store.head(LEDGER).read(path) or b""

    def write(self, changes: Mapping[str, bytes | None], earlier: int = 0, **facts: str) -> None:
        """Commit to the ledger, with an event of its own unless the facts name one."""
        store = self.site.installation.store
        head = store.head(LEDGER)
        said = {"Waybill-Event": "repair", **{name.replace("_", "-"): value for name, value in facts.items()}}
        text = (
            message("repair: by hand", list(said.items())) if said["Waybill-Event"] != "none" else "repair: by hand\n"
        )
        store.append(LEDGER, head, [NewCommit(changes, text, ALICE, ALICE, head.time - earlier)])

    def publish(self, file: File, digest: str) -> None:
        """Commit a publication of the wheel."""
        changes = {f"{PATH}.json": file_record(file, PYTHON), PATH: pointer(file.sha256, file.size)}
        self.write(changes, Waybill_Event="publish", Registry=PYTHON, File=FILENAME, Digest=f"sha256:{digest}")

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Rewrite the wheel's record."""
        record = json.loads(self.read(f"{PATH}.json"))
        change(record)
        self.write({f"{PATH}.json": canonical(record)})

    def bury(self) -> None:
        gone = replace(self.file, deleted=Deletion("alice", "a secret was in it", NOW))
        self.write({f"{PATH}.json": file_record(gone, PYTHON), PATH: None, f"{PATH}.metadata": None})

    def leave_metadata(self) -> None:
        gone = replace(self.file, deleted=Deletion("alice", "a secret was in it", NOW))
        self.write({f"{PATH}.json": file_record(gone, PYTHON), PATH: None})

    def sign(self) -> None:
        """Make every commit again, signed with ssh."""
        git = data.git_folder(self.site.folder)
        key = self.site.folder / "key"
        key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        key.chmod(0o600)
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "gpg.format=ssh"]
        made = ""
        for commit in run_git(git, "rev-list", "--reverse", "ledger").split():
            tree, text = f"{commit}^{{tree}}", run_git(git, "log", "-1", "--format=%B", commit).strip() + "\n"
            after = ["-p", made] if made else []
            made = run_git(git, *who, "commit-tree", f"-S{key}", tree, *after, "-m", text).strip()
        run_git(git, "update-ref", "refs/heads/ledger", made)

    def merge(self) -> None:
        git = data.git_folder(self.site.folder)
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        tree, head, before = (run_git(git, "rev-parse", f"ledger{end}").strip() for end in ("^{tree}", "", "~1"))
        text = "repair: by hand\n\nWaybill-Event: repair\n"
        made = run_git(git, *who, "commit-tree", tree, "-p", head, "-p", before, "-m", text).strip()
        run_git(git, "update-ref", "refs/heads/ledger", made)


def ledger(spoil: Callable[[Books], object]) -> Callable[[Builders], Material]:
    """Give the material of a ledger after something was done to it."""

    def make(builders: Builders) -> Material:
        books = Books(new_site(builders.folder / "site"))
        spoil(books)
        return prepared([data.git_folder(books.site.folder)], Wanted(NOW), builders.keep)[0].material

    return make
