"""Whether the files of a git repository are what their checksums say, and all that its branches need is there.

Every format of git ends in, or is named by, a digest of its content: gitformat-pack(5), gitformat-commit-graph(5),
gitrepository-layout(5). Everything here may run while a server works in the same folder.
"""

import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from registry.errors import NotFound, Unavailable
from registry.store import LEDGER, POLICY
from registry.store.git import GitStore

_DIGEST = 20  # bytes of a SHA-1
_BLOCK = 2**20
_ID = re.compile(r"[0-9a-f]{40}")
_BYTE = re.compile(r"[0-9a-f]{2}")
_LOOSE = re.compile(r"[0-9a-f]{38}")
_SUFFIXES = {".pack", ".idx", ".rev", ".bitmap", ".mtimes", ".graph", ".midx"}  # what ends in a digest of all before it
_FROM_COPY = (
    "stop the server, move the file away and fetch the object from a clone: "
    "git -C waybill.git fetch CLONE 'refs/heads/*:refs/restored/*'; then scrub again"
)
_MADE_ANEW = "remove the file: git makes it anew"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was stored."""

    file: str  # below the data folder, or the object or record inside git
    problem: str
    repair: str


def files(path: Path) -> list[Path]:
    """List what of a git repository can be checked by itself: loose objects, packs, and what git derives from them."""
    objects = path / "objects"
    loose = [file for file in below(objects) if _LOOSE.fullmatch(file.name) and _BYTE.fullmatch(file.parent.name)]
    packed = [file for place in ("pack", "info") for file in below(objects / place) if _ends_in_digest(file)]
    return sorted(loose) + sorted(packed)


def below(folder: Path) -> Iterator[Path]:
    """List all files below a folder, in which others may make and remove files and folders meanwhile.

    Raises:
        OSError: a folder cannot be read; what is gone is no error.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for place, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(place, name) for name in names)


def check_file(path: Path) -> tuple[str, str] | None:
    """Compare one of `files` with its digest.

    Returns:
        What is wrong and what to do; None where nothing is.

    Raises:
        FileNotFoundError: a repack has just removed it.
    """
    if _LOOSE.fullmatch(path.name):
        try:
            content = zlib.decompress(path.read_bytes())
        except zlib.error:
            content = b""
        sound = hashlib.sha1(content, usedforsecurity=False).hexdigest() == path.parent.name + path.name
        return None if sound else ("the content of this git object does not have its name", _FROM_COPY)
    if not _digest_fits(path):
        repair = _FROM_COPY if path.suffix == ".pack" else _MADE_ANEW
        if path.suffix == ".idx":
            repair = "run 'git index-pack' on the pack beside it"
        return ("its content does not have the checksum at its end", repair)
    if path.suffix == ".pack":
        with path.with_suffix(".idx").open("rb") as index:
            index.seek(-2 * _DIGEST, 2)
            if index.read(_DIGEST) != _tail(path):
                return ("its index beside it belongs to another pack", "run 'git index-pack' on it")
    return None


def check_branches(path: Path, store: GitStore) -> tuple[list[str], list[Damage]]:
    """Look whether every branch can be read and names a commit.

    Args:
        path: the git repository.
        store: on the same.

    Returns:
        Where the branches are, and what is wrong with the others.
    """
    tips, damaged = [], []
    if not (path / "HEAD").read_bytes().startswith(b"ref: refs/heads/"):
        repair = f"write 'ref: refs/heads/{POLICY}' into it"
        damaged.append(Damage("waybill.git/HEAD", "git takes the folder for no git repository with this in it", repair))
    for file, name, tip in _references(path):
        if _ID.fullmatch(tip) and _is_there(store, tip):
            tips.append(tip)
        else:
            problem = f"{name} holds {tip[:40]!a}, which is no commit here"
            damaged.append(Damage(f"waybill.git/{file}", problem, _restore(name)))
    for branch in (POLICY, LEDGER):
        try:
            store.head(branch)
        except NotFound:
            name = f"refs/heads/{branch}"
            damaged.append(Damage(f"waybill.git/{name}", "there is no such branch", _restore(name)))
        except Unavailable:  # was told above
            continue
    return tips, damaged


def walk(store: GitStore, newest: Sequence[str]) -> Iterator[tuple[str, Unavailable | None]]:
    """Read everything that commits need, each object once and compared with its id.

    Args:
        store: where.
        newest: commits to begin at; their whole history is read.

    Yields:
        What was read, and what was wrong with it: commits, folders and files by id.
    """
    seen: set[bytes] = set()
    todo: list[tuple[str, str]] = [("commit", commit) for commit in newest]
    while todo:
        kind, object_id = todo.pop()
        key = bytes.fromhex(object_id)  # half the memory: there may be millions
        if key in seen:
            continue
        seen.add(key)
        try:
            todo += _needs(store, kind, object_id)
        except Unavailable as error:
            yield object_id, error
        else:
            yield object_id, None


def missing(object_id: str, error: Unavailable) -> Damage:
    """Say that history lacks an object."""
    return Damage(f"waybill.git: object {object_id}", str(error), _FROM_COPY)


def _needs(store: GitStore, kind: str, object_id: str) -> Iterator[tuple[str, str]]:
    if kind == "commit":
        commit = store.objects.commit(object_id)
        yield "folder", commit.tree.decode()
        yield from (("commit", parent.decode()) for parent in commit.parents)
    elif kind == "folder":
        yield from (("folder" if e.folder else "file", e.id) for e in store.objects.tree(object_id).values())
    else:
        store.objects.blob(object_id)


def _ends_in_digest(path: Path) -> bool:
    whole = path.suffix in _SUFFIXES or path.name in {"multi-pack-index", "commit-graph"}
    return whole and not path.name.startswith(("tmp_", "."))


def _digest_fits(path: Path) -> bool:
    digest, held = hashlib.sha1(usedforsecurity=False), b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            held += block
            digest.update(held[:-_DIGEST])
            held = held[-_DIGEST:]
    return digest.digest() == held


def _tail(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(-_DIGEST, 2)
        return stream.read()


def _references(path: Path) -> Iterator[tuple[str, str, str]]:
    """Read every branch as file, name and value; those that git packed stand in one file, a loose one wins."""
    loose: set[str] = set()
    for file in sorted(below(path / "refs" / "heads")):
        if file.suffix != ".lock":
            name = str(file.relative_to(path))
            with suppress(FileNotFoundError):  # git has just packed it
                value = file.read_bytes().decode("ascii", "replace").removesuffix("\n")
                loose.add(name)
                yield name, name, value
    packed = path / "packed-refs"
    lines = packed.read_bytes().decode("utf-8", "replace").splitlines() if packed.exists() else []
    for line in lines:
        tip, _, name = line.partition(" ")
        if not line.startswith(("# pack-refs", "^")) and not name.startswith("refs/tags/") and name not in loose:
            yield "packed-refs", name, tip


def _is_there(store: GitStore, object_id: str) -> bool:
    try:
        store.at(object_id)
    except (NotFound, Unavailable):
        return False
    return True


def _restore(name: str) -> str:
    return f"take it from a clone or backup: git -C waybill.git update-ref {name} COMMIT"
