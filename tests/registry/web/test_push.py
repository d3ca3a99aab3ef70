"""Hostile pushes by real git: none is applied, the server goes on, and the pusher reads what is wrong."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clones import Clone, Push
from tests.running import Server, run_git, serving, try_git, waybill

PEOPLE = "alice: {}\nbob: {}\ncarol: {}\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server that all of this is thrown at."""
    with serving(tmp_path_factory.mktemp("target"), workers=1) as running:
        running.set_policy({"people.yaml": PEOPLE})
        yield running


@pytest.fixture
def clone(server: Server, tmp_path: Path) -> Clone:
    return Clone.of(server, tmp_path / "clone")


@pytest.fixture(autouse=True)
def _unharmed(server: Server) -> Iterator[None]:
    """Whatever a test pushes: no branch moves, no record is made, and the next honest person is served."""
    before = run_git(server.git, "for-each-ref")
    yield
    assert run_git(server.git, "for-each-ref") == before
    assert run_git(server.git, "fsck", "--full", "--no-dangling", "--strict") == ""
    assert not list((server.git / "objects").glob("tmp_objdir*"))
    assert "Traceback" not in server.log()
    assert try_git(server.data, "ls-remote", server.clone_url).returncode == 0


def refused(done: Push, *said: str) -> None:
    """The push failed, in words."""
    assert done.returncode != 0, done.stderr
    for words in said:
        assert words in done.stderr
    assert "Traceback" not in done.stderr


# Branches


def test_main_takes_no_push_and_says_what_to_do_instead(clone: Clone) -> None:
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    refused(clone.push("HEAD:main"), "main takes no pushes", "git push origin HEAD:change/NAME")


def test_main_takes_no_push_by_path_either(server: Server, clone: Clone) -> None:
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    refused(try_git(clone.folder, "push", str(server.git), "HEAD:main"), "main takes no pushes", "HEAD:change/NAME")


def test_the_ledger_takes_no_push(clone: Clone) -> None:
    clone.begin("origin/ledger")
    clone.commit({"tokens/forged.json": "{}\n"}, "publish: forged")
    refused(clone.push("HEAD:ledger"), "ledger takes no pushes: the server alone writes it")


@pytest.mark.parametrize(
    "target", ["refs/heads/other", "refs/tags/v1", "refs/notes/x", "refs/changes/x", "refs/heads/changes/x"]
)
def test_no_other_reference_takes_a_push(clone: Clone, target: str) -> None:
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    refused(clone.push(f"HEAD:{target}"), f"'{target}' takes no pushes: only branches change/NAME do")


@pytest.mark.parametrize("name", ["Upper", "a/b", "caf\u00e9", "-x", "_x", "x" * 65, "a.-b.", "a b"])
def test_a_change_has_a_name_that_nothing_could_misread(clone: Clone, name: str) -> None:
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    refused(clone.push(f"HEAD:refs/heads/change/{name}"))


def test_neither_main_nor_a_change_can_be_deleted(server: Server, clone: Clone) -> None:
    refused(clone.push("--delete", "main"))
    run_git(server.git, "update-ref", "refs/heads/change/there", "main")
    try:
        refused(clone.push("--delete", "change/there"), "cannot be deleted by a push", "waybill change withdraw there")
    finally:
        run_git(server.git, "update-ref", "-d", "refs/heads/change/there")


def test_several_branches_at_once_are_refused_whole(clone: Clone) -> None:
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    refused(clone.push("HEAD:change/one", "HEAD:change/two"), "Push one change at a time")
    refused(clone.push("HEAD:change/one", "HEAD:main"), "main takes no pushes")


def test_a_tag_in_place_of_a_commit_is_refused(clone: Clone) -> None:
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    clone.git("tag", "-a", "odd", "-m", "odd")
    refused(clone.push("refs/tags/odd:refs/heads/change/odd"))


def test_a_branch_without_a_commit_in_common_with_main_is_refused(clone: Clone) -> None:
    refused(clone.push("origin/ledger:refs/heads/change/ledger"))
    clone.git("checkout", "-q", "--orphan", "alone")
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    refused(clone.push("HEAD:change/alone"), "no commit in common with main")


def test_an_older_policy_cannot_be_pushed_back(server: Server, clone: Clone) -> None:
    first = run_git(server.git, "rev-list", "--max-parents=0", "main").strip()
    refused(clone.push(f"+{first}:refs/heads/main"), "main takes no pushes")
    refused(clone.push(f"{first}:refs/heads/change/back"), "changes nothing on main")


# What git trees can hold


def _with(clone: Clone, mode: str, name: bytes, content: bytes = b"alice: {}\n") -> str:
    """Make a commit with one odd row beside the policy."""
    kept = clone.git("rev-parse", "HEAD") if mode == "160000" else clone.store("blob", content)
    return clone.commit_tree(clone.folder_of(*clone.rows(), (mode, name, kept)))


ODD: dict[str, tuple[str, bytes, str]] = {
    "a symbolic link": ("120000", b"teams.yaml", "symbolic link"),
    "a submodule": ("160000", b"module", "submodule"),
    "an executable file": ("100755", b"run.sh", "executable"),
    "a name with a space": ("100644", b"a b.yaml", "cannot be a name here"),
    "a name that is no UTF-8": ("100644", b"caf\xe9.yaml", "cannot be a name here"),
    "a name with a line break": ("100644", b"a\nb.yaml", "cannot be a name here"),
    "a name for a terminal to obey": ("100644", b"\x1b]0;x\x07.yaml", "cannot be a name here"),
    "a name outside of ASCII": ("100644", "people\u200b.yaml".encode(), "cannot be a name here"),
    "a twin in another case": ("100644", b"People.yaml", "differ only in case"),
    "dot-dot": ("100644", b"..", ""),
    "a dot": ("100644", b".", ""),
    "dot-git": ("100644", b".git", ""),
    "dot-git in another case": ("100644", b".GIT", ""),
    "dot-git as HFS reads it": ("100644", ".g\u200cit".encode(), ""),
    "dot-git as NTFS reads it": ("100644", b"git~1", ""),
    "a slash in a name": ("100644", b"teams/../../people.yaml", ""),
    "an empty name": ("100644", b"", ""),
    "a setuid mode": ("104755", b"run.sh", ""),
    "a mode with zeros before it": ("0100644", b"zero.yaml", ""),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_tree_holds_only_plain_files_and_folders(clone: Clone, odd: str) -> None:
    mode, name, said = ODD[odd]
    refused(clone.push(f"{_with(clone, mode, name)}:refs/heads/change/odd"), said)


def test_odd_things_deep_in_a_tree_are_found_too(clone: Clone) -> None:
    blob = clone.store("blob", b"x")
    tree = clone.tree(("100755", b"x.yaml", blob))
    for name in (b"projects", b"python"):
        tree = clone.tree(("40000", name, tree))
    rows = [row for row in clone.rows() if row[1] != b"registries"]
    commit = clone.commit_tree(clone.folder_of(*rows, ("40000", b"registries", tree)))
    refused(clone.push(f"{commit}:refs/heads/change/deep"), "registries/python/projects: 'x.yaml' is executable")


def test_the_same_name_twice_in_a_folder_is_refused(clone: Clone) -> None:
    refused(clone.push(f"{_with(clone, '100644', b'people.yaml')}:refs/heads/change/twice"))


def test_folders_without_end_are_refused(clone: Clone) -> None:
    tree = clone.tree(("100644", b"x.yaml", clone.store("blob", b"x")))
    for _ in range(3000):
        tree = clone.tree(("40000", b"a", tree))
    refused(clone.push(f"{clone.commit_tree(tree)}:refs/heads/change/deep"), "folders deep")


# How much


def test_a_few_folders_that_stand_in_very_many_places_are_refused(clone: Clone) -> None:
    tree = clone.tree(("100644", b"x", clone.store("blob", b"x")))
    for _ in range(5):
        tree = clone.folder_of(*(("40000", b"d%02d" % number, tree) for number in range(40)))
    commit = clone.commit_tree(clone.folder_of(*clone.rows(), ("40000", b"wide", tree)))
    refused(clone.push(f"{commit}:refs/heads/change/wide"), "more than 50,000 files and folders")


def test_a_huge_pack_is_refused(clone: Clone) -> None:
    clone.commit({"noise.bin": os.urandom(40 * 2**20)})
    refused(clone.push("HEAD:change/huge"), "pack exceeds maximum allowed size")


def test_a_small_pack_that_holds_a_huge_file_is_refused(clone: Clone) -> None:
    clone.commit({"people.yaml": b"#" * (300 * 2**20)})
    refused(clone.push("HEAD:change/bomb"), "at most 2 MiB are taken")


def test_too_many_objects_are_refused(clone: Clone) -> None:
    stream = [b"commit refs/heads/many\ncommitter a <a@b> 1800000000 +0000\ndata 1\nx\nfrom refs/remotes/origin/main\n"]
    stream += [b"M 100644 inline many/f%d.yaml\ndata %d\n%d\n" % (n, len(str(n)), n) for n in range(50_001)]
    path = clone.folder.parent / "stream"
    path.write_bytes(b"".join(stream))
    script = f"git fast-import --quiet < '{path}'"
    clone.git("-c", f"alias.import=!{script}", "import")
    refused(clone.push("many:refs/heads/change/many"), "more than 50000 commits, folders and files")


def test_too_many_commits_are_refused(clone: Clone) -> None:
    tip = clone.git("rev-parse", "HEAD")
    stream = "".join(
        f"commit refs/heads/long\ncommitter a <a@b> 1800000000 +0000\ndata 1\nx\n{f'from {tip}' if n == 0 else ''}\n"
        for n in range(1_100)
    )
    path = clone.folder.parent / "stream"
    path.write_text(stream)
    clone.git("-c", f"alias.import=!git fast-import --quiet < '{path}'", "import")
    refused(clone.push("long:refs/heads/change/long"), "more than 1000 commits of its own")


# What files say


FILES: dict[str, tuple[dict[str, str | bytes | None], str]] = {
    "a bomb of aliases": (
        {"people.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nalice: {email: *c}\n"},
        "people.yaml:1",
    ),
    "a key twice": ({"people.yaml": "alice: {}\nbob: {}\ncarol: {}\nalice: {disabled: true}\n"}, "people.yaml:4"),
    "a document without end": ({"teams/t.yaml": "members: [" + "[" * 5000}, "teams/t.yaml:1"),
    "a tag that makes objects": ({"teams/t.yaml": "members: !!python/object/apply:os.system [id]\n"}, "teams/t.yaml:1"),
    "a file too large": ({"teams/t.yaml": "# " + "x" * 100_000 + "\n"}, "teams/t.yaml:1"),
    "bytes that are no text": ({"people.yaml": b"alice: {}\n\xff\xfe\0"}, "people.yaml:"),
    "no admin any more": ({"people.yaml": "bob: {}\ncarol: {}\n"}, "alice"),
    "no waybill.yaml any more": ({"waybill.yaml": None}, "waybill.yaml"),
    "a reserved registry": ({"registries/changes/registry.yaml": "kind: source\n"}, "reserved"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_cannot_be_in_force_are_refused_by_their_line(clone: Clone, case: str) -> None:
    files, said = FILES[case]
    refused(clone.propose("bad", files), said)


# Who


def test_nobody_pushes_without_a_token_and_nobody_reads(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/-/git/acme.git"
    done = try_git(tmp_path, "clone", url)
    assert "could not read Username" in done.stderr, "git was asked for credentials"
    wrong = url.replace("http://", "http://alice:wb_0000000000_wrong@")
    assert "Authentication failed" in try_git(tmp_path, "clone", wrong).stderr


@pytest.mark.parametrize(
    ("person", "options", "said"),
    [
        ("bob", (), "neither among admins nor among auditors"),
        ("alice", ("--role", "read"), "is limited"),
        ("alice", ("--registry", "python"), "is limited"),
    ],
)
def test_who_may_not_read_everything_neither_clones_nor_pushes(
    server: Server, clone: Clone, person: str, options: tuple[str, ...], said: str
) -> None:
    made = waybill("token", "create", "--data", str(server.data), "--person", person, *options)
    token = made.stdout.strip()
    url = server.clone_url_for(person, token)
    clone.commit({"people.yaml": PEOPLE + "eve: {}\n"})
    before = run_git(server.git, "rev-parse", "ledger")
    assert said in try_git(clone.folder, "ls-remote", url).stderr
    refused(try_git(clone.folder, "push", url, "HEAD:change/mine"), said)
    assert run_git(server.git, "rev-parse", "ledger") == before
    assert token not in server.log()
    run_git(server.git, "update-ref", "refs/heads/ledger", "ledger^")
