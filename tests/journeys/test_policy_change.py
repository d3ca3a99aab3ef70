"""Rights change by a commit, pushed with plain git, and count at the next request of the real clients."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.archives import wheel
from tests.journeys.clients import Desk, Done, Pip, ask, listed, publish
from tests.running import Server, run_git, serving, waybill

PEOPLE = "alice: {}\nbob: {}\ncarol: {}\ndora: {}\n"
OPEN = "kind: source\nvisibility: private\nprojects: open\ngrants:\n  - {role: read, to: [everyone]}\n"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose policy these tests change; each has a registry, or a person, of its own."""
    with serving(tmp_path_factory.mktemp("town")) as server:
        server.set_policy({"people.yaml": PEOPLE, "registries/commons/registry.yaml": OPEN})
        yield server


def _grant(role: str, to: str, projects: str, until: str = "") -> str:
    end = f", until: {until}" if until else ""
    return f'  - {{role: {role}, to: [{to}], projects: ["{projects}"]{end}}}\n'


def _upload(desk: Desk, server: Server, token: str, registry: str, project: str) -> Done:
    path = desk.save(wheel(project))
    said = desk.twine("--repository-url", f"{server.url}/{registry}/", "-u", "__token__", "-p", token, path)
    assert "Traceback" not in said.stdout + said.stderr
    return said


def _statuses(server: Server, path: str, token: str | None) -> set[int]:
    """Ask often enough that every worker answers."""
    return {ask(f"{server.url}{path}", token)[0] for _ in range(15)}


def _yesterday() -> str:
    return (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def test_a_pushed_grant_lets_bob_publish_there_and_nowhere_else(town: Server, desk: Desk) -> None:
    bob, file = town.token_for("bob"), "registries/grants/registry.yaml"
    town.set_policy({file: OPEN})
    before = _upload(desk, town, bob, "grants", "tools-cli")
    assert before.returncode == 1
    assert f"{file}:5 gives read, this needs publish" in before.stdout
    commit = town.set_policy({file: OPEN + _grant("publish", "bob", "tools-*")}, "Let bob publish the tools")
    assert _upload(desk, town, bob, "grants", "tools-cli").returncode == 0
    elsewhere = _upload(desk, town, bob, "grants", "payments")
    assert elsewhere.returncode == 1
    assert f"{file}:6 gives publish only on tools-*" in elsewhere.stdout
    [event] = json.loads(waybill("log", "--data", str(town.data), "tools-cli", "--json").stdout)
    assert event["facts"]["Policy"] == commit
    assert event["facts"]["Allowed-By"] == f"{file}#grants/1"
    town.set_policy({file: OPEN}, "Take it back")
    assert _upload(desk, town, bob, "grants", "tools-other").returncode == 1


def test_a_grant_ends_with_its_last_day(town: Server, desk: Desk) -> None:
    bob, file = town.token_for("bob"), "registries/spans/registry.yaml"
    town.set_policy({file: OPEN + _grant("publish", "bob", "span-*", until=_yesterday())})
    over = _upload(desk, town, bob, "spans", "span-one")
    assert over.returncode == 1
    assert f"{file}:6 gave publish until {_yesterday()}" in over.stdout
    town.set_policy({file: OPEN + _grant("publish", "bob", "span-*", until=_tomorrow())})
    assert _upload(desk, town, bob, "spans", "span-one").returncode == 0


def test_a_disabled_person_is_refused_from_the_next_request_on(town: Server, desk: Desk, bundled_pip: Pip) -> None:
    dora = town.token_for("dora")
    publish(town, wheel("shared"), registry="commons")
    assert _statuses(town, "/commons/simple/shared/", dora) == {200}
    town.set_policy({"people.yaml": PEOPLE.replace("dora: {}", "dora: {disabled: true}")}, "Dora left")
    try:
        assert _statuses(town, "/commons/simple/shared/", dora) == {403}
        assert _statuses(town, "/-/api/v1/log", dora) == {403}
        assert "people.yaml:4 says disabled: true" in _upload(desk, town, dora, "commons", "dora-tool").stdout
        index = town.index_url(dora, "commons")
        said = bundled_pip.run(desk, "install", "--target", "site", "--index-url", index, "shared")
        assert said.returncode == 1
        made = waybill("token", "create", "--data", str(town.data), "--person", "dora", check=False)
        assert (made.returncode, made.stdout) == (1, "")
        assert made.stderr == "waybill: people.yaml:4 says disabled: true; a token of dora would not work\n"
        assert _statuses(town, "/commons/simple/shared/", town.token_for("carol")) == {200}
    finally:
        town.set_policy({"people.yaml": PEOPLE}, "Dora is back")
    assert _statuses(town, "/commons/simple/shared/", dora) == {200}


def test_a_broken_registry_file_denies_its_registry_and_no_other(town: Server, desk: Desk) -> None:
    bob, file = town.token_for("bob"), "registries/broken/registry.yaml"
    town.set_policy({file: OPEN + _grant("publish", "bob", "broken-*")})
    assert _upload(desk, town, bob, "broken", "broken-one").returncode == 0
    town.force_policy({file: OPEN + _grant("pubilsh", "bob", "broken-*")}, "A slip")
    try:
        for token in (bob, town.token):
            assert _statuses(town, "/broken/simple/broken-one/", token) == {403}
        slip = f"{file}:6: unknown role 'pubilsh', did you mean 'publish'?"
        assert slip in _upload(desk, town, bob, "broken", "broken-two").stdout
        assert _statuses(town, "/commons/simple/", bob) == {200}
        publish(town, wheel("goes-on"), registry="commons")
        status, text = ask(f"{town.url}/-/health", town.token_for("carol"))
        health = json.loads(text)
        assert (status, health["status"]) == (200, "degraded")
        assert [problem for problem in health["problems"] if slip in problem]
        anonymous = ask(f"{town.url}/-/health")[1]
        assert json.loads(anonymous)["policy_problems"] == 1
        assert "broken" not in anonymous
        lost = town.token_for("bob")
        waybill("token", "revoke", "--data", str(town.data), lost.split("_")[1])
        assert _statuses(town, "/commons/simple/", lost) == {401}
    finally:
        town.set_policy({file: OPEN + _grant("publish", "bob", "broken-*")}, "Repair it")
    assert _upload(desk, town, bob, "broken", "broken-two").returncode == 0
    assert json.loads(ask(f"{town.url}/-/health")[1])["status"] == "ok"


def test_a_broken_project_file_denies_its_project_and_no_other(town: Server, desk: Desk) -> None:
    bob, folder = town.token_for("bob"), "registries/projects-of-bob"
    registry = OPEN + _grant("publish", "bob", "*")
    town.force_policy(
        {f"{folder}/registry.yaml": registry, f"{folder}/projects/odd.yaml": "protected: true\nprotected: false\n"}
    )
    try:
        odd = _upload(desk, town, bob, "projects-of-bob", "odd")
        assert odd.returncode == 1
        assert f"{folder}/projects/odd.yaml:2" in odd.stdout
        assert _upload(desk, town, bob, "projects-of-bob", "even").returncode == 0
    finally:
        town.set_policy({f"{folder}/projects/odd.yaml": "protected: false\n"})
    assert _upload(desk, town, bob, "projects-of-bob", "odd").returncode == 0


def test_a_broken_people_file_denies_everybody_but_says_where(town: Server) -> None:
    town.force_policy({"people.yaml": "alice: {}\nbob: [\n"})
    try:
        assert _statuses(town, "/commons/simple/", town.token) == {403}
        text = ask(f"{town.url}/commons/simple/", town.token, kind="text/plain")[1]
        assert "people.yaml:" in text
    finally:
        town.force_policy({"people.yaml": PEOPLE})
    assert _statuses(town, "/commons/simple/", town.token) == {200}


def test_a_protected_project_refuses_every_token(town: Server, desk: Desk) -> None:
    file = "registries/commons/projects/crown.yaml"
    town.set_policy({file: "# published by its pipeline alone\nprotected: true\n"})
    said = _upload(desk, town, town.token, "commons", "crown")
    assert said.returncode == 1
    assert f"{file}:2 says protected: true, so only a trusted publisher publishes" in said.stdout


def test_where_projects_are_declared_a_file_makes_one_exist(town: Server, desk: Desk) -> None:
    folder = "registries/declared"
    town.set_policy({f"{folder}/registry.yaml": OPEN.replace("projects: open", "projects: declared")})
    said = _upload(desk, town, town.token, "declared", "newcomer")
    assert said.returncode == 1
    assert f"projects are declared, and {folder}/projects/newcomer.yaml does not exist; commit that file" in said.stdout
    assert ask(f"{town.url}/declared/simple/newcomer/", town.token)[0] == 404
    town.set_policy({f"{folder}/projects/newcomer.yaml": "{}\n"})
    assert ask(f"{town.url}/declared/simple/newcomer/", town.token)[0] == 200  # nobody looks elsewhere for it
    assert _upload(desk, town, town.token, "declared", "newcomer").returncode == 0
    assert listed(town, "newcomer", "declared")


def test_a_visibility_changes_for_the_next_reader(town: Server) -> None:
    file = "registries/shown/registry.yaml"
    for visibility, nobody, somebody in (("private", 401, 403), ("internal", 401, 200), ("public", 200, 200)):
        text = f"kind: source\nvisibility: {visibility}\nprojects: open\n"
        town.set_policy({file: text}, f"Make it {visibility}")
        publish(town, wheel("window"), registry="shown")
        assert _statuses(town, "/shown/simple/window/", None) == {nobody}
        assert _statuses(town, "/shown/simple/window/", town.token_for("carol")) == {somebody}


def test_the_server_never_writes_the_policy(town: Server) -> None:
    before = run_git(town.git, "rev-parse", "main")
    publish(town, wheel("quiet"), registry="commons")
    waybill("yank", "--data", str(town.data), "--registry", "commons", "quiet==1.0")
    assert run_git(town.git, "rev-parse", "main") == before
