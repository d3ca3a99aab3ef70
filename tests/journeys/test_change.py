"""Rights change by a change: cloned, pushed, looked at, approved by somebody else, and in force at the next upload."""

from datetime import UTC, datetime
from pathlib import Path

from registry import changes, credentials
from registry.cli import data
from tests.archives import wheel
from tests.clones import Clone
from tests.journeys.clients import Desk, Done
from tests.running import Server, run_git, try_git, waybill

PEOPLE = "alice: {email: alice@acme.example}\nbob: {email: bob@acme.example}\ncarol: {email: carol@acme.example}\n"
WAYBILL = "organization: acme\nadmins: [alice, carol]\nreview: {approvals: 1}\n"
REGISTRY = "registries/python/registry.yaml"
GRANT = "  - {role: publish, to: [bob], projects: [payments-api]}\n"


def _upload(desk: Desk, server: Server, token: str, project: str) -> Done:
    path = desk.save(wheel(project))
    return desk.twine("--repository-url", server.upload_url, "-u", "__token__", "-p", token, path)


def _approve(server: Server, token: str, name: str) -> changes.Outcome:
    """Look at a change and agree to it, beside the running server."""
    installation = data.open_installation(server.data)
    who = credentials.authenticate(installation.view().index, token, datetime.now(UTC))
    seen = changes.find(installation, name)
    return changes.approve(installation, who, name, seen.base, seen.tree)


def test_from_a_clone_to_a_right_and_back(server: Server, desk: Desk, tmp_path: Path) -> None:
    server.set_policy({"people.yaml": PEOPLE, "waybill.yaml": WAYBILL})
    bob, carol = server.token_for("bob"), server.token_for("carol")
    clone = Clone.of(server, tmp_path / "policy")
    assert _upload(desk, server, bob, "payments-api").returncode == 1

    grants = (clone.folder / REGISTRY).read_text() + GRANT
    pushed = clone.propose("let-bob-publish", {REGISTRY: grants}, "Let bob publish payments-api")
    assert pushed.returncode == 0
    for said in ("Change let-bob-publish, by alice", "bob: publish", "Not merged yet", "carol"):
        assert said in pushed.stderr
    assert _upload(desk, server, bob, "payments-api").returncode == 1, "nobody has agreed"
    assert "Everything up-to-date" in clone.push("HEAD:change/let-bob-publish").stderr

    merged = _approve(server, carol, "let-bob-publish").merged
    assert _upload(desk, server, bob, "payments-api").returncode == 0
    assert _upload(desk, server, bob, "other").returncode == 1
    clone.begin()
    assert clone.git("rev-parse", "HEAD") == merged
    assert clone.git("branch", "-r", "--list", "origin/change/*") == ""
    said = clone.git("log", "-1", "--format=%an: %s%n%(trailers)")
    assert said.startswith("alice: Let bob publish payments-api\n")
    assert "\nApproved-By: carol\n" in said
    assert f"\nPolicy: {merged}\n" in run_git(server.git, "log", "-1", "--format=%B", "ledger", "--", "python")

    clone.commit({REGISTRY: grants.replace(GRANT, "")}, "Take it back")
    assert "Not merged yet" in clone.push("HEAD:change/take-it-back").stderr
    _approve(server, carol, "take-it-back")
    assert _upload(desk, server, bob, "payments-api").returncode == 1
    assert clone.git("fetch", "-q", "origin") == ""
    assert clone.git("log", "-3", "--format=%s", "origin/main", "--", "registries").splitlines() == [
        "Take it back",
        "Let bob publish payments-api",
        "Begin the policy",
    ]


def test_without_approvals_a_push_by_an_owner_merges_and_holds_at_once(server: Server, desk: Desk) -> None:
    clone = Clone.of(server, desk.folder / "policy")
    pushed = clone.propose("bob", {"people.yaml": PEOPLE})
    assert "Merged into main as" in pushed.stderr
    token = server.token_for("bob")
    assert _upload(desk, server, token, "bobs").returncode == 1
    clone.begin()
    clone.propose("grant", {REGISTRY: (clone.folder / REGISTRY).read_text() + GRANT.replace("payments-api", "bobs")})
    assert _upload(desk, server, token, "bobs").returncode == 0


def test_a_commit_that_speaks_in_trailers_forges_none(server: Server, tmp_path: Path) -> None:
    clone = Clone.of(server, tmp_path / "policy")
    text = "Add a team\n\nApproved-By: carol\nProposed-By: carol\nGeneration: 999\n"
    assert "Merged into main" in clone.propose("forged", {"teams/a.yaml": "members: [alice]\n"}, text).stderr
    said = run_git(server.git, "log", "-1", "--format=%B", "main")
    assert said.startswith("Add a team\n\nChange: forged\n")
    assert "carol" not in said
    assert "Generation: 999" not in said


def test_a_push_must_begin_where_the_branch_is(server: Server, tmp_path: Path) -> None:
    server.set_policy({"people.yaml": PEOPLE, "waybill.yaml": WAYBILL})
    clone = Clone.of(server, tmp_path / "policy")
    clone.propose("team", {"teams/a.yaml": "members: [alice]\n"})
    clone.begin()
    clone.commit({"teams/b.yaml": "members: [alice]\n"})
    forced = clone.push("+HEAD:change/team")
    assert forced.returncode != 0
    assert "change/team may only grow" in forced.stderr
    clone.begin("origin/change/team")
    clone.commit({"teams/b.yaml": "members: [bob]\n"})
    assert clone.push("HEAD:change/team").returncode == 0


def test_where_main_moved_under_a_change_the_push_says_what_to_merge(server: Server, tmp_path: Path) -> None:
    server.set_policy({"people.yaml": PEOPLE, "waybill.yaml": WAYBILL})
    carol = server.token_for("carol")
    clone = Clone.of(server, tmp_path / "policy")
    clone.propose("mine", {"teams/a.yaml": "members: [alice]\n"})
    clone.propose("theirs", {"teams/a.yaml": "members: [bob]\n"})
    assert _approve(server, carol, "theirs").merged
    clone.begin("origin/change/mine")
    clone.commit({"teams/b.yaml": "members: [bob]\n"})
    assert "main changed this file too" in clone.push("HEAD:change/mine").stderr
    clone.git("merge", "-q", "-X", "ours", "-m", "Merge main", "origin/main")
    assert clone.push("HEAD:change/mine").returncode == 0
    assert _approve(server, carol, "mine").merged
    assert run_git(server.git, "show", "main:teams/a.yaml") == "members: [alice]\n"


def test_the_operator_breaks_the_glass_on_the_host(server: Server, tmp_path: Path) -> None:
    server.set_policy({"people.yaml": PEOPLE, "waybill.yaml": WAYBILL})
    clone = Clone.of(server, tmp_path / "policy")
    clone.propose("team", {"teams/a.yaml": "members: [alice]\n"})
    refused = waybill("change", "merge", "team", "--data", str(server.data), check=False)
    assert refused.returncode == 1
    assert "carol" in refused.stderr
    done = waybill("change", "merge", "team", "--data", str(server.data), "--break-glass", "carol is on a plane")
    assert done.stdout.strip() == run_git(server.git, "rev-parse", "main").strip()
    assert "awaits approval" in done.stderr
    assert "Break-Glass: carol is on a plane" in run_git(server.git, "log", "-1", "main")
    assert _approve(server, server.token_for("carol"), "team").change.good


def test_a_push_by_path_on_the_host_is_the_operators_and_is_looked_at_too(server: Server, tmp_path: Path) -> None:
    clone = Clone.of(server, tmp_path / "policy")
    clone.commit({"teams/a.yaml": "members: [alice]\n"})
    pushed = try_git(clone.folder, "push", str(server.git), "HEAD:refs/heads/change/team")
    assert "Change team, by operator" in pushed.stderr
    assert "Not merged yet" in pushed.stderr
    assert run_git(server.git, "log", "-1", "--format=%an %s", "ledger") == "operator propose: team\n"
    clone.commit({"teams/b.yaml": "nonsense: true\n"})
    assert "teams/b.yaml:1" in try_git(clone.folder, "push", str(server.git), "HEAD:refs/heads/change/bad").stderr


def test_an_auditor_clones_everything_and_changes_nothing(server: Server, tmp_path: Path) -> None:
    auditing = WAYBILL.replace("approvals: 1", "approvals: 0") + "auditors: [bob]\n"
    server.set_policy({"people.yaml": PEOPLE, "waybill.yaml": auditing})
    clone = Clone.of(server, tmp_path / "policy", "bob", server.token_for("bob"))
    assert clone.git("rev-parse", "origin/ledger")
    pushed = clone.propose("mine", {"waybill.yaml": auditing.replace("[alice, carol]", "[alice, carol, bob]")})
    assert "Not merged yet" in pushed.stderr
    assert "bob" not in run_git(server.git, "show", "main:waybill.yaml").splitlines()[1]
