"""`waybill review` in clones as people and CI have them, made by real git; no server is asked."""

import json
import subprocess
from pathlib import Path

import pytest

from registry.cli import main
from tests.changes import START
from tests.running import run_git

JOINED = START["teams/payments.yaml"].replace("[bob]", "[bob, carol]")


def commit(folder: Path, files: dict[str, str | None]) -> str:
    for path, text in files.items():
        place = folder / path
        if text is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-q", "--allow-empty", "-m", "Change")
    return run_git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the policy on main and one line more in a team file on change."""
    folder = tmp_path / "clone"
    folder.mkdir()
    run_git(folder, "init", "-q", "-b", "main")
    run_git(folder, "config", "user.name", "dan")
    run_git(folder, "config", "user.email", "dan@acme.example")
    commit(folder, dict(START))
    run_git(folder, "switch", "-q", "-c", "change")
    commit(folder, {"teams/payments.yaml": JOINED})
    return folder


def review(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    code = main(["review", "--clone", str(folder), *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_change_that_waits_for_approval_is_said_and_not_refused(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = review(capsys, clone, "main", "change", "--author", "dan")
    assert code == 0
    assert "waits for approval" in out
    assert "carol: write on payments-api in python" in out
    code, out, _ = review(capsys, clone, "main", "--author", "dan", "--approved-by", "mia", "--format", "json")
    assert (code, json.loads(out)["verdict"]) == (0, "good")
    _, out, _ = review(capsys, clone, "main", "--author", "dan", "--approved-by", "carol", "--format", "json")
    assert json.loads(out)["verdict"] == "waiting"  # carol gains by it


def test_a_change_that_breaks_a_rule_is_refused(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(clone, {"teams/payments.yaml": "members: [nobody-known]\nmaintainers: [mia]\n"})
    code, out, _ = review(capsys, clone, "main", "HEAD", "--author", "mia", "--format", "markdown")
    assert code == 1
    assert "### Waybill review: refused" in out
    assert "`teams/payments.yaml:1:`" in out


def test_what_no_server_would_take_is_refused_before_it_is_merged(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clone / "people.yaml").chmod(0o755)
    (clone / "teams" / "idle.yaml").unlink()
    (clone / "teams" / "idle.yaml").symlink_to("payments.yaml")
    commit(clone, {})
    code, out, _ = review(capsys, clone, "main", "--author", "dan")
    assert code == 1
    assert "the top folder:1: 'people.yaml' is executable" in out
    assert "teams:1: 'idle.yaml' is a symbolic link" in out


def test_a_few_folders_in_very_many_places_are_not_walked(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def folder(rows: str) -> str:
        command = ["git", "-C", str(clone), "mktree"]
        return subprocess.run(command, input=rows, text=True, capture_output=True, check=True).stdout.strip()

    tree = run_git(clone, "rev-parse", "HEAD:teams").strip()
    for _ in range(5):
        tree = folder("".join(f"040000 tree {tree}\td{number:02}\n" for number in range(40)))
    root = folder(run_git(clone, "ls-tree", "HEAD") + f"040000 tree {tree}\twide\n")
    wide = run_git(clone, "commit-tree", "-p", "HEAD", "-m", "Wide", root).strip()
    code, _, said = review(capsys, clone, "main", wide)
    assert (code, "more than 50,000 files and folders" in said) == (1, True)


def test_a_target_that_moved_on_is_judged_as_it_is_now_with_the_change_put_on_it(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_git(clone, "switch", "-q", "main")
    commit(clone, {"teams/idle.yaml": "members: [dan]\nmaintainers: [mia]\n", "README.md": "hello\n"})
    code, out, _ = review(capsys, clone, "main", "change", "--format", "json", "--author", "dan")
    assert code == 0
    told = json.loads(out)
    assert [gain["principal"] for gain in told["gains"]] == ["carol"]
    assert [need["what"] for need in told["needs"]] == ["teams/payments.yaml"]
    assert not told["loses"]


def test_a_branch_cannot_bring_back_the_rules_it_was_cut_from(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_git(clone, "switch", "-q", "main")
    commit(clone, {"waybill.yaml": START["waybill.yaml"].replace("approvals: 1", "approvals: 2")})
    _, out, _ = review(capsys, clone, "main", "change", "--author", "dan", "--approved-by", "mia", "--format", "json")
    assert json.loads(out)["verdict"] == "waiting"


def test_both_sides_in_one_file_are_for_the_author_to_join(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_git(clone, "switch", "-q", "main")
    commit(clone, {"teams/payments.yaml": JOINED.replace("carol", "max")})
    code, out, err = review(capsys, clone, "main", "change")
    assert (code, out) == (1, "")
    assert "teams/payments.yaml" in err
    run_git(clone, "switch", "-q", "change")
    run_git(clone, "merge", "-q", "-X", "ours", "main")
    code, out, _ = review(capsys, clone, "main", "change")
    assert "carol: write on payments-api" in out
    assert "Loses\n  - max" in out


def test_every_usual_way_to_name_a_revision_and_to_keep_a_clone_works(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = review(capsys, clone, "main", "change")
    base = run_git(clone, "rev-parse", "main").strip()
    run_git(clone, "tag", "-a", "-m", "tag", "proposed")
    for old, new in (
        (base[:8], "proposed"),
        ("HEAD~1", "HEAD"),
        ("change^", "refs/heads/change"),
        ("main", "change~0"),
    ):
        assert review(capsys, clone, old, new) == told
    run_git(clone, "worktree", "add", "-q", str(tmp_path / "linked"), "main")
    run_git(clone, "pack-refs", "--all")
    run_git(clone, "gc", "-q")
    assert review(capsys, tmp_path / "linked", "main", "change") == told
    assert review(capsys, clone / "teams", "main", "change") == told
    run_git(tmp_path, "clone", "-q", "--shared", str(clone), "borrowed")
    assert review(capsys, tmp_path / "borrowed", "origin/main", "origin/change") == told
    run_git(tmp_path, "clone", "-q", "--bare", str(clone), "bare.git")
    assert review(capsys, tmp_path / "bare.git", "main", "change") == told


def test_a_shallow_clone_says_what_to_fetch(clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_git(tmp_path, "clone", "-q", "--depth=1", "-b", "change", f"file://{clone}", "shallow")
    code, _, err = review(capsys, tmp_path / "shallow", "HEAD~1", "HEAD")
    assert code == 1
    assert "shallow" in err
    assert "--unshallow" in err


@pytest.mark.parametrize(
    "name", ["--upload-pack=touch x", "-x", "a..b", "main:teams", "nowhere", "refs/../x", "HEAD~5000", "ü"]
)
def test_a_revision_that_is_none_is_refused_in_words(
    name: str, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["review", "--clone", str(clone), "--", name])
    err = capsys.readouterr().err
    assert code == 1
    assert "waybill: " in err
    assert "Traceback" not in err


def test_outside_of_a_clone_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = review(capsys, tmp_path, "main")
    assert code == 1
    assert "is in no git repository" in err


def test_what_a_clone_configures_is_never_run(clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand"):
        run_git(clone, "config", key, f"touch {tmp_path / 'ran'}")
    assert review(capsys, clone, "main", "change")[0] == 0
    assert not (tmp_path / "ran").exists()


def test_codeowners_names_the_owners_of_the_policy_and_never_nobody(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = ("alice", "mia", "olga", "peter")
    people = "".join(
        f"{line.replace('{}', f'{{email: {name}@acme.example}}') if name in known else line}\n"
        for line in START["people.yaml"].splitlines()
        for name in [line.split(":")[0]]
    )
    commit(clone, {"people.yaml": people})
    code, out, _ = review(capsys, clone, "codeowners", "--format", "github")
    assert code == 0
    lines = out.splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules == [
        "* alice@acme.example",
        "/teams/idle.yaml mia@acme.example",
        "/teams/payments.yaml mia@acme.example",
        "/registries/idle/ olga@acme.example",
        "/registries/python/ olga@acme.example",
        "/registries/python/projects/payments-api.yaml olga@acme.example peter@acme.example",
    ]
    assert "# without e-mail address: max" in lines
    _, out, _ = review(capsys, clone, "codeowners", "--format", "gitlab")
    assert "[Policy]\n# without e-mail address: adam\n* alice@acme.example\n" in out


def test_codeowners_without_any_address_is_refused(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = review(capsys, clone, "codeowners")
    assert (code, out) == (1, "")
    assert "email" in err
    assert review(capsys, clone, "main", "--format", "github")[0] == 1


def test_wrong_usage_is_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["review"])
    assert ended.value.code == 2
    assert "BASE" in capsys.readouterr().err
