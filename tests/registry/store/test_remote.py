"""Asking for and fetching a branch elsewhere, from real git repositories that are well, slow, large or hostile."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.store import remote as remotes
from registry.store.address import Login
from registry.store.git import GitStore
from tests.forges import Forge, new_forge, on_the_web
from tests.registry.web.site import Site, new_site
from tests.running import run_git

SECRET = "s3cret-of-the-forge"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return new_site(tmp_path / "data")


@pytest.fixture
def forge(site: Site, tmp_path: Path) -> Forge:
    return new_forge(tmp_path, site.folder / "waybill.git")


@pytest.fixture
def arrived(site: Site) -> Path:
    folder = site.folder / "waybill.git" / "arrived"
    folder.mkdir()
    return folder


def test_a_branch_is_found_by_its_exact_name_only(site: Site, forge: Forge) -> None:
    run_git(forge.bare, "update-ref", "refs/other/refs/heads/main", "main")
    tip = forge.change({"README.md": "new\n"})
    run_git(forge.bare, "update-ref", "refs/a/refs/heads/main", f"{tip}^")
    assert forge.remote(site.folder).tip() == tip


def test_a_branch_that_is_not_there_is_said_to_be_missing(site: Site, forge: Forge) -> None:
    run_git(forge.bare, "branch", "-m", "main", "trunk")
    with pytest.raises(Unavailable, match="has no branch 'main'"):
        forge.remote(site.folder).tip()


def test_what_is_fetched_lies_beside_our_objects_and_only_what_is_new_is(
    site: Site, forge: Forge, arrived: Path
) -> None:
    before = run_git(site.folder / "waybill.git", "count-objects", "-v")
    tip = forge.change({"README.md": "new\n"})
    forge.remote(site.folder).fetch(arrived)
    assert GitStore(site.folder / "waybill.git", arrived).at(tip).read("README.md") == b"new\n"
    assert run_git(site.folder / "waybill.git", "count-objects", "-v") == before
    assert run_git(site.folder / "waybill.git", "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/ledger",
        "refs/heads/main",
    ]
    (index,) = (arrived / "pack").glob("*.idx")
    assert len(_objects(index)) == 3, "a commit, its folder, a file"


def _objects(index: Path) -> list[str]:
    with index.open("rb") as stream:
        done = subprocess.run(["git", "show-index"], stdin=stream, capture_output=True, check=True)
    return done.stdout.decode().splitlines()


def test_smart_http_with_a_secret_works_and_the_secret_is_sent_only_when_asked_for(
    site: Site, forge: Forge, arrived: Path
) -> None:
    tip = forge.change({"README.md": "new\n"})
    with on_the_web(forge, secret=SECRET) as web:
        remote = forge.remote(site.folder, web.url, Login(SECRET))
        assert remote.tip() == tip
        remote.fetch(arrived)
        assert web.asked[0][1] is None
    assert GitStore(site.folder / "waybill.git", arrived).at(tip).read("README.md") == b"new\n"


def test_a_wrong_secret_is_refused_in_words_and_asks_nobody_at_a_terminal(site: Site, forge: Forge) -> None:
    with on_the_web(forge, secret=SECRET) as web:
        with pytest.raises(Unavailable, match="Authentication failed") as refused:
            forge.remote(site.folder, web.url, Login("wrong-and-long")).tip()
        assert "wrong-and-long" not in str(refused.value)
        with pytest.raises(Unavailable, match="could not read Username"):
            forge.remote(site.folder, web.url).tip()


def test_the_secret_is_in_no_argument_and_no_environment_of_what_is_run(site: Site, forge: Forge) -> None:
    seen: list[bytes] = []
    stop = threading.Event()
    with on_the_web(forge, secret=SECRET, delay=0.3) as web:
        looking = threading.Thread(target=_watch_processes, args=(web.url.encode(), seen, stop))
        looking.start()
        try:
            forge.remote(site.folder, web.url, Login(SECRET)).tip()
        finally:
            stop.set()
            looking.join()
    assert any(b"remote-http" in found for found in seen), "the test must have seen git at work"
    assert not any(SECRET.encode() in found for found in seen)


def _watch_processes(marker: bytes, seen: list[bytes], stop: threading.Event) -> None:
    """Read what any process list could show of processes that have to do with the remote."""
    while not stop.is_set():
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            except OSError:
                continue
            if marker in command:
                seen.append(command + environment)
        time.sleep(0.02)


def test_a_remote_that_repeats_our_secret_gets_it_into_no_error_text(site: Site, forge: Forge) -> None:
    with on_the_web(forge, insults=f"access denied to {SECRET}") as web:
        with pytest.raises(Unavailable, match=r"denied to \[redacted\]") as refused:
            forge.remote(site.folder, web.url, Login(SECRET)).tip()
        assert SECRET not in str(refused.value)


def test_a_redirect_is_not_followed(site: Site, forge: Forge) -> None:
    with on_the_web(forge) as other, on_the_web(forge, elsewhere=f"http://127.0.0.1:{other.port}") as web:
        with pytest.raises(Unavailable, match=r"redirect|302"):
            forge.remote(site.folder, web.url, Login(SECRET)).tip()
        assert other.asked == []


def test_a_remote_that_hangs_is_given_up_and_leaves_no_process(
    site: Site, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remotes, "PATIENCE", 0.5)
    with on_the_web(forge, delay=5.0) as web:
        with pytest.raises(Unavailable, match="did not answer within"):
            forge.remote(site.folder, web.url).tip()
        assert subprocess.run(["pgrep", "-f", web.url], capture_output=True, check=False).stdout == b""


def test_a_huge_remote_is_cut_off_and_leaves_nothing_among_our_objects(
    site: Site, forge: Forge, arrived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remotes, "LARGEST", 2**20)
    forge.change({"large.bin": os.urandom(3 * 2**20)})
    before = sorted((site.folder / "waybill.git" / "objects").rglob("*"))
    with pytest.raises(Unavailable, match="has more than 1 MiB that are new"):
        forge.remote(site.folder).fetch(arrived)
    assert sorted((site.folder / "waybill.git" / "objects").rglob("*")) == before


def test_no_hook_and_no_configuration_of_the_machine_takes_part(
    site: Site, forge: Forge, arrived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    hook = site.folder / "waybill.git" / "hooks" / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text('[url "file:///nowhere/"]\n\tinsteadOf = file:///\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    forge.change({"README.md": "new\n"})
    remote = forge.remote(site.folder)
    remote.tip()
    remote.fetch(arrived)
    assert not ran.exists()


def test_damage_in_what_comes_is_refused_by_git(site: Site, forge: Forge, arrived: Path) -> None:
    clone = forge.clone
    tree = clone.folder_of(("100644", b".git", clone.store("blob", b"x")))
    forge.push(clone.commit_tree(tree))
    with pytest.raises(Unavailable, match=r"hasDotgit|fsck"):
        forge.remote(site.folder).fetch(arrived)


def test_a_folder_whose_path_has_a_colon_in_it_can_follow_too(tmp_path: Path) -> None:
    (tmp_path / 'a:b"c').mkdir()
    site = new_site(tmp_path / 'a:b"c' / "data")
    forge = new_forge(tmp_path, site.folder / "waybill.git")
    arrived = site.folder / "waybill.git" / "arrived"
    arrived.mkdir()
    tip = forge.change({"README.md": "new\n"})
    forge.remote(site.folder).fetch(arrived)
    assert GitStore(site.folder / "waybill.git", arrived).at(tip).read("README.md") == b"new\n"
