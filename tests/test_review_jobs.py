"""The jobs in examples/review: what they run, and against APIs that answer as the forges do."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.changes import START
from tests.running import CLEAN, run_git

JOBS = Path(__file__).parent.parent / "examples" / "review"
UUID = "{0b2d6a52-90f5-4a4b-8b5a-3c9d5f1e7a10}"


class Fake(ThreadingHTTPServer):
    """An API that knows one pull request and keeps its comments."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.head = ""
        self.comments: dict[int, str] = {1: "a person's own words", 2: "### Waybill review: planted by somebody else"}
        self.asked: list[tuple[str, str, str]] = []

    def answer(self, method: str, path: str, body: Any) -> Any:
        path = path.partition("?")[0]
        found = re.search(r"/(?:comments|notes)/(\d+)$", path)
        if found and found[1] == "2":
            return None  # of another account
        if found or method == "POST":
            self.comments[int(found[1]) if found else len(self.comments) + 1] = said(body)
            return {}
        return self.known(path.rpartition("/")[2], within="bitbucket" in path)

    def known(self, asked: str, *, within: bool) -> Any:
        """What a forge lists; Bitbucket puts lists into an object."""
        comments = [{"id": n, "body": t, "content": {"raw": t}} for n, t in self.comments.items()]
        source = {"commit": {"hash": self.head}, "branch": {"name": "change"}}
        return {
            "comments": {"values": comments} if within else comments,
            "notes": comments,
            "reviews": [
                {"commit_id": self.head, "state": "APPROVED", "user": {"id": 77}},
                {"commit_id": "0" * 40, "state": "APPROVED", "user": {"id": 78}},
            ],
            "approvals": {"approved_by": [{"user": {"id": 77}}]},
            "pulls": [{"number": 7, "base": {"ref": "main"}, "head": {"sha": self.head}, "user": {"id": 5}}],
            "merge_requests": [{"iid": 7, "target_branch": "main", "sha": self.head, "author": {"id": 5}}],
            "pullrequests": {"values": [{"id": 7}]},
            "7": {
                "id": 7,
                "author": {"uuid": "{5}"},
                "source": {**source, "repository": {"full_name": "bitbucket/policy"}},
                "destination": {"branch": {"name": "main"}},
                "participants": [{"approved": True, "user": {"uuid": UUID}}],
            },
        }[asked]


def said(body: Any) -> str:
    return str(body["body"] if "body" in body else body["content"]["raw"])


class Answers(BaseHTTPRequestHandler):
    server: Fake

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        secret = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or ""
        self.server.asked.append((self.command, self.path, secret))
        answer = self.server.answer(self.command, self.path, body)
        self.send_response(403 if answer is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - names of the standard library

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Fake]:
    server = Fake()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clone(tmp_path: Path, api: Fake) -> Path:
    """A job's clone of the target branch; what is proposed lies on the forge alone."""
    forge, people = tmp_path / "forge", START["people.yaml"]
    people = people.replace("mia: {}", f'mia: {{github: "77", gitlab: "77", bitbucket: "{UUID}"}}')
    forge.mkdir()
    run_git(forge, "init", "-q", "-b", "main")
    for key, value in {"user.name": "dan", "user.email": "dan@acme.example"}.items():
        run_git(forge, "config", key, value)
    for path, text in {**START, "people.yaml": people}.items():
        (forge / path).parent.mkdir(parents=True, exist_ok=True)
        (forge / path).write_text(text)
    run_git(forge, "add", "-A")
    run_git(forge, "commit", "-q", "-m", "Begin")
    run_git(tmp_path, "clone", "-q", str(forge), "job")
    run_git(forge, "switch", "-q", "-c", "change")
    team = forge / "teams/payments.yaml"
    team.write_text(team.read_text().replace("[bob]", "[bob, carol]"))
    (forge / "comment.py").write_text("raise SystemExit('the pull request was executed')\n")
    run_git(forge, "add", "-A")
    run_git(forge, "commit", "-q", "-m", "Add carol")
    api.head = run_git(forge, "rev-parse", "HEAD").strip()
    for ref in ("refs/pull/7/head", "refs/merge-requests/7/head"):
        run_git(forge, "update-ref", ref, api.head)
    return tmp_path / "job"


def run(clone: Path, api: Fake, *arguments: str) -> subprocess.CompletedProcess[str]:
    url = f"http://127.0.0.1:{api.server_address[1]}"
    env = {
        **CLEAN,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{CLEAN['PATH']}",
        "GITHUB_API_URL": url,
        "GITHUB_REPOSITORY": "acme/policy",
        "GITHUB_TOKEN": "made-up",
        "CI_API_V4_URL": url,
        "CI_PROJECT_ID": "3",
        "WAYBILL_REVIEW_TOKEN": "made-up",
        "BITBUCKET_API_URL": url,
        "BITBUCKET_REPO_FULL_NAME": "bitbucket/policy",
        "no_proxy": "*",
    }
    command = [sys.executable, str(JOBS / "comment.py"), *arguments]
    return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("forge", ["github", "gitlab", "bitbucket"])
def test_a_review_is_one_comment_that_is_written_anew(forge: str, clone: Path, api: Fake) -> None:
    first = run(clone, api, forge)
    assert (first.returncode, first.stderr) == (0, "")
    assert api.comments[1] == "a person's own words"
    assert api.comments[2].endswith("planted by somebody else")
    assert api.comments[3].startswith("### Waybill review: waits for approval")
    assert "- `teams/payments.yaml:` mia of 1 needed" in api.comments[3]  # she agreed, by her id at the forge
    assert "- `comment.py:` 1 more approval, by adam or alice" in api.comments[3]
    assert "carol: write on payments-api in python" in api.comments[3]
    assert all("made-up" in secret for *_, secret in api.asked)
    api.comments[3] = "### Waybill review: of yesterday"
    assert run(clone, api, forge, "7").returncode == 0
    assert api.comments[3].startswith("### Waybill review: waits for approval")
    assert len(api.comments) == 3
    assert not (clone / "comment.py").exists()


def test_a_change_that_cannot_be_reviewed_is_said_and_fails_its_own_check(clone: Path, api: Fake) -> None:
    team = clone.parent / "forge/teams/payments.yaml"
    run_git(clone.parent / "forge", "switch", "-q", "main")
    team.write_text("members: [max]\nmaintainers: [mia, max]\n")
    run_git(clone.parent / "forge", "commit", "-qam", "Another")
    run_git(clone, "fetch", "-q")
    assert run(clone, api, "github", "7").returncode == 1
    assert "teams/payments.yaml" in api.comments[3]


@pytest.mark.parametrize("job", ["github", "gitlab", "bitbucket"])
def test_no_job_lets_text_of_a_pull_request_into_a_shell_or_runs_its_files(job: str) -> None:
    text = (JOBS / f"{job}.yml").read_text()
    parsed = yaml.safe_load(text)
    commands = "\n".join(scripts(parsed))
    assert "comment.py" in commands
    assert "--require-hashes" in commands
    assert "${{" not in commands
    assert "head.sha" not in text
    assert "head.ref" not in text


def scripts(node: Any, key: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from scripts(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value, key)
    elif key in {"run", "script", "before_script"}:
        yield str(node)
