"""A forge on this machine: a bare git repository with a policy, reached by path or by git's smart HTTP."""

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from registry.cli import data
from registry.store.address import Login
from registry.store.git import GitStore
from registry.store.remote import Remote
from tests.clones import Clone
from tests.running import run_git

GIT = "/usr/bin/git"


@dataclass
class Forge:
    """The policy's git repository elsewhere, and a clone of somebody who may push to it."""

    bare: Path
    clone: Clone

    @property
    def url(self) -> str:
        """By path."""
        return f"file://{self.bare}"

    def change(self, files: dict[str, str | bytes | None], message: str = "Change the policy") -> str:
        """Commit and push, as a merged pull request would."""
        commit = self.clone.commit(files, message)
        self.push()
        return commit

    def push(self, what: str = "HEAD") -> None:
        """Put main anywhere, whether or not it follows."""
        self.clone.git("push", "-q", "--force", "origin", f"{what}:main")

    def merge(self, name: str, files: dict[str, str | bytes | None]) -> str:
        """Merge a branch as forges do, with a merge commit."""
        self.clone.git("checkout", "-q", "-b", name)
        self.clone.commit(files, f"Work on {name}")
        self.clone.git("checkout", "-q", "main")
        self.clone.git("merge", "-q", "--no-ff", "-m", f"Merge pull request from {name}", name)
        self.push()
        return self.clone.git("rev-parse", "HEAD")

    def remote(self, data_folder: Path, url: str | None = None, login: Login | None = None) -> Remote:
        """See it as an installation does."""
        return Remote(GIT, data.git_folder(data_folder), url or self.url, "main", login or Login())


def new_forge(folder: Path, policy: Path | GitStore) -> Forge:
    """Make a forge that has the policy of an installation, in a new folder."""
    path = policy.path if isinstance(policy, GitStore) else policy
    bare = folder / "forge.git"
    run_git(folder, "init", "-q", "--bare", "-b", "main", str(bare))
    run_git(path, "push", "-q", str(bare), "main")
    run_git(folder, "clone", "-q", str(bare), str(folder / "work"))
    clone = Clone(folder / "work", "alice")
    clone.git("config", "user.name", "alice")
    clone.git("config", "user.email", "alice@acme.example")
    return Forge(bare, clone)


@dataclass
class Web:
    """What the HTTP face of a forge does, and what it was asked."""

    folder: Path
    secret: str | None = None  # password that it wants
    delay: float = 0.0  # seconds until it answers
    elsewhere: str | None = None  # where it sends everybody
    insults: str | None = None  # what it answers besides 403
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0
    now: int = 0  # requests that are being answered
    most: int = 0  # that ever were, at once

    @property
    def url(self) -> str:
        """Its git repository."""
        return f"http://127.0.0.1:{self.port}/forge.git"


@contextmanager
def on_the_web(forge: Forge, **behaviour: object) -> Iterator[Web]:
    """Serve a forge by C git's http-backend on loopback."""
    web = Web(forge.bare.parent, **behaviour)  # type: ignore[arg-type]  # by name
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": web}))
    server.daemon_threads = True
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One request of git to a forge."""

    protocol_version = "HTTP/1.1"
    web: Web

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        web, given = self.web, self.headers.get("Authorization")
        web.asked.append((self.path, given))
        web.now += 1
        web.most = max(web.most, web.now)
        body = self._body()
        time.sleep(web.delay)
        web.now -= 1
        if web.elsewhere:
            self._send(302, [("Location", web.elsewhere + self.path)], b"")
        elif web.insults:
            self._send(403, [("Content-Type", "text/plain")], web.insults.encode())
        elif web.secret and (not given or base64.b64decode(given[6:]).decode().partition(":")[2] != web.secret):
            self._send(401, [("WWW-Authenticate", 'Basic realm="forge"')], b"")
        else:
            self._send(*self._backend(body))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _backend(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.web.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [(name, value) for name, _, value in (row.partition(": ") for row in head.decode().split("\r\n"))]
        status = next((int(value[:3]) for name, value in fields if name == "Status"), 200)
        return status, [(name, value) for name, value in fields if name != "Status"], content

    def _send(self, status: int, fields: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # git has been given up meanwhile
            self.wfile.write(content)
