"""An independent reader, C git through GitPython, sees the commits that the store wrote as the store does."""

from pathlib import Path

import git

from registry.store import LEDGER, NewCommit, Signature
from registry.store.git import GitStore


def test_another_reader_sees_the_same_commits_files_and_people(tmp_path: Path) -> None:
    alice, registry = Signature("alice", "alice@acme.example"), Signature("Waybill", "registry@acme.example")
    store = GitStore.create(tmp_path / "waybill.git")
    message = "publish: demo\n\nProject: demo\n"
    first = store.append(LEDGER, None, [NewCommit({"a/b": b"1"}, message, alice, registry, 1_800_000_000)])
    head = store.append(LEDGER, first, [NewCommit({"a/c": b"2"}, message, alice, registry, 1_800_000_001)])
    with git.Repo(store.path) as repo:
        newest, oldest = repo.iter_commits(head.id)
        assert (newest.hexsha, oldest.hexsha) == (head.id, first.id)
        assert [(newest.tree / path).data_stream.read() for path in ("a/b", "a/c")] == [b"1", b"2"]
        assert (newest.author.name, newest.committer.email, newest.message) == (
            "alice",
            "registry@acme.example",
            message,
        )
        assert newest.trailers_dict == {"Project": ["demo"]}
        assert newest.committed_date == head.time
