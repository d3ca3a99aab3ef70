"""What a forge's branch must be to become `main`: it follows, it is sound, and it is moved to in one durable step."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from registry import history
from registry.adoption import AGAIN, ARRIVALS, Outcome, adopt
from registry.cli import data
from registry.errors import Unavailable
from registry.following import REFUSED, Trouble
from registry.store import LEDGER, POLICY
from registry.store.git import GitStore
from tests.archives import wheel
from tests.forges import GIT, Forge, new_forge
from tests.registry.web.site import Site, new_site
from tests.running import CLEAN, run_git

PEOPLE = "alice: {}\nbob: {}\n"
REGISTRY = "registries/python/registry.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return new_site(tmp_path / "data")


@pytest.fixture
def forge(site: Site, tmp_path: Path) -> Forge:
    return new_forge(tmp_path, site.folder / "waybill.git")


def try_look(site: Site, forge: Forge, trouble: Trouble | None = None) -> Outcome:
    store = GitStore(site.folder / "waybill.git")
    return adopt(data.open_installation(site.folder, store), store, forge.remote(site.folder), GIT, trouble)


def look(site: Site, forge: Forge) -> str | None:
    """Look at what must be taken, and give the commit if it is new."""
    found = try_look(site, forge)
    assert not found.problems
    assert found.main == found.tip
    return found.main if found.moved else None


def refusal(site: Site, forge: Forge) -> str:
    """Look at what must be refused: nothing has changed afterwards, and nothing lies about."""
    before = run_git(site.folder / "waybill.git", "for-each-ref")
    found = try_look(site, forge)
    assert not found.moved
    assert found.problems
    assert run_git(site.folder / "waybill.git", "for-each-ref") == before
    assert not (site.folder / "waybill.git" / ARRIVALS).exists()
    return found.problems


def test_what_the_forge_has_holds_at_the_next_question(site: Site, forge: Forge) -> None:
    assert look(site, forge) is None
    commit = forge.change({"people.yaml": PEOPLE})
    assert look(site, forge) == commit
    assert site.installation.policy().commit == commit
    assert "bob" in site.installation.policy().accounts()
    assert look(site, forge) is None
    run_git(site.folder / "waybill.git", "fsck", "--full", "--strict")


def test_merge_commits_of_a_forge_are_one_step_of_mains_history(site: Site, forge: Forge) -> None:
    first = site.installation.policy().commit
    merged = forge.merge("add-bob", {"people.yaml": PEOPLE})
    last = forge.merge("readme", {"README.md": "x\n"})
    inner = forge.clone.git("rev-parse", f"{merged}^2")
    assert look(site, forge) == last
    store, trail = site.installation.store, site.installation.trail
    assert [commit.id for commit in store.history(store.head(POLICY))] == [last, merged, first]
    assert trail.catch_up(POLICY) == 3
    assert (trail.place(POLICY, merged), trail.place(POLICY, inner)) == (2, None)
    assert history.at(trail, POLICY, merged[:12]).read("people.yaml") == PEOPLE.encode()


def test_an_upload_afterwards_names_the_forges_commit_as_its_policy(site: Site, forge: Forge) -> None:
    commit = forge.change({"people.yaml": PEOPLE})
    look(site, forge)
    assert site.publish(wheel("demo", "1.0")).status_code == 200
    view = site.installation.view()
    newest = next(iter(site.installation.store.history(view.index.snapshot)))
    assert f"Policy: {commit}" in newest.message


def test_a_rewound_remote_is_refused(site: Site, forge: Forge) -> None:
    first = site.installation.policy().commit
    commit = forge.change({"people.yaml": PEOPLE})
    look(site, forge)
    forge.push(first)
    said = refusal(site, forge)
    assert "was rewound" in said
    assert commit in said, "what to push again"
    forge.push(commit)
    assert look(site, forge) is None


def test_a_rewritten_history_is_refused_also_with_the_same_files(site: Site, forge: Forge) -> None:
    forge.change({"people.yaml": PEOPLE})
    look(site, forge)
    forge.clone.git("commit", "-q", "--amend", "-m", "The same, written anew")
    forge.push()
    assert "history was rewritten" in refusal(site, forge)


def test_an_unrelated_history_is_refused(site: Site, forge: Forge) -> None:
    forge.clone.git("checkout", "-q", "--orphan", "other")
    forge.change({"people.yaml": PEOPLE})
    assert "history was rewritten" in refusal(site, forge)


def test_a_branch_that_main_was_merged_into_is_refused_and_the_repair_that_is_told_works(
    site: Site, forge: Forge
) -> None:
    forge.clone.git("checkout", "-q", "-b", "side", "HEAD")
    forge.clone.commit({"README.md": "x\n"})
    forge.clone.git("checkout", "-q", "main")
    main = forge.change({"people.yaml": PEOPLE})
    look(site, forge)
    forge.clone.git("checkout", "-q", "side")
    forge.clone.git("merge", "-q", "--no-ff", "-m", "the wrong way round", "main")
    forge.push()
    said = refusal(site, forge)
    repair = said.partition("git checkout ")[2].split()
    assert repair[0] == main
    forge.clone.git("checkout", "-q", repair[0])
    forge.clone.git(*repair[3:], "-m", "the right way round")
    forge.clone.git("push", "-q", "origin", "HEAD:main")  # without force
    assert look(site, forge) == forge.clone.git("rev-parse", "HEAD")


def test_a_server_restored_from_an_old_backup_is_not_fooled_by_a_remote_rewound_to_the_same_commit(
    site: Site, forge: Forge
) -> None:
    old = site.installation.policy().commit
    commit = forge.change({"people.yaml": PEOPLE})
    look(site, forge)
    assert site.publish(wheel("demo", "1.0")).status_code == 200
    run_git(site.folder / "waybill.git", "update-ref", "refs/heads/main", old)
    forge.push(old)
    assert commit in refusal(site, forge)
    forge.push(commit)
    assert look(site, forge) == commit


def test_a_new_server_begins_with_whatever_the_forge_has(site: Site, forge: Forge, tmp_path: Path) -> None:
    forge.change({"people.yaml": PEOPLE})
    fresh = Site(tmp_path / "fresh", data.create(tmp_path / "fresh", "acme", "admin"), site.app)
    assert look(fresh, forge) == forge.clone.git("rev-parse", "HEAD")
    assert "bob" in fresh.installation.policy().accounts()
    assert fresh.installation.trail.catch_up(POLICY) == 2


def test_a_new_server_takes_no_policy_that_no_change_could_bring(site: Site, forge: Forge, tmp_path: Path) -> None:
    forge.change({"people.yaml": "alice: {disabled: true}\n"})
    fresh = Site(tmp_path / "fresh", data.create(tmp_path / "fresh", "acme", "admin"), site.app)
    assert "no person who is not disabled" in refusal(fresh, forge)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"people.yaml": "alice: {}\nalice: {}\n"}, "people.yaml:2: "),
        ({REGISTRY: "kind: source\nvisibilty: private\n"}, f"{REGISTRY}:2: "),
        ({"people.yaml": None}, "people.yaml:1: the file is missing"),
        ({"waybill.yaml": "organization: acme\nadmins: []\n"}, "no person who is not disabled is left"),
        ({"Teams/x.yaml": "a\n", "teams/x.yaml": "members: [alice]\nmaintainers: [alice]\n"}, "differ only in case"),
        (
            {"cases/a.yaml": '- {person: alice, may_not: publish, registry: python, projects: ["*"]}\n'},
            "cases/a.yaml:1: ",
        ),
    ],
)
def test_what_no_change_may_do_is_refused_with_file_and_line_whoever_merged_it(
    site: Site, forge: Forge, files: dict[str, str | bytes | None], said: str
) -> None:
    forge.change(files)
    assert said in refusal(site, forge)


def test_a_symbolic_link_is_refused(site: Site, forge: Forge) -> None:
    (forge.clone.folder / "people.yaml").unlink()
    (forge.clone.folder / "people.yaml").symlink_to("/etc/passwd")
    forge.change({})
    assert "'people.yaml' is a symbolic link" in refusal(site, forge)


def test_a_submodule_is_refused(site: Site, forge: Forge) -> None:
    tip = forge.clone.git("rev-parse", "HEAD")
    forge.clone.git("update-index", "--add", "--cacheinfo", f"160000,{tip},teams")
    forge.clone.git("commit", "-q", "-m", "odd")
    forge.push()
    assert "'teams' is a submodule" in refusal(site, forge)


def test_a_file_that_unpacks_to_far_more_than_it_was_packed_is_refused_before_it_is_read(
    site: Site, forge: Forge
) -> None:
    forge.clone.commit({"people.yaml": b"#" * (40 * 2**20)})
    forge.change({"people.yaml": PEOPLE})
    said = refusal(site, forge)
    assert "at most 16 MiB are taken" in said


def test_a_commit_from_the_future_is_refused(site: Site, forge: Forge) -> None:
    forge.clone.git("config", "user.name", "alice")
    when = (datetime.now(UTC) + timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (forge.clone.folder / "people.yaml").write_text(PEOPLE)
    subprocess.run(
        ["git", "-C", str(forge.clone.folder), "commit", "-qam", "late"],
        env={**CLEAN, "GIT_COMMITTER_DATE": when},
        check=True,
    )
    forge.push()
    assert "which is not yet" in refusal(site, forge)


def test_a_refused_commit_is_judged_again_only_after_a_while_or_when_main_moved(site: Site, forge: Forge) -> None:
    bad = forge.change({"people.yaml": "x: [\n"})
    main = site.installation.policy().commit
    now = datetime.now(UTC)
    trouble = Trouble(REFUSED, now, now, "as it was found", bad, main)
    found = try_look(site, forge, trouble)
    assert (found.problems, found.judged) == ("as it was found", now)
    with freeze_time(now + AGAIN):
        assert "people.yaml" in try_look(site, forge, trouble).problems
    assert "people.yaml" in try_look(site, forge, replace(trouble, main="0" * 40)).problems


def test_what_is_refused_as_a_whole_is_taken_step_by_step_as_if_we_had_looked_more_often(
    site: Site, forge: Forge
) -> None:
    crowd = "".join(f"p{n}: {{}}\n" for n in range(8))
    look_at = forge.change({"people.yaml": f"alice: {{}}\n{crowd}"})
    assert look(site, forge) == look_at
    policy = (forge.clone.folder / "waybill.yaml").read_text()
    assert "review:\n" in policy
    forge.merge("allow", {"waybill.yaml": policy.replace("review:\n", "review:\n  most_removed: 100\n")})
    tip = forge.merge("remove", {"people.yaml": "alice: {}\n"})
    assert look(site, forge) == tip


def test_a_revocation_is_in_force_also_when_a_bad_commit_follows_it(site: Site, forge: Forge) -> None:
    look_at = forge.change({"people.yaml": PEOPLE})
    assert look(site, forge) == look_at
    revoked = forge.change({"people.yaml": "alice: {}\nbob: {disabled: true}\n"})
    bad = forge.change({REGISTRY: "visibilty: private\n"})
    found = try_look(site, forge)
    assert (found.moved, found.main, found.tip) == (True, revoked, bad)
    assert f"{REGISTRY}:1: " in found.problems
    assert site.installation.policy().accounts()["bob"].disabled
    assert not try_look(site, forge).moved


def test_a_bad_commit_between_good_ones_is_passed_over(site: Site, forge: Forge) -> None:
    forge.clone.commit({"people.yaml": "x: [\n"})
    tip = forge.change({"people.yaml": PEOPLE})
    assert look(site, forge) == tip


def test_a_refused_policy_that_is_mended_by_the_next_commit_is_taken(site: Site, forge: Forge) -> None:
    forge.change({"people.yaml": "x: [\n"})
    refusal(site, forge)
    mended = forge.change({"people.yaml": PEOPLE})
    assert look(site, forge) == mended


def test_a_disk_that_fails_leaves_main_where_it_was_and_the_next_server_takes_it(
    site: Site, forge: Forge, failing_flush: Callable[[], None]
) -> None:
    before = site.installation.policy().commit
    forge.change({"people.yaml": PEOPLE})
    failing_flush()
    with pytest.raises(Unavailable, match="The disk failed"):
        look(site, forge)
    assert run_git(site.folder / "waybill.git", "rev-parse", "main").strip() == before


@pytest.mark.parametrize("step", ["fetched", "judged", "taken", "moved"])
def test_a_kill_at_any_step_heals_at_the_next_look(site: Site, forge: Forge, step: str, tmp_path: Path) -> None:
    commit = forge.change({"people.yaml": PEOPLE})
    program = tmp_path / "killed.py"
    program.write_text(_KILLED)
    arguments = [sys.executable, str(program), step, str(site.folder), forge.url]
    done = subprocess.run(arguments, env={**CLEAN, "PYTHONPATH": str(Path.cwd())}, check=False)
    assert done.returncode == -signal.SIGKILL
    look(site, forge)
    git = site.folder / "waybill.git"
    assert run_git(git, "rev-parse", "main").strip() == commit
    assert not (git / ARRIVALS).exists()
    run_git(git, "fsck", "--full", "--strict")
    assert site.publish(wheel("demo", "1.0")).status_code == 200


_KILLED = """\
import os, signal, sys
from pathlib import Path
from registry import adoption
from registry.cli import data
from registry.store.address import Login
from registry.store.git import GitStore
from registry.store.remote import Remote

step, folder, url = sys.argv[1:]
path = Path(folder) / "waybill.git"
store = GitStore(path)


def die(*_arguments, **_more):
    os.kill(os.getpid(), signal.SIGKILL)


def then_die(function):
    def wrapped(*arguments, **more):
        function(*arguments, **more)
        die()

    return wrapped


if step == "fetched":
    adoption.measure = die
elif step == "judged":
    adoption.take_in = die
elif step == "taken":
    store.move = die
else:
    store.move = then_die(store.move)
git = "/usr/bin/git"
remote = Remote(git, path, url, "main", Login())
adoption.adopt(data.open_installation(Path(folder), store), store, remote, git)
"""


def test_uploads_go_on_beside_the_looking(site: Site, forge: Forge) -> None:
    for number in range(3):
        commit = forge.change({"README.md": f"{number}\n"})
        assert site.publish(wheel("demo", f"1.{number}")).status_code == 200
        assert look(site, forge) == commit
    head = site.installation.store.head(LEDGER)
    assert sum(1 for c in site.installation.store.history(head) if c.message.startswith("publish:")) == 3
