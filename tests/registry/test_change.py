"""Changes without a server: who may propose, approve and merge, and what is left when something is killed."""

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry import changes, credentials, tokens
from registry.changes import Outcome, merging
from registry.cli import data
from registry.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, WaybillError
from registry.installation import Installation
from registry.policy.roles import Principal, Role, Scope
from registry.store import CHANGES, LEDGER, POLICY
from tests.running import run_git

PEOPLE = "alice: {}\nbob: {}\ncarol: {}\ndora: {}\nrobot: {service: true, owner: carol}\n"
ORGANIZATION = "organization: acme\nadmins: [alice, bob, carol]\nauditors: [dora]\nreview: {approvals: %d}\n"
TEAM = "members: [dora]\n"


class Killed(BaseException):
    """What a test raises where a process would be gone."""


@dataclass
class Town:
    """An installation, and somebody who puts branches into it as git would after the hooks."""

    installation: Installation
    git: Path
    clone: Path

    def who(self, name: str, scope: Scope | None = None) -> Principal:
        """A person with a token of their own."""
        scope = scope or Scope()
        made = tokens.create(self.installation, None, name, scope=scope, expires=None)
        return Principal(name, made.token.id, scope)

    def put(self, files: dict[str, str | None], branch: str, start: str = "main", subject: str = "Change it") -> str:
        """Commit files on top of a branch and put that where another branch is to be."""
        run_git(self.clone, "fetch", "-q", "origin")
        branch_or_commit = start if len(start) == 40 else f"origin/{start}"
        run_git(self.clone, "checkout", "-q", "-B", "work", branch_or_commit)
        for path, text in files.items():
            target = self.clone / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                target.unlink()
            else:
                target.write_text(text)
        run_git(self.clone, "add", "-A")
        me = ("-c", "user.name=mallory", "-c", "user.email=alice@acme.example")
        run_git(self.clone, *me, "commit", "-q", "--allow-empty", "-m", subject)
        run_git(self.git, "fetch", "-q", str(self.clone), f"+HEAD:refs/heads/{branch}")
        return run_git(self.clone, "rev-parse", "HEAD").strip()

    def propose(self, by: Principal | None, name: str, files: dict[str, str | None], start: str = "main") -> str:
        """Do what a push does up to its end, and give the commit."""
        head = self.put(files, f"{CHANGES}/{name}", start)
        changes.propose(self.installation, by, name, head)
        return head

    def approve(self, by: Principal, name: str) -> Outcome:
        """Approve what is there now."""
        found = changes.find(self.installation, name)
        return changes.approve(self.installation, by, name, found.base, found.tree)

    def log(self, branch: str, form: str = "%s") -> list[str]:
        """The log, newest first."""
        return run_git(self.git, "log", f"--format={form}", branch).splitlines()

    def read(self, path: str) -> bytes | None:
        """A file of the policy in force."""
        return self.installation.head(POLICY).read(path)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    installation = data.create(tmp_path / "data", "acme", "alice")
    git = tmp_path / "data" / data.GIT_FOLDER
    run_git(tmp_path, "clone", "-q", str(git), "clone")
    made = Town(installation, git, tmp_path / "clone")
    made.put({"people.yaml": PEOPLE, "waybill.yaml": ORGANIZATION % 1}, "main")
    return made


def relax(town: Town) -> None:
    """Ask for no approvals."""
    town.put({"waybill.yaml": ORGANIZATION % 0}, "main")


# Proposing and merging


def test_where_no_approval_is_needed_an_owner_merges_what_they_push(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    head = town.propose(alice, "a-team", {"teams/a.yaml": TEAM})
    outcome = changes.merge(town.installation, alice, "a-team")
    assert outcome.merged == town.installation.head(POLICY).id
    assert town.read("teams/a.yaml") == TEAM.encode()
    assert town.log("main", "%an %cn")[0] == "alice Waybill", "not who the pushed commit said"
    said = run_git(town.git, "log", "-1", "--format=%B", "main")
    assert said.startswith("Change it\n\nChange: a-team\n")
    for trailer in (f"Change-Commit: {head}", "Proposed-By: alice", "Merged-By: alice", "Generation: 4"):
        assert f"\n{trailer}\n" in said
    assert town.log("ledger")[:2] == ["merge: a-team", "propose: a-team"]
    assert town.installation.store.branches(CHANGES) == {}
    assert town.installation.head(LEDGER).entries("changes") == {}
    assert changes.changes(town.installation) == []


def test_history_of_main_is_linear_and_holds_no_commit_of_the_branch(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    first = town.put({"teams/a.yaml": TEAM}, "change/two")
    second = town.put({"teams/b.yaml": TEAM}, "change/two", "change/two")
    changes.propose(town.installation, alice, "two", second)
    changes.merge(town.installation, alice, "two")
    history = run_git(town.git, "rev-list", "--parents", "main").splitlines()
    assert all(len(line.split()) <= 2 for line in history)
    assert not {first, second} & set(" ".join(history).split())


def test_a_second_persons_approval_merges(town: Town) -> None:
    alice, carol = town.who("alice"), town.who("carol")
    town.propose(alice, "a-team", {"teams/a.yaml": TEAM})
    with pytest.raises(Forbidden, match="more approval"):
        changes.merge(town.installation, alice, "a-team")
    assert town.approve(carol, "a-team").merged == town.installation.head(POLICY).id
    assert "\nApproved-By: carol\n" in run_git(town.git, "log", "-1", "--format=%B", "main")
    assert town.log("ledger")[:3] == ["merge: a-team", "approve: a-team", "propose: a-team"]


@pytest.mark.parametrize("who", ["alice", "robot", "dora"])
def test_neither_the_author_nor_a_service_nor_somebody_without_a_say_approves(town: Town, who: str) -> None:
    town.propose(town.who("alice"), "a-team", {"teams/a.yaml": TEAM})
    with pytest.raises(Forbidden):
        town.approve(town.who(who), "a-team")
    assert town.read("teams/a.yaml") is None
    assert town.log("ledger")[0].startswith("token-create")


def test_who_pushed_to_it_does_not_approve_it_even_if_somebody_else_pushed_last(town: Town) -> None:
    alice, bob = town.who("alice"), town.who("bob")
    town.propose(bob, "ours", {"teams/a.yaml": TEAM})
    town.propose(alice, "ours", {"teams/b.yaml": TEAM}, "change/ours")
    with pytest.raises(Forbidden):
        town.approve(bob, "ours")


def test_who_gains_by_it_does_not_approve_it(town: Town) -> None:
    town.put({"waybill.yaml": ORGANIZATION.replace("alice, bob, carol", "alice, bob") % 1}, "main")
    town.propose(town.who("alice"), "carol", {"waybill.yaml": ORGANIZATION % 1})
    with pytest.raises(Forbidden):
        town.approve(town.who("carol"), "carol")


@pytest.mark.parametrize("scope", [Scope(role=Role.READ), Scope(registries=("python",)), Scope(projects=("x-*",))])
def test_a_limited_token_neither_proposes_nor_approves_nor_merges(town: Town, scope: Scope) -> None:
    limited = town.who("bob", scope)
    with pytest.raises(Forbidden, match="limited"):
        town.propose(limited, "a", {"teams/a.yaml": TEAM})
    town.propose(town.who("alice"), "b", {"teams/a.yaml": TEAM})
    with pytest.raises(Forbidden, match="limited"):
        town.approve(limited, "b")
    with pytest.raises(Forbidden, match="limited"):
        changes.merge(town.installation, limited, "b")
    with pytest.raises(Forbidden, match="limited"):
        changes.withdraw(town.installation, limited, "b")


def test_a_revoked_token_does_nothing_any_more(town: Town) -> None:
    alice, carol = town.who("alice"), town.who("carol")
    town.propose(alice, "a", {"teams/a.yaml": TEAM})
    tokens.revoke(town.installation, None, carol.token or "")
    with pytest.raises(Unauthenticated, match="revoked"):
        town.approve(carol, "a")
    assert town.read("teams/a.yaml") is None


def test_nobody_in_particular_does_nothing(town: Town) -> None:
    town.propose(town.who("alice"), "a", {"teams/a.yaml": TEAM})
    with pytest.raises(Unauthenticated):
        town.approve(Principal(), "a")


def test_the_operator_needs_the_same_approvals(town: Town) -> None:
    town.propose(None, "a", {"teams/a.yaml": TEAM})
    with pytest.raises(Forbidden):
        changes.merge(town.installation, None, "a")
    assert town.approve(town.who("alice"), "a").merged
    assert "\nProposed-By: operator\n" in run_git(town.git, "log", "-1", "--format=%B", "main")


def test_a_change_that_would_be_refused_is_not_even_written_down(town: Town) -> None:
    with pytest.raises(Invalid, match=re.escape("teams/a.yaml:1: ")):
        town.propose(town.who("alice"), "bad", {"teams/a.yaml": "membrs: []\n"})
    assert town.log("ledger")[0].startswith("token-create")


# Stale approvals


def test_an_approval_of_what_was_looked_at_before_a_push_is_refused(town: Town) -> None:
    alice, carol = town.who("alice"), town.who("carol")
    town.propose(alice, "a", {"teams/a.yaml": TEAM})
    seen = changes.find(town.installation, "a")
    town.propose(alice, "a", {"teams/a.yaml": "members: [alice, dora]\n"}, "change/a")
    with pytest.raises(Conflict, match="moved since you looked"):
        changes.approve(town.installation, carol, "a", seen.base, seen.tree)
    assert town.read("teams/a.yaml") is None


def test_an_approval_of_what_was_looked_at_before_main_moved_is_refused(town: Town) -> None:
    carol = town.who("carol")
    town.propose(town.who("alice"), "a", {"teams/a.yaml": TEAM})
    seen = changes.find(town.installation, "a")
    town.put({"teams/z.yaml": TEAM}, "main")
    with pytest.raises(Conflict, match="moved since you looked"):
        changes.approve(town.installation, carol, "a", seen.base, seen.tree)


def test_an_approval_dies_when_the_author_pushes_or_main_moves(town: Town) -> None:
    town.put({"waybill.yaml": ORGANIZATION % 2}, "main")
    alice, bob, carol = town.who("alice"), town.who("bob"), town.who("carol")
    town.propose(alice, "a", {"teams/a.yaml": TEAM})
    assert town.approve(bob, "a").merged is None
    town.propose(alice, "a", {"teams/b.yaml": TEAM}, "change/a")
    assert town.approve(carol, "a").merged is None, "bob's approval was of something else"
    town.put({"teams/z.yaml": TEAM}, "main")
    assert town.approve(bob, "a").merged is None, "and carol's on top of something else"
    assert town.approve(carol, "a").merged


def test_an_approval_dies_with_a_push_that_only_changes_who_proposes_and_with_what_words(town: Town) -> None:
    town.put({"waybill.yaml": ORGANIZATION % 2}, "main")
    town.propose(town.who("alice"), "a-team", {"teams/a.yaml": TEAM})
    assert town.approve(town.who("carol"), "a-team").merged is None
    head = town.put({}, "change/a-team", "change/a-team", subject="As the board decided")
    changes.propose(town.installation, town.who("dora"), "a-team", head)
    assert town.approve(town.who("bob"), "a-team").merged is None


def test_an_approval_ends_when_its_token_is_revoked_and_can_be_given_anew(town: Town) -> None:
    town.put({"waybill.yaml": ORGANIZATION % 2}, "main")
    carol = town.who("carol")
    town.propose(town.who("alice"), "a-team", {"teams/a.yaml": TEAM})
    town.approve(carol, "a-team")
    tokens.revoke(town.installation, None, carol.token or "")
    assert town.approve(town.who("bob"), "a-team").merged is None
    assert town.approve(town.who("carol"), "a-team").merged


def test_who_may_not_see_a_change_learns_nothing_by_withdrawing_it(town: Town) -> None:
    town.put({"people.yaml": PEOPLE + "eve: {}\n"}, "main")
    town.propose(town.who("alice"), "a-team", {"teams/a.yaml": TEAM})
    with pytest.raises(Forbidden, match="eve may not see change 'a-team'"):
        changes.withdraw(town.installation, town.who("eve"), "a-team")


def test_approving_twice_counts_once(town: Town) -> None:
    town.put({"waybill.yaml": ORGANIZATION % 2}, "main")
    carol = town.who("carol")
    town.propose(town.who("alice"), "a", {"teams/a.yaml": TEAM})
    assert town.approve(carol, "a").merged is None
    assert town.approve(town.who("carol"), "a").merged is None


def test_the_tokens_of_who_left_are_ended_so_that_who_gets_the_id_later_does_not_have_them(town: Town) -> None:
    relax(town)
    alice, dora, old = town.who("alice"), town.who("dora"), PEOPLE.replace("dora: {}\n", "")
    assert old != PEOPLE
    town.propose(alice, "out", {"people.yaml": old, "waybill.yaml": (ORGANIZATION % 0).replace("dora", "carol")})
    changes.merge(town.installation, alice, "out")
    town.propose(alice, "in", {"people.yaml": PEOPLE})
    changes.merge(town.installation, alice, "in")
    ended = next(token for token in tokens.every(town.installation.view().index) if token.id == dora.token)
    assert ended.revoked
    assert town.log("ledger")[2] == "token-revoke: 1 of accounts that are gone"
    with pytest.raises(Unauthenticated):
        credentials.by_id(town.installation.view().index, dora.token or "", datetime.now(UTC))


# main moves


def test_a_change_is_brought_onto_a_main_that_moved_elsewhere(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    town.propose(alice, "a", {"teams/a.yaml": TEAM})
    town.put({"teams/z.yaml": TEAM, "README.md": "x\n"}, "main")
    changes.merge(town.installation, alice, "a")
    assert [town.read(f"teams/{name}.yaml") for name in "az"] == [TEAM.encode()] * 2


def test_where_main_changed_the_same_file_the_author_is_asked_to_merge_it(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    town.propose(alice, "a", {"teams/a.yaml": TEAM})
    town.put({"teams/a.yaml": "members: [bob]\n"}, "main")
    with pytest.raises(Forbidden, match=re.escape("teams/a.yaml:1: main changed this file too")):
        changes.merge(town.installation, alice, "a")
    assert changes.find(town.installation, "a").overlap == ("teams/a.yaml",)
    run_git(town.clone, "fetch", "-q", "origin")
    run_git(town.clone, "checkout", "-q", "-B", "work", "origin/change/a")
    me = ("-c", "user.name=a", "-c", "user.email=a@b")
    run_git(town.clone, *me, "merge", "-q", "-X", "ours", "-m", "Merge main", "origin/main")
    run_git(town.git, "fetch", "-q", str(town.clone), "HEAD:refs/heads/change/a")
    changes.propose(town.installation, alice, "a", run_git(town.clone, "rev-parse", "HEAD").strip())
    changes.merge(town.installation, alice, "a")
    assert town.read("teams/a.yaml") == TEAM.encode()


def test_who_goes_on_where_an_earlier_change_was_pushed_is_compared_with_that_change(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    first = town.propose(alice, "first", {"teams/a.yaml": TEAM})
    changes.merge(town.installation, alice, "first")
    town.put({"teams/z.yaml": TEAM}, "main")
    town.propose(alice, "second", {"teams/a.yaml": "members: [bob]\n"}, start=first)
    found = changes.find(town.installation, "second")
    assert list(found.files) == ["teams/a.yaml"]
    assert not found.overlap
    changes.merge(town.installation, alice, "second")
    assert (town.read("teams/a.yaml"), town.read("teams/z.yaml")) == (b"members: [bob]\n", TEAM.encode())


def test_going_on_from_an_earlier_change_undoes_nothing_that_came_to_main_since(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    first = town.propose(alice, "first", {"teams/a.yaml": TEAM})
    changes.merge(town.installation, alice, "first")
    town.put({"teams/a.yaml": "members: [carol]\n"}, "main")
    with pytest.raises(Invalid, match=re.escape("teams/a.yaml:1: main changed this file too")):
        town.propose(alice, "second", {"teams/a.yaml": "members: [bob]\n"}, start=first)


def test_a_change_says_what_its_first_commit_says_and_main_says_the_same(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    town.put({"teams/a.yaml": TEAM}, f"{CHANGES}/a", subject="Team a begins")
    head = town.put({"teams/a.yaml": "members: [bob]\n"}, f"{CHANGES}/a", f"{CHANGES}/a", subject="fix typo")
    changes.propose(town.installation, alice, "a", head)
    assert changes.find(town.installation, "a").subject == "Team a begins"
    changes.merge(town.installation, alice, "a")
    assert town.log("main")[0] == "Team a begins"


def test_what_main_changed_in_the_same_way_is_no_overlap(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    town.propose(alice, "a", {"teams/a.yaml": TEAM, "teams/b.yaml": TEAM})
    town.put({"teams/a.yaml": TEAM}, "main")
    assert list(changes.find(town.installation, "a").files) == ["teams/b.yaml"]


def test_of_two_merges_at_once_each_is_judged_by_the_main_it_lands_on(town: Town) -> None:
    relax(town)
    alice = town.who("alice")
    for name in "abcd":
        town.propose(alice, name, {f"teams/{name}.yaml": TEAM})
    before = len(town.log("main"))
    threads = [
        threading.Thread(target=changes.merge, args=(data.open_installation(town.git.parent), alice, name))
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(town.log("main")) == before + 4
    assert all(town.read(f"teams/{name}.yaml") == TEAM.encode() for name in "abcd")
    assert [int(n) for n in town.log("main", "%(trailers:key=Generation,valueonly,separator=)")[:4]] == [
        before + n for n in (4, 3, 2, 1)
    ]


def test_of_two_merges_of_one_file_at_once_one_is_refused(town: Town) -> None:
    relax(town)
    alice, said = town.who("alice"), list[str]()
    for name, member in (("a", "bob"), ("b", "carol")):
        town.propose(alice, name, {"teams/a.yaml": f"members: [{member}]\n"})

    def one(name: str) -> None:
        try:
            changes.merge(data.open_installation(town.git.parent), alice, name)
        except WaybillError as error:
            said.append(str(error))

    threads = [threading.Thread(target=one, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 1
    assert "main changed this file too" in said[0]


def test_a_person_who_was_disabled_meanwhile_has_not_approved(town: Town) -> None:
    town.put({"waybill.yaml": ORGANIZATION % 2}, "main")
    town.propose(town.who("alice"), "a", {"teams/a.yaml": TEAM})
    town.approve(town.who("carol"), "a")
    town.put({"people.yaml": PEOPLE.replace("carol: {}", "carol: {disabled: true}")}, "main")
    assert town.approve(town.who("bob"), "a").merged is None


# Withdrawing


@pytest.mark.parametrize("who", ["alice", "bob", None])
def test_its_author_an_admin_and_the_operator_withdraw_a_change(town: Town, who: str | None) -> None:
    town.propose(town.who("alice"), "a", {"teams/a.yaml": TEAM})
    changes.withdraw(town.installation, town.who(who) if who else None, "a")
    assert changes.changes(town.installation) == []
    assert town.log("ledger")[0] == "withdraw: a"
    with pytest.raises(NotFound, match="No change 'a' is open"):
        changes.find(town.installation, "a")


def test_nobody_else_withdraws_a_change(town: Town) -> None:
    town.propose(town.who("alice"), "a", {"teams/a.yaml": TEAM})
    with pytest.raises(Forbidden, match="is not yours"):
        changes.withdraw(town.installation, town.who("dora"), "a")


# Breaking the glass


def test_the_operator_breaks_the_glass_and_an_owner_approves_afterwards(town: Town) -> None:
    alice, carol = town.who("alice"), town.who("carol")
    town.propose(alice, "a", {"teams/a.yaml": TEAM})
    outcome = changes.break_glass(town.installation, "a", "the others are on a plane")
    assert town.read("teams/a.yaml") == TEAM.encode()
    assert "\nBreak-Glass: the others are on a plane\n" in run_git(town.git, "log", "-1", "--format=%B", "main")
    (waiting,) = changes.changes(town.installation)
    assert (waiting.merged, waiting.good) == (outcome.merged, False)
    with pytest.raises(Forbidden):
        town.approve(alice, "a")
    with pytest.raises(Conflict, match="awaits approval"):
        changes.propose(town.installation, alice, "a", town.put({"teams/b.yaml": TEAM}, "elsewhere"))
    assert town.approve(carol, "a").merged == outcome.merged
    assert town.log("ledger")[:2] == ["accept: a", "approve: a"]
    assert changes.changes(town.installation) == []


def test_the_glass_is_not_broken_without_a_reason_nor_for_what_cannot_be_read(town: Town) -> None:
    town.put({"teams/a.yaml": "membrs: []\n"}, "change/bad")
    with pytest.raises(Invalid, match=re.escape("teams/a.yaml:1")):
        changes.break_glass(town.installation, "bad", "hurry")
    with pytest.raises(Invalid, match="say why"):
        changes.break_glass(town.installation, "bad", " ")


def test_the_glass_can_be_broken_to_repair_what_denies_everybody(town: Town) -> None:
    town.put({"people.yaml": "alice: [\n"}, "main")
    town.propose(None, "mend", {"people.yaml": PEOPLE})
    changes.break_glass(town.installation, "mend", "people.yaml cannot be read")
    assert town.read("people.yaml") == PEOPLE.encode()


# What is killed in between


def _killed_at(monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
    def gone(*_arguments: object, **_named: object) -> None:
        raise Killed

    monkeypatch.setattr(where, name, gone)


@pytest.mark.parametrize("step", ["the ledger's event", "the removal of the branch"])
def test_a_merge_killed_after_main_moved_is_finished_by_whoever_comes_next(
    town: Town, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    relax(town)
    alice = town.who("alice")
    town.propose(alice, "a", {"teams/a.yaml": TEAM})
    with monkeypatch.context() as patch:
        if step == "the ledger's event":
            _killed_at(patch, merging, "settle")
        else:
            _killed_at(patch, town.installation.store, "drop")
        with pytest.raises(Killed):
            changes.merge(town.installation, alice, "a")
    assert town.read("teams/a.yaml") == TEAM.encode()
    assert set(town.installation.store.branches(CHANGES)) == {"a"}
    fresh = data.open_installation(town.git.parent)
    assert changes.changes(fresh) == [], "it is not open any more"
    with pytest.raises(NotFound):
        changes.merge(fresh, alice, "a")
    assert changes.heal(fresh) == ["a"]
    assert fresh.store.branches(CHANGES) == {}
    assert fresh.head(LEDGER).entries("changes") == {}
    assert town.log("ledger").count("merge: a") == 1
    assert changes.heal(fresh) == []


def test_a_glass_broken_by_a_process_that_was_killed_still_awaits_approval(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.propose(town.who("alice"), "a", {"teams/a.yaml": TEAM})
    with monkeypatch.context() as patch:
        _killed_at(patch, merging, "settle")
        with pytest.raises(Killed):
            changes.break_glass(town.installation, "a", "hurry")
    fresh = data.open_installation(town.git.parent)
    changes.heal(fresh)
    assert [found.merged for found in changes.changes(fresh)] == [town.installation.head(POLICY).id]


def test_a_push_that_was_written_down_and_never_arrived_lets_nobody_merge_anything(town: Town) -> None:
    relax(town)
    alice, bob = town.who("alice"), town.who("bob")
    first = town.propose(alice, "a", {"teams/a.yaml": TEAM})
    second = town.put({"teams/b.yaml": TEAM}, "elsewhere", "change/a")
    changes.propose(town.installation, bob, "a", second)  # git was killed before it moved the branch
    found = changes.find(town.installation, "a")
    assert (found.head, found.author) == (first, "alice")
    assert {push.by for push in found.record.pushes} == {"alice", "bob"}, "bob has had a hand in it"


def test_a_branch_that_nobody_is_known_to_have_pushed_is_shown_and_not_merged(town: Town) -> None:
    relax(town)
    town.put({"teams/a.yaml": TEAM}, "change/a")
    (found,) = changes.changes(town.installation)
    assert found.author is None
    with pytest.raises(Forbidden, match="nobody is known to have pushed"):
        changes.merge(town.installation, town.who("alice"), "a")


def test_a_branch_that_cannot_be_brought_onto_main_hides_no_other(town: Town) -> None:
    town.propose(town.who("alice"), "good", {"teams/a.yaml": TEAM})
    run_git(town.git, "update-ref", "refs/heads/change/bad", "ledger")
    assert [found.name for found in changes.changes(town.installation)] == ["good"]
    changes.heal(town.installation)
    assert set(town.installation.store.branches(CHANGES)) == {"bad", "good"}
