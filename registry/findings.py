"""The tables of the finder, and how they follow the ledger.

A flipped bit in what an index has, too, SQLite finds by comparing them; what stands in one place alone is under a seal.
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection
from typing import Any

from packaging.version import Version

from registry import metadata, names
from registry.errors import Invalid
from registry.index import Index, release_folder
from registry.names import ProjectName, RegistryName, version_order
from registry.records import read_release_record
from registry.strips import Damaged

TABLES = """
CREATE TABLE IF NOT EXISTS seen (once INTEGER PRIMARY KEY CHECK (once = 0), head TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS folder (path TEXT PRIMARY KEY, tree TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS project (
    id INTEGER PRIMARY KEY, registry TEXT, shard TEXT, name TEXT, tree TEXT,
    status TEXT, version TEXT, summary TEXT, said TEXT, seal TEXT,
    UNIQUE (registry, name)
);
CREATE INDEX IF NOT EXISTS project_shard ON project (shard);
CREATE TABLE IF NOT EXISTS release (
    project INTEGER, version TEXT, tree TEXT, offered INTEGER, said TEXT, seal TEXT, PRIMARY KEY (project, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS label (project INTEGER, kind TEXT, value TEXT, PRIMARY KEY (project, kind, value))
WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS label_value ON label (kind, value);
CREATE TABLE IF NOT EXISTS need (
    project INTEGER, version TEXT, name TEXT, requirement TEXT, seal TEXT,
    PRIMARY KEY (project, version, name, requirement)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS need_name ON need (name);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (name, summary, keywords);
"""
_NEW = "INSERT INTO project (registry, shard, name) VALUES (?, ?, ?)"
LONGEST_HEAD = 2**20  # bytes of metadata without its description; a longer one is found by its name alone
LONGEST = 1_000  # characters of a summary, which the standard wants to be one line
MOST = 2_000  # keywords, classifiers and requirements of one release; a hostile one may hold up nobody
_AT_ONCE = 500  # releases read in one transaction: a first reading that is interrupted need not begin again


def seal(*values: object) -> str:
    """Seal the values of a row; what is damaged may be of any type."""
    return hashlib.sha256(repr(values).encode(errors="surrogatepass")).hexdigest()


def commit(connection: sqlite3.Connection) -> str | None:
    """Tell which commit of the ledger the tables are of; None before the first, and while they follow."""
    row = connection.execute("SELECT head FROM seen").fetchone()
    return str(row[0]) if row else None


def follow(connection: sqlite3.Connection, index: Index) -> None:
    """Bring the tables to a commit, or nearer to it, where there is much to read.

    Args:
        connection: in a transaction.
        index: of that commit.
    """
    _Following(connection, index).all()


class _Following:
    def __init__(self, connection: sqlite3.Connection, index: Index) -> None:
        self._sql = connection.execute
        self._index = index
        self._read = 0  # releases

    def all(self) -> None:
        self._sql("DELETE FROM seen")
        there = {name: entry.id for name, entry in self._index.snapshot.entries("").items() if _is_registry(name)}
        known = {row[0] for row in self._sql("SELECT path FROM folder WHERE path NOT GLOB '*/*'")}
        for gone in known - there.keys():
            self._registry(RegistryName(gone))  # which has no folders any more
            self._sql("DELETE FROM folder WHERE path = ?", (gone,))
        for name, tree in there.items():
            if not self._is_known(name, tree):
                if not self._registry(RegistryName(name)):
                    return
                self._know(name, tree)
        self._sql("INSERT INTO seen VALUES (0, ?)", (self._index.snapshot.id,))

    def _registry(self, registry: RegistryName) -> bool:
        """Read what changed in a registry; False where there was too much for once."""
        shards = {f"{registry}/{name}": entry.id for name, entry in self._index.snapshot.entries(registry).items()}
        known = {row[0] for row in self._sql("SELECT path FROM folder WHERE path GLOB ? || '/*'", (registry,))}
        for gone in known - shards.keys():
            self._forget(gone)
            self._sql("DELETE FROM folder WHERE path = ?", (gone,))
        for shard, tree in shards.items():
            if not self._is_known(shard, tree):
                if self._read >= _AT_ONCE:
                    return False
                self._shard(registry, shard)
                self._know(shard, tree)
        return True

    def _shard(self, registry: RegistryName, shard: str) -> None:
        there = {name: entry.id for name, entry in self._index.snapshot.entries(shard).items()}
        for name, tree in there.items():
            row = self._sql("SELECT id, tree FROM project WHERE registry = ? AND name = ?", (registry, name)).fetchone()
            if row is None:
                made = self._sql(_NEW, (registry, shard, name))
                row = (made.lastrowid, None)
            if row[1] != tree:
                self._project(row[0], registry, ProjectName(name))
                self._sql("UPDATE project SET tree = ? WHERE id = ?", (tree, row[0]))
        self._forget(shard, there)

    def _project(self, key: int, registry: RegistryName, name: ProjectName) -> None:
        """Read the releases of a project that changed, and describe it by the one that an installer would choose."""
        there = self._index.fingerprints(registry, name)
        known = dict(self._sql("SELECT version, tree FROM release WHERE project = ?", (key,)).fetchall())
        for version in {*known, *there}:
            if known.get(version) != there.get(version):
                self._sql("DELETE FROM release WHERE project = ? AND version = ?", (key, version))
                self._sql("DELETE FROM need WHERE project = ? AND version = ?", (key, version))
                if version in there:
                    self._release(key, registry, name, version, there[version])
        offered: dict[str, str] = {}
        for row in self._sql("SELECT version, tree, offered, said, seal FROM release WHERE project = ?", (key,)):
            if row[4] != seal(key, *row[:4]):
                raise Damaged
            if row[2]:
                offered[row[0]] = row[3]
        latest = max(offered, key=lambda one: (not Version(one).is_prerelease, version_order(one)), default=None)
        said: dict[str, Any] = json.loads(offered[latest]) if latest is not None else {}
        found = self._index.status(registry, name)
        self._describe((key, registry, name), found.status.value if found else "active", latest, said)

    def _describe(self, what: tuple[int, str, str], status: str, latest: str | None, said: dict[str, Any]) -> None:
        key, _, name = what
        summary, keywords, classifiers = said.get("summary", ""), said.get("keywords", []), said.get("classifiers", [])
        self._forget_words(key)
        row = (status, latest, summary, json.dumps([keywords, classifiers]))
        self._sql(
            "UPDATE project SET status = ?, version = ?, summary = ?, said = ?, seal = ? WHERE id = ?",
            (*row, seal(*what, *row), key),
        )
        self._sql(
            "INSERT INTO words (rowid, name, summary, keywords) VALUES (?, ?, ?, ?)",
            (key, name, summary, " ".join(keywords)),
        )
        for kind, values in (("keyword", keywords), ("classifier", classifiers)):
            for value in values:
                self._sql("INSERT OR IGNORE INTO label VALUES (?, ?, ?)", (key, kind, value.lower()))

    def _release(self, key: int, registry: RegistryName, name: ProjectName, version: str, tree: str) -> None:
        """Read a release; what it offers is there by its name, so that no record needs to be opened."""
        self._read += 1
        folder, read = release_folder(registry, name, version), self._index.snapshot.read
        there = self._index.snapshot.entries(folder)
        live = sorted((n for n in there if n.endswith((".whl", ".tar.gz"))), key=lambda n: (not n.endswith(".whl"), n))
        text = next((read(f"{folder}/{n}.metadata") for n in live if f"{n}.metadata" in there), None)
        state = read(f"{folder}/release.json") if "release.json" in there else None
        offered = bool(live) and not (state and read_release_record(state))
        head = metadata.head(text or b"")
        known = metadata.fields(head, description=False)[0] if len(head) <= LONGEST_HEAD else {}
        said: dict[str, Any] = {"summary": known.get("summary", "")[:LONGEST]}
        said |= {name: known.get(name, [])[:MOST] for name in ("keywords", "classifiers")}
        row = (key, version, tree, int(offered), json.dumps(said))
        self._sql("INSERT INTO release VALUES (?, ?, ?, ?, ?, ?)", (*row, seal(*row)))
        for requirement in known.get("requires_dist", [])[:MOST]:
            needed = metadata.need(requirement)["name"]
            if needed:
                need = (key, version, needed, requirement)
                self._sql("INSERT OR IGNORE INTO need VALUES (?, ?, ?, ?, ?)", (*need, seal(*need)))

    def _is_known(self, path: str, tree: str) -> bool:
        row = self._sql("SELECT tree FROM folder WHERE path = ?", (path,)).fetchone()
        return bool(row) and row[0] == tree

    def _know(self, path: str, tree: str) -> None:
        self._sql("INSERT OR REPLACE INTO folder VALUES (?, ?)", (path, tree))

    def _forget(self, shard: str, but: Collection[str] = ()) -> None:
        """Forget the projects of a folder that is gone, or of one all but those that it has."""
        for key, name in self._sql("SELECT id, name FROM project WHERE shard = ?", (shard,)).fetchall():
            if name not in but:
                self._forget_words(key)
                self._sql("DELETE FROM release WHERE project = ?", (key,))
                self._sql("DELETE FROM need WHERE project = ?", (key,))
                self._sql("DELETE FROM project WHERE id = ?", (key,))

    def _forget_words(self, key: int) -> None:
        self._sql("DELETE FROM words WHERE rowid = ?", (key,))
        self._sql("DELETE FROM label WHERE project = ?", (key,))


def _is_registry(name: str) -> bool:
    try:
        return names.registry_name(name) == name
    except Invalid:
        return False
