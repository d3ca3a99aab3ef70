"""The git endpoint as a server on the network: who is let in, what it runs, and what becomes of it."""

import gzip
import os
import re
import socket
import subprocess
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.installation import Installation
from registry.store.backend import AT_ONCE, Backend, Call, Caller
from registry.web.faces import create_app
from tests.clones import Clone
from tests.running import Server, run_git, serving, try_git, waybill

REFS = "/-/git/acme.git/info/refs?service=git-upload-pack"
FETCH = "application/x-git-upload-pack-request"
PUSH = "application/x-git-receive-pack-request"
ALICE = Caller("alice", "0000000000")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("git"), workers=1) as running:
        yield running


def basic(server: Server) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"alice:{server.token}".encode()).decode()}


def ask(
    server: Server, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def children(server: Server) -> list[str]:
    """What the server's processes run besides themselves."""
    found = []
    for worker in server.worker_pids():
        listed = subprocess.run(["pgrep", "-P", worker, "-a"], capture_output=True, text=True, check=False).stdout
        found += [line for line in listed.splitlines() if "git" in line]
    return found


def gone(server: Server, patience: float = 20) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if not children(server):
            return True
        time.sleep(0.05)
    return False


# Who, and what


def test_without_credentials_git_is_asked_for_them(server: Server) -> None:
    status, headers, body = ask(server, "GET", REFS)
    assert status == 401
    assert headers["www-authenticate"].startswith("Basic ")
    assert b"give a token as password" in body


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
def test_the_services_themselves_ask_too(server: Server, service: str) -> None:
    assert ask(server, "POST", f"/-/git/acme.git/{service}", body=b"0000")[0] == 401


def test_a_bearer_token_is_as_good(server: Server) -> None:
    status, headers, _ = ask(server, "GET", REFS, {"Authorization": f"Bearer {server.token}"})
    assert (status, headers["content-type"]) == (200, "application/x-git-upload-pack-advertisement")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/-/git/acme.git/info/refs", 403),
        ("/-/git/acme.git/info/refs?service=git-upload-archive", 403),
        ("/-/git/acme.git/HEAD", 404),
        ("/-/git/acme.git/objects/info/packs", 404),
        ("/-/git/acme.git/config", 404),
        ("/-/git/acme.git/../../data/trail.sqlite", 404),
    ],
)
def test_nothing_but_the_smart_protocol_is_served(server: Server, path: str, status: int) -> None:
    found, _, body = ask(server, "GET", path, basic(server))
    assert found == status
    assert b"Only git's smart protocol" in body


def test_another_organization_is_not_here(server: Server) -> None:
    status, _, body = ask(server, "GET", REFS.replace("acme", "other"), basic(server))
    assert (status, b"/-/git/acme.git" in body) == (404, True)


@pytest.mark.parametrize(
    ("header", "value"), [("Git-Protocol", "version=2;x"), ("Git-Protocol", "v" * 200), ("Content-Encoding", "br")]
)
def test_headers_that_no_git_sends_reach_no_process(server: Server, header: str, value: str) -> None:
    path = "/-/git/acme.git/git-upload-pack"
    status, _, body = ask(server, "POST", path, {**basic(server), "Content-Type": FETCH, header: value}, b"0000")
    assert status == 400
    assert header.encode() in body


def test_a_push_is_not_taken_compressed(server: Server) -> None:
    headers = {**basic(server), "Content-Type": PUSH, "Content-Encoding": "gzip"}
    assert ask(server, "POST", "/-/git/acme.git/git-receive-pack", headers, gzip.compress(b"0000"))[0] == 400


def test_a_fetch_that_says_too_much_is_refused(server: Server) -> None:
    headers = {**basic(server), "Content-Type": FETCH}
    assert ask(server, "POST", "/-/git/acme.git/git-upload-pack", headers, b"0" * (2**20 + 1))[0] == 413
    assert gone(server)


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_version_of_the_protocol_clones(server: Server, tmp_path: Path, version: str) -> None:
    run_git(tmp_path, "-c", f"protocol.version={version}", "clone", "-q", server.clone_url, "clone")
    assert run_git(tmp_path / "clone", "rev-parse", "HEAD") == run_git(server.git, "rev-parse", "main")


def test_a_fetch_with_much_to_tell_is_understood_compressed(server: Server, tmp_path: Path) -> None:
    clone = Clone.of(server, tmp_path / "clone")
    for n in range(80):
        clone.commit({}, f"mine {n}")
    server.set_policy({"teams/fetched.yaml": "members: [alice]\n"})
    clone.git("fetch", "-q", "origin")
    assert clone.git("rev-parse", "origin/main") == run_git(server.git, "rev-parse", "main").strip()


def test_a_push_is_taken_in_chunks_and_after_expect(server: Server, tmp_path: Path) -> None:
    clone = Clone.of(server, tmp_path / "clone")
    clone.git("config", "http.postBuffer", "65536")
    clone.git("config", "http.extraHeader", "Expect: 100-continue")
    files: dict[str, str | bytes | None] = {"docs/noise.txt": os.urandom(200_000).hex()}
    assert "Merged into main" in clone.propose("chunks", files).stderr


def test_no_token_stands_in_a_log_a_process_or_git(server: Server, tmp_path: Path) -> None:
    clone = Clone.of(server, tmp_path / "clone")
    assert "Merged into main" in clone.propose("quiet", {"teams/quiet.yaml": "members: [alice]\n"}).stderr
    secret = server.token.split("_")[2]
    assert secret not in server.log()
    assert secret not in run_git(server.git, "log", "--all", "--format=%B", "-p")


# Processes


def test_a_pusher_who_hangs_up_leaves_no_process(server: Server) -> None:
    head = (
        f"POST /-/git/acme.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Type: {PUSH}\r\n"
        f"Authorization: {basic(server)['Authorization']}\r\nContent-Length: 1000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head.encode() + b"00" * 1000)
        deadline = time.monotonic() + 10
        while not children(server) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert gone(server)
    assert ask(server, "GET", REFS, basic(server))[0] == 200


def test_more_at_once_than_there_is_room_for_are_asked_to_come_again(server: Server) -> None:
    head = (
        f"POST /-/git/acme.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Type: {FETCH}\r\n"
        f"Authorization: {basic(server)['Authorization']}\r\nContent-Length: 1000\r\n\r\n0"
    ).encode()
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(AT_ONCE)]
    try:
        for client in clients:
            client.sendall(head)
        deadline = time.monotonic() + 20
        while len(children(server)) < AT_ONCE and time.monotonic() < deadline:
            time.sleep(0.02)
        status, headers, body = ask(server, "GET", REFS, basic(server))
        assert (status, headers["retry-after"]) == (503, "5")
        assert b"try again in a few seconds" in body
        assert ask(server, "GET", "/-/ready")[0] == 200, "everybody else is served"
    finally:
        for client in clients:
            client.close()
    assert gone(server)
    assert ask(server, "GET", REFS, basic(server))[0] == 200


def test_a_pack_that_claims_gigabytes_costs_no_memory(server: Server) -> None:
    """A pack may say of any object that it is as large as it likes (gitformat-pack(5))."""
    size, row = 2**35, bytearray()
    byte, left = 0x20 | (size & 15), size >> 4  # a folder: those are read whole
    while left:
        row.append(byte | 0x80)
        byte, left = left & 0x7F, left >> 7
    row.append(byte)
    pack = b"PACK\0\0\0\2\0\0\0\1" + row + zlib.compress(b"x" * 1000)
    command = b"%s %s refs/heads/change/claim\0 report-status" % (b"0" * 40, b"1" * 40)
    body = b"%04x%s0000%s" % (len(command) + 4, command, pack + bytes(20))
    status, _, said = ask(
        server, "POST", "/-/git/acme.git/git-receive-pack", {**basic(server), "Content-Type": PUSH}, body
    )
    assert status == 200
    assert b"unpack" in said
    assert b"unpack ok" not in said
    assert gone(server)


@pytest.fixture
def backend(server: Server) -> Backend:
    return Backend("git", "/usr/bin/false", server.git)


def test_what_git_says_is_all_given_back(backend: Backend) -> None:
    answer = backend.call(Call("git-upload-pack", advertises=True), ALICE, lambda _: b"")
    try:
        assert answer.status == "200 OK"
        assert b"refs/heads/main" in b"".join(answer)
    finally:
        answer.close()
        answer.close()


def test_a_git_that_goes_on_for_ever_is_ended_with_all_it_started(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\nsleep 1000 & echo $! > '{tmp_path}/pid'\ntrap '' TERM\nwait\nsleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setattr("registry.store.process.STALL", 0.3)
    monkeypatch.setattr("registry.store.process.PARTING", 0.3)
    slow = Backend(str(program), "/usr/bin/false", server.git)
    for _ in range(AT_ONCE + 1):
        with pytest.raises(Unavailable, match="took too long"):
            slow.call(Call("git-upload-pack", advertises=True), ALICE, lambda _: b"")
        left = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/cmdline")
        assert not left.exists() or not left.read_bytes(), "dead, whether or not anybody has counted it"


def test_a_git_that_cannot_be_run_says_why(server: Server, tmp_path: Path) -> None:
    broken = Backend(str(tmp_path / "none"), "/usr/bin/false", server.git)
    with pytest.raises(Unavailable, match="git could not answer"):
        broken.call(Call("git-upload-pack", advertises=True), ALICE, lambda _: b"")


def test_its_environment_holds_nothing_of_ours(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nenv\n")
    program.chmod(0o755)
    answer = Backend(str(program), "/usr/bin/python", server.git).call(
        Call("git-upload-pack", advertises=True), ALICE, lambda _: b""
    )
    said = b"".join(answer).decode()
    answer.close()
    assert "secret" not in said
    ours = "GIT_|WAYBILL_|PATH|LC_ALL|REMOTE_USER|REQUEST_METHOD|QUERY_STRING|CONTENT_TYPE|GATEWAY_INTERFACE|"
    shells = "HTTP_CONTENT_ENCODING|PWD|OLDPWD|SHLVL|_="
    assert [line for line in said.splitlines() if not re.match(ours + shells, line)] == []


# Hooks, and no git


def test_no_push_is_taken_where_a_hook_would_not_run(server: Server, backend: Backend, tmp_path: Path) -> None:
    hook = server.git / "hooks" / "pre-receive"
    hook.chmod(0o644)
    try:
        with pytest.raises(Unavailable, match="hooks/pre-receive"):
            backend.call(Call("git-receive-pack", advertises=True), ALICE, lambda _: b"")
        clone = Clone.of(server, tmp_path / "clone")
        said = clone.propose("unseen", {"teams/unseen.yaml": "members: [alice]\n"}).stderr
        assert "hooks/pre-receive" in said
        assert run_git(server.git, "for-each-ref", "refs/heads/change") == ""
    finally:
        hook.chmod(0o755)


def test_an_installation_of_an_earlier_version_gets_the_hooks_when_it_is_served(tmp_path: Path) -> None:
    with serving(tmp_path, workers=1) as server:
        server.stop()
        hooks = server.git / "hooks"
        for hook in hooks.iterdir():
            hook.unlink()
        (hooks / "update").write_text("#!/bin/sh\nexit 0\n")
        (hooks / "update").chmod(0o755)
        run_git(server.git, "config", "--unset", "receive.maxInputSize")
        server.start()
        assert sorted(hook.name for hook in hooks.iterdir()) == ["post-receive", "pre-receive"]
        assert run_git(server.git, "config", "receive.maxInputSize").strip() == str(32 * 2**20)
        said = try_git(tmp_path, "-C", str(server.git), "push", str(server.git), "ledger:main").stderr
        assert re.search("main takes no pushes|non-fast-forward", said)


def test_a_push_killed_before_its_merge_is_merged_by_whoever_asks(tmp_path: Path) -> None:
    with serving(tmp_path, workers=1) as server:
        clone = Clone.of(server, tmp_path / "clone")
        hook = server.git / "hooks" / "post-receive"
        kept = hook.read_bytes()
        hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
        pushed = clone.propose("cut", {"teams/cut.yaml": "members: [alice]\n"})
        assert "Merged" not in pushed.stderr
        assert "refs/heads/change/cut" in run_git(server.git, "for-each-ref")
        hook.write_bytes(kept)
        merged = waybill("change", "merge", "cut", "--data", str(server.data)).stdout.strip()
        assert run_git(server.git, "rev-parse", "main").strip() == merged
        assert "Merged into main" in clone.propose("next", {"teams/next.yaml": "members: [alice]\n"}).stderr


def test_a_push_killed_before_its_branch_moved_can_be_pushed_again(tmp_path: Path) -> None:
    with serving(tmp_path, workers=1) as server:
        clone = Clone.of(server, tmp_path / "clone")
        hook = server.git / "hooks" / "pre-receive"
        kept = hook.read_text()
        hook.write_text(kept.replace('exec "$python"', '"$python"') + "kill -9 $PPID\n")
        clone.propose("cut", {"teams/cut.yaml": "members: [alice]\n"})
        assert run_git(server.git, "log", "-1", "--format=%s", "ledger") == "propose: cut\n"
        assert "refs/heads/change" not in run_git(server.git, "for-each-ref")
        hook.write_text(kept)
        assert "Merged into main" in clone.push("HEAD:change/cut").stderr


def test_where_git_is_missing_the_endpoint_says_so(server: Server) -> None:
    from registry.cli import data  # noqa: PLC0415 - the folder of the running server, opened beside it

    installation: Installation = data.open_installation(server.data)
    client = create_app(installation).test_client()
    answer = client.get(REFS, headers=basic(server))
    assert answer.status_code == 501
    assert "has no C git" in answer.text
    assert client.get(REFS).status_code == 401, "which strangers need not know"
