"""Reads everything that is stored and compares it with its digest: what rotted on disk is found before it is needed.

It changes nothing and may run beside a live server. What fails is read once more at the end, because a server may have
been replacing it; what is gone then was removed on purpose, unless the ledger needs it.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from registry.changes.record import read_change_record
from registry.durable import DRAFT
from registry.errors import Invalid, Unavailable
from registry.model import File
from registry.records import pointer, read_file_record, read_project_record, read_release_record
from registry.store import LEDGER, Snapshot
from registry.store import damage as git
from registry.store.damage import Damage
from registry.store.git import GitStore
from registry.strips import is_sound, is_whole
from registry.token_records import read_token_record

Progress = Callable[[str, int, int | None], None]  # what is read, how many so far, of how many if that is known

_SHA256 = re.compile(r"[0-9a-f]{64}")
_RECORDS = (".whl.json", ".tar.gz.json")
_AGAIN = (
    "move it away and upload the same file again, or copy it from a clone (CONTRIBUTING.md, 'The whole registry as a "
    "git clone')"
)
_UNSEEN = "this registry did not write it: see 'git log ledger' for who did, and restore the branch from a clone"


def scrub(folder: Path, path: Path, progress: Progress) -> Iterator[Damage]:
    """Check a whole installation.

    Args:
        folder: the data folder.
        path: the git repository in it.
        progress: is told how far it is.

    Yields:
        What is damaged, each with what to do about it.
    """
    store = GitStore(path)
    yield from _check_files(folder, path, progress)
    tips, damaged = git.check_branches(path, store)
    yield from damaged
    lost = 0
    for number, (object_id, error) in enumerate(git.walk(store, tips), 1):
        progress("objects of history", number, None)
        if error:
            lost += 1
            yield git.missing(object_id, error)
    if not lost and not damaged:  # else what the ledger says cannot be read whole
        yield from _check_ledger(store, path / "lfs" / "objects", progress)


def _check_files(folder: Path, path: Path, progress: Progress) -> Iterator[Damage]:
    checks: list[tuple[Path, Callable[[Path], tuple[str, str] | None]]] = [
        *((file, git.check_file) for file in git.files(path)),
        *((file, _check_artifact) for file in sorted(git.below(path / "lfs" / "objects"))),
        *((file, _check_page) for file in sorted(git.below(folder / "cache")) if not file.name.startswith(DRAFT)),
        *((file, _check_database) for file in sorted(folder.glob("*.sqlite"))),
    ]
    suspects = []
    for number, (file, check) in enumerate(checks, 1):
        progress("files", number, len(checks))
        if _failure(file, check):
            suspects.append((file, check))
    for file, check in suspects:
        if failure := _failure(file, check):
            yield Damage(str(file.relative_to(folder)), *failure)


def _failure(file: Path, check: Callable[[Path], tuple[str, str] | None]) -> tuple[str, str] | None:
    try:
        return check(file)
    except FileNotFoundError:  # removed meanwhile
        return None
    except OSError as error:
        return f"it cannot be read ({error.strerror})", "check the disk; then restore the file from a clone or backup"


def _check_artifact(file: Path) -> tuple[str, str] | None:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    place = file.name == found and file.parent.name == found[2:4] and file.parent.parent.name == found[:2]
    return None if place else (f"the content of this artifact has sha256 {found}", _AGAIN)


def _check_page(file: Path) -> tuple[str, str] | None:
    """Check a rendered page, which begins with the sha256 of the rest."""
    digest, _, content = file.read_bytes().partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() == digest:
        return None
    return "the content of this page does not have the sha256 in its first line", "remove it: it is made anew"


def _check_database(file: Path) -> tuple[str, str] | None:
    if file.stem == "trail":
        return None if is_sound(file) else ("a seal in it is broken", "remove it: it is made anew")
    return None if is_whole(file) else ("SQLite finds it damaged", "remove it and restart: it is made anew")


def _check_ledger(store: GitStore, artifacts: Path, progress: Progress) -> Iterator[Damage]:
    """Compare every record with what lies beside it, and with the artifact it speaks of."""
    head = store.head(LEDGER)
    for number, place in enumerate(_below(head, ""), 1):
        progress("records", number, None)
        try:
            problem = _check_record(head, place)
            if problem is None and place.endswith(_RECORDS):
                problem = _check_kept(store, artifacts, place)
        except (Unavailable, Invalid) as error:
            yield Damage(f"waybill.git: ledger:{place}", str(error), _UNSEEN)
            continue
        if problem:
            yield Damage(f"waybill.git: ledger:{place}", *problem)


def _check_record(head: Snapshot, place: str) -> tuple[str, str] | None:
    text = head.read(place) or b""
    if place.startswith("tokens/"):
        read_token_record(text)
    elif place.startswith("changes/"):
        read_change_record(text)
    elif place.endswith("/project.json"):
        read_project_record(text)
    elif place.endswith("/release.json"):
        read_release_record(text)
    elif place.endswith(_RECORDS):
        file, beside = read_file_record(text), place.removesuffix(".json")
        metadata, attestations = (head.read(f"{beside}.{kind}") for kind in ("metadata", "attestations.json"))
        digest = hashlib.sha256(metadata).hexdigest() if metadata is not None else None
        signed = hashlib.sha256(attestations).hexdigest() if attestations is not None else None
        if not file.deleted and head.read(beside) != pointer(file.sha256, file.size):
            return "the Git LFS pointer beside it speaks of another file", _UNSEEN
        if not file.deleted and digest != file.metadata_sha256:
            return "the metadata beside it does not have the sha256 it says", _UNSEEN
        if not file.deleted and signed != (file.attested.sha256 if file.attested else None):
            return "the attestations beside it do not have the sha256 it says", _UNSEEN
        if file.filename != beside.rpartition("/")[2]:
            return f"it speaks of {file.filename}", _UNSEEN
    return None


def _check_kept(store: GitStore, artifacts: Path, place: str) -> tuple[str, str] | None:
    """Look for a file's artifact; what is missing may have been deleted since, so the newest record decides."""
    if not (failure := _kept(artifacts, store.head(LEDGER).read(place))):
        return None
    return failure, _AGAIN


def _kept(artifacts: Path, record: bytes | None) -> str | None:
    file: File | None = read_file_record(record) if record else None
    if file is None or file.deleted:
        return None
    with suppress(FileNotFoundError):
        size = (artifacts / file.sha256[:2] / file.sha256[2:4] / file.sha256).stat().st_size
        return None if size == file.size else f"its artifact has {size} instead of {file.size} bytes"
    return f"its artifact, sha256 {file.sha256}, is not there"


def _below(head: Snapshot, folder: str) -> Iterator[str]:
    for name, entry in head.entries(folder).items():
        place = f"{folder}/{name}".lstrip("/")
        if entry.folder:
            yield from _below(head, place)
        else:
            yield place
