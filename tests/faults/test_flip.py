"""One bit flipped in anything that is stored is found by `waybill scrub`, and reaches nobody as something else."""

import contextlib
import random
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.cli import main
from tests.faults.uploads import SEED, Uploads
from tests.legacy_client import Listed, ask, authorization
from tests.running import CLEAN, Server, new_server, run_git, waybill
from tests.tracing import need


@dataclass(frozen=True)
class Installation:
    """A folder with at least one file of every kind, and the server that filled it."""

    server: Server
    uploads: Uploads

    def kinds(self) -> dict[str, list[Path]]:
        """What is stored, by kind."""
        git, data = self.server.git, self.server.data
        objects = git / "objects"
        return {
            "artifact": sorted((git / "lfs" / "objects").glob("*/*/*")),
            "loose object": sorted(objects.glob("[0-9a-f][0-9a-f]/*")),
            "pack": sorted((objects / "pack").glob("*.pack")),
            "index of a pack": sorted((objects / "pack").glob("*.idx")),
            "commit graph": sorted((objects / "info").rglob("*graph*")),
            "index of all packs": sorted((objects / "pack").glob("multi-pack-index")),
            "branch": sorted((git / "refs" / "heads").iterdir()),
            "page": sorted(file for file in (data / "cache").rglob("*") if file.is_file()),
            "index of history": [data / "trail.sqlite"],
        }


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    need("git")
    server = new_server(tmp_path_factory.mktemp("stored"))
    uploads = Uploads(server, "flip")
    server.start()
    try:
        for _ in range(4):
            assert uploads.one().status == 200
        run_git(server.git, "repack", "-q", "-a", "-d")
        run_git(server.git, "multi-pack-index", "write")
        run_git(server.git, "commit-graph", "write", "--reachable")
        for _ in range(4):
            assert uploads.one().status == 200
        run_git(server.git, "hash-object", "-w", str(server.git / "config"))  # one is loose, however the store writes
        assert uploads.offered()  # so that there is a page
        assert main(["log", "flip", "--data", str(server.data)]) == 0  # so that there is an index of history
        with closing(sqlite3.connect(server.data / "trail.sqlite")) as database:
            database.execute("VACUUM")  # so that what is found in the file is not a remainder
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield Installation(server, uploads)
    finally:
        server.kill()


def flipped(file: Path, chance: random.Random) -> bytes:
    """Flip one bit of a file and give what was there."""
    good = file.read_bytes()
    # Of a SQLite file, what was stored: its pages have room between that nobody reads.
    places = [at for stored in strips(file, good) for at in stored] if file.suffix == ".sqlite" else range(len(good))
    while True:
        at = chance.choice(places)
        bad = bytearray(good)
        bad[at] ^= 1 << chance.randrange(8)
        if "objects" not in file.parts or unpacked(good) != unpacked(bytes(bad)):
            break  # else it was one of the few bits at the end of a deflated stream that mean nothing
    write(file, bytes(bad))
    return good


def strips(file: Path, content: bytes) -> list[range]:
    """Find where an index of history keeps what it was given."""
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as database:
        rows = database.execute("SELECT content, seal FROM strip").fetchall()
    found = [(content.find(value), len(value)) for row in rows for value in row if any(value)]  # zeros are everywhere
    return [range(at, at + length) for at, length in found if at >= 0]


def unpacked(content: bytes) -> bytes:
    with contextlib.suppress(zlib.error):
        return zlib.decompress(content)
    return content


def write(file: Path, content: bytes) -> None:
    """Put another file in place, as a disk that rots does not ask for permission."""
    other = file.with_name(f"tmp_{file.name}")
    other.write_bytes(content)
    other.chmod(file.stat().st_mode)
    other.replace(file)


@pytest.mark.parametrize("seed", [SEED])  # in the test's id, so that a failure names it
def test_each_of_200_flipped_bits_is_found(stored: Installation, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    data = stored.server.data
    kinds = stored.kinds()
    assert [kind for kind, files in kinds.items() if not files] == []
    for number in range(200):
        kind = list(kinds)[number % len(kinds)]
        file = chance.choice(kinds[kind])
        good = flipped(file, chance)
        try:
            assert main(["scrub", "--data", str(data)]) == 1, f"{kind} {file}"
            said = capsys.readouterr().out
            assert f"{file.relative_to(data)}: " in said, f"{kind}: {said}"
        finally:
            write(file, good)
    assert main(["scrub", "--data", str(data)]) == 0


def test_pip_takes_no_artifact_with_a_flipped_bit(stored: Installation, tmp_path: Path) -> None:
    filename, file = next((n, f) for n, f in stored.uploads.offered().items() if n.endswith(".whl"))
    artifact = next((stored.server.git / "lfs").rglob(file.sha256))
    good = flipped(artifact, random.Random(SEED))  # noqa: S311 - to be repeated, not to be secret
    try:
        refused = download(stored.server, filename, tmp_path)
        assert refused.returncode == 1
        assert "HASH" in refused.stderr.upper()
        assert list(tmp_path.iterdir()) == []
    finally:
        write(artifact, good)
    assert download(stored.server, filename, tmp_path).returncode == 0
    assert (tmp_path / filename).read_bytes() == stored.uploads.sent[filename]


def download(server: Server, filename: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    version = filename.split("-")[1]
    command = [sys.executable, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--retries", "0"]
    command += ["--index-url", server.index_url(), "--dest", str(folder), f"flip=={version}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=CLEAN)


@pytest.mark.parametrize("seed", [SEED])
def test_a_page_made_of_damaged_records_is_never_a_wrong_page(stored: Installation, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    data = tmp_path / "data"
    shutil.copytree(stored.server.data, data, symlinks=True)
    server = Server(data, new_port(tmp_path), stored.server.token, 1)
    copy = Installation(server, stored.uploads)
    right = hashes(stored.uploads.offered())
    for kind in ("pack", "index of a pack", "index of all packs", "loose object"):
        file = chance.choice(copy.kinds()[kind])
        good = flipped(file, chance)
        try:
            server.start()
        except RuntimeError as refused:
            assert "damaged" in str(refused)  # noqa: PT017 - both are right: to refuse, and to serve what is whole
        else:
            page = f"{server.url}/python/simple/flip/"
            answer = ask(page, Authorization=authorization(server.token), Accept="application/vnd.pypi.simple.v1+json")
            assert answer.status in {200, 503}, answer
            if answer.status == 200:
                assert hashes(Uploads(server, "flip").offered()) == right
        finally:
            server.kill()
            write(file, good)


def hashes(files: dict[str, Listed]) -> dict[str, str]:
    return {name: file.sha256 for name, file in files.items()}


def new_port(folder: Path) -> int:
    (folder / "other").mkdir()
    return new_server(folder / "other").port


def test_a_removed_artifact_is_missed_and_the_same_upload_brings_it_back(stored: Installation) -> None:
    data = str(stored.server.data)
    filename, file = next(iter(stored.uploads.offered().items()))
    next((stored.server.git / "lfs").rglob(file.sha256)).unlink()
    missed = waybill("scrub", "--data", data, check=False)
    assert missed.returncode == 1
    assert filename in missed.stdout
    assert "is not there" in missed.stdout
    stored.uploads.send_again({filename})
    assert waybill("scrub", "--data", data).returncode == 0
