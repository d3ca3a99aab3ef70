"""A clone of the ledger is a complete mirror, and C git alone reads who published what: no tool of ours is needed."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import core_metadata, sdist, wheel
from tests.legacy_client import listed, upload
from tests.running import CLEAN, Server, run_git, serving
from tests.tracing import need

PROJECT = "payments-api"
WHEEL, WHEEL_BYTES = wheel(PROJECT, "1.4.0", requires_python=">=3.9")
SDIST, SDIST_BYTES = sdist(PROJECT, "1.4.0")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("mirror")) as running:
        for name, content in ((WHEEL, WHEEL_BYTES), (SDIST, SDIST_BYTES)):
            assert upload(running.upload_url, running.token, name, content).status == 200
        yield running


def folder() -> str:
    return f"python/{hashlib.sha256(PROJECT.encode()).hexdigest()[:2]}/{PROJECT}/1.4.0"


def show(server: Server, path: str) -> bytes:
    command = ["git", "-C", str(server.git), "show", f"ledger:{path}"]
    return subprocess.run(command, check=True, capture_output=True, env=CLEAN).stdout


def test_a_clone_with_git_lfs_has_every_artifact_byte_for_byte(server: Server, tmp_path: Path) -> None:
    need("git-lfs")
    home = {**CLEAN, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    home.pop("GIT_CONFIG_GLOBAL", None)

    def git(*arguments: str, cwd: Path = tmp_path) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=cwd, env=home, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    git("lfs", "install")  # what a person does once on their machine
    git("clone", "-q", "-b", "ledger", server.git.as_uri(), "mirror")
    mirror = tmp_path / "mirror"
    assert (mirror / folder() / WHEEL).read_bytes() == WHEEL_BYTES
    assert (mirror / folder() / SDIST).read_bytes() == SDIST_BYTES
    assert "OK" in git("lfs", "fsck", cwd=mirror)
    assert {line.split()[-1] for line in git("lfs", "ls-files", cwd=mirror).splitlines()} == {
        f"{folder()}/{WHEEL}",
        f"{folder()}/{SDIST}",
    }

    filename, content = wheel(PROJECT, "1.5.0")
    assert upload(server.upload_url, server.token, filename, content).status == 200
    git("pull", "-q", cwd=mirror)
    assert (mirror / folder().replace("1.4.0", "1.5.0") / filename).read_bytes() == content
    assert git("status", "--porcelain", cwd=mirror) == ""


def test_git_lfs_in_the_bare_repository_finds_every_artifact_sound(server: Server) -> None:
    need("git-lfs")
    done = subprocess.run(
        ["git", "lfs", "fsck", "--objects", "ledger"],
        cwd=server.git,
        env=CLEAN,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "OK" in done.stdout


def test_without_git_lfs_the_pointer_says_which_bytes_belong_there(server: Server) -> None:
    sha256 = hashlib.sha256(WHEEL_BYTES).hexdigest()
    assert show(server, f"{folder()}/{WHEEL}") == (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(WHEEL_BYTES)}\n".encode()
    )
    assert (server.git / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256).read_bytes() == WHEEL_BYTES


def test_the_core_metadata_is_byte_for_byte_that_of_the_artifact(server: Server) -> None:
    assert show(server, f"{folder()}/{WHEEL}.metadata") == core_metadata(PROJECT, "1.4.0", requires_python=">=3.9")
    assert show(server, f"{folder()}/{SDIST}.metadata") == core_metadata(PROJECT, "1.4.0")


def test_the_record_is_canonical_and_says_what_the_page_says(server: Server) -> None:
    text = show(server, f"{folder()}/{WHEEL}.json")
    record = json.loads(text)
    assert text == (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()
    offered = listed(f"{server.url}/python/simple/", server.token, PROJECT)[WHEEL]
    assert (record["filename"], record["sha256"], record["size"]) == (WHEEL, offered.sha256, len(WHEEL_BYTES))
    assert record["requires-python"] == ">=3.9"
    assert record["core-metadata"]["sha256"] == offered.metadata_sha256
    assert record["provenance"]["subject"] == [{"name": WHEEL, "digest": {"sha256": offered.sha256}}]


def test_c_git_reads_every_trailer_as_it_was_recorded(server: Server) -> None:
    commit = run_git(server.git, "log", "--format=%H", "-1", "ledger", "--", f"{folder()}/{WHEEL}").strip()

    def trailer(name: str) -> str:
        return run_git(server.git, "log", "-1", f"--format=%(trailers:key={name},valueonly)", commit).strip()

    policy = run_git(server.git, "rev-parse", "main").strip()
    assert {name: trailer(name) for name in ("Waybill-Event", "Registry", "Project", "Version", "File", "Digest")} == {
        "Waybill-Event": "publish",
        "Registry": "python",
        "Project": PROJECT,
        "Version": "1.4.0",
        "File": WHEEL,
        "Digest": f"sha256:{hashlib.sha256(WHEEL_BYTES).hexdigest()}",
    }
    assert (trailer("Trust"), trailer("Principal"), trailer("Policy")) == ("token", "alice", policy)
    assert trailer("Allowed-By").startswith("waybill.yaml#")
    assert run_git(server.git, "show", "-s", "--format=%s|%an|%cn", commit).strip() == (
        f"publish: {PROJECT} 1.4.0 {WHEEL}|alice|Waybill"
    )
    body = run_git(server.git, "show", "-s", "--format=%b", commit).strip().splitlines()
    trailers = run_git(server.git, "show", "-s", "--format=%(trailers:only,unfold)", commit).strip().splitlines()
    assert body == trailers, "no free text below the subject"


def test_the_allowing_statement_can_be_looked_up_in_the_policy_that_was_in_force(server: Server) -> None:
    asked = "--format=%(trailers:key=Policy,valueonly)%(trailers:key=Allowed-By,valueonly)"
    log = run_git(server.git, "log", "-1", "--grep=^publish: ", asked, "ledger").split()
    policy, statement = log[0], log[1]
    assert run_git(server.git, "cat-file", "-e", f"{policy}:{statement.partition('#')[0]}") == ""
    assert (
        os.fsencode("admins")
        in subprocess.run(
            ["git", "-C", str(server.git), "show", f"{policy}:waybill.yaml"], check=True, capture_output=True, env=CLEAN
        ).stdout
    )
