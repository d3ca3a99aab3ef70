"""Somebody's clone of the git repository, as they work in it; C git alone."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.running import CLEAN, Server, run_git, try_git

Push = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Clone:
    """A working copy whose `origin` is the server, with a person's token."""

    folder: Path
    person: str

    @classmethod
    def of(cls, server: Server, folder: Path, person: str = "alice", token: str | None = None) -> "Clone":
        """Clone over HTTP, as the README tells people to."""
        url = server.clone_url_for(person, token or server.token)
        run_git(folder.parent, "clone", "-q", url, str(folder))
        made = cls(folder, person)
        made.git("config", "user.name", person)
        made.git("config", "user.email", f"{person}@acme.example")
        return made

    def git(self, *arguments: str) -> str:
        """Run git here."""
        return run_git(self.folder, *arguments).strip()

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "Change the policy") -> str:
        """Write files (None removes) and commit them.

        Returns:
            The commit.
        """
        for path, text in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                target.unlink()
            else:
                target.write_bytes(text.encode() if isinstance(text, str) else text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def begin(self, start: str = "origin/main") -> None:
        """Begin anew at the newest policy."""
        self.git("fetch", "-q", "--prune", "origin")
        self.git("checkout", "-q", "-B", "work", start)

    def push(self, *targets: str) -> Push:
        """Push, which may be refused."""
        return try_git(self.folder, "push", "origin", *targets)

    def propose(self, name: str, files: Mapping[str, str | bytes | None], message: str = "Change the policy") -> Push:
        """Begin at the newest policy, commit, and push it as a change."""
        self.begin()
        self.commit(files, message)
        return self.push(f"HEAD:change/{name}")

    def store(self, kind: str, content: bytes) -> str:
        """Put an object into the clone that git itself would not make.

        Returns:
            Its id.
        """
        command = ["git", "-C", str(self.folder), "hash-object", "-t", kind, "--literally", "-w", "--stdin"]
        done = subprocess.run(command, input=content, check=True, capture_output=True, timeout=60, env=CLEAN)
        return done.stdout.decode().strip()

    def tree(self, *rows: tuple[str, bytes, str]) -> str:
        """Put a folder into the clone, row by row: mode, name, id; they are not put in order."""
        return self.store("tree", b"".join(b"%s %s\0%s" % (m.encode(), n, bytes.fromhex(i)) for m, n, i in rows))

    def commit_tree(self, tree: str, parent: str = "origin/main") -> str:
        """Make a commit of any folder."""
        commit = self.git("rev-parse", parent)
        who = "a <a@b> 1800000000 +0000"
        text = f"tree {tree}\nparent {commit}\nauthor {who}\ncommitter {who}\n\nodd\n"
        return self.store("commit", text.encode())

    def folder_of(self, *rows: tuple[str, bytes, str]) -> str:
        """Put a folder into the clone whose rows are in the order that git wants."""
        return self.tree(*sorted(rows, key=lambda row: row[1] + b"/" * (row[0] == "40000")))

    def rows(self, commit: str = "origin/main") -> list[tuple[str, bytes, str]]:
        """List the top folder of a commit as `tree` takes it."""
        lines = self.git("ls-tree", commit).splitlines()
        return [
            (mode.lstrip("0"), name.encode(), found)
            for mode, _, found, name in (line.replace("\t", " ").split(" ", 3) for line in lines)
        ]
