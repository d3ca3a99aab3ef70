"""The history that rules see is the one that is there, commit by commit, whatever a message or a clone says."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registry.cli import data, main
from tests.registry.web.site import new_site
from tests.running import run_git
from tests.validator.books import SIGNER, Books
from validator.history import history
from validator.subject import Absent


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(new_site(tmp_path / "site"))


def newest(books: Books) -> tuple[Path, str]:
    git = data.git_folder(books.site.folder)
    return git, run_git(git, "rev-parse", "ledger").strip()


def test_commits_come_newest_first_with_the_time_of_the_one_before(books: Books) -> None:
    git, head = newest(books)
    found = list(history(git, head))
    assert [one.commit for one in found] == run_git(git, "rev-list", head).split()
    assert [one.before for one in found] == [*(one.at for one in found[1:]), None]
    assert found[0].event == "publish"


def test_no_message_can_be_taken_for_another_commit(books: Books) -> None:
    git, head = newest(books)
    forged = f"repair: x\n\nWaybill-Event: repair\x1e{head}\x1f\x1f0\x1fa\x1fforged\x1f"
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    made = run_git(git, *who, "commit-tree", f"{head}^{{tree}}", "-p", head, "-m", forged).strip()
    assert [one.commit for one in history(git, made)] == run_git(git, "rev-list", made).split()


def test_a_replaced_commit_is_seen_as_it_is(books: Books) -> None:
    git, head = newest(books)
    before = run_git(git, "rev-parse", f"{head}~1").strip()
    run_git(git, "replace", head, before)
    assert next(iter(history(git, head))).parents == (before,)


@pytest.mark.parametrize("cut", ["shallow", "grafts"])
def test_of_a_history_that_is_cut_off_the_rules_are_not_applicable(
    books: Books, cut: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git, head = newest(books)
    clone = tmp_path / "clone"
    depth = ["--depth", "1"] if cut == "shallow" else []
    run_git(tmp_path, "clone", "-q", "--bare", *depth, "-b", "ledger", f"file://{git}", str(clone))
    if cut == "grafts":
        (clone / "info").mkdir(exist_ok=True)
        (clone / "info" / "grafts").write_text(f"{head}\n")
    with pytest.raises(Absent, match="not whole"):
        list(history(clone, head))
    main(["check", str(clone), "--select", "WB508"])
    assert "1 not applicable: the clone's history is not whole" in capsys.readouterr().out


def test_a_signature_counts_only_with_a_key_that_was_named(books: Books) -> None:
    books.sign()
    git, head = newest(books)
    one = next(iter(history(git, head)))
    assert one.unsigned(SIGNER) == ""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    other = f"other@example.org {key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()}"
    assert one.unsigned(other)
    run_git(git, "config", "gpg.ssh.program", "true")
    assert one.unsigned(other), "the clone's own configuration chooses no program"


PROGRAM = """
import sys, resource
from registry.cli import main
main(["check", sys.argv[1], "--report", f"json={sys.argv[2]}"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def test_verdicts_of_a_long_ledger_are_not_held_in_memory(tmp_path: Path) -> None:
    """Eight times as many commits take no more memory."""
    books = Books(new_site(tmp_path / "site"))
    git, head = newest(books)
    peaks = []
    for count in (1_000, 8_000):
        lines = [f"reset refs/heads/ledger\nfrom {head}\n\n"]
        text = "repair: by hand\n\nWaybill-Event: repair\n"
        for number in range(count):
            at = 1_900_000_000 + number
            lines.append(f"commit refs/heads/ledger\ncommitter a <a@b> {at} +0000\ndata {len(text)}\n{text}\n")
        fed = "".join(lines)
        subprocess.run(
            ["git", "-C", str(git), "fast-import", "--quiet", "--force"], input=fed, text=True, check=True, timeout=60
        )
        command = [sys.executable, "-c", PROGRAM, str(git), str(tmp_path / "check.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        peaks.append(int(done.stderr.split()[-1]))
    assert peaks[1] - peaks[0] < 20, peaks
