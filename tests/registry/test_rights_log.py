"""Who decided what about whose rights, read from the history of main: also where only a team file changed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from freezegun import freeze_time

from registry.cli import main
from registry.names import project_name, registry_name
from registry.policy.roles import Role, Scope
from registry.rights_log import Turn, Whose, turns
from registry.store import POLICY, NewCommit, Signature
from tests.registry.web.site import Site, basic, json_of, new_site

PYTHON, API = registry_name("python"), project_name("payments-api")
WHO = Signature("carol", "carol@acme.example")
GRANT = "grants: [{role: publish, to: ['team:payments'], projects: ['payments-*']}]\n"

# Each with its day: what changed, and who approved it. Numbers are what the tests name them by.
HISTORY: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = [
    ("begin", {"people.yaml": "alice: {}\nbob: {}\ncarol: {}\n", "teams/payments.yaml": "members: []\n"}, ()),
    ("grant", {"registries/python/registry.yaml": f"projects: open\n{GRANT}"}, ("alice",)),
    ("readme", {"README.md": "hello\n", "cases/none.yaml": "[]\n"}, ("alice",)),
    ("join", {"teams/payments.yaml": "members: [bob]\n"}, ("alice", "carol")),
    ("rename", {"teams/payments.yaml": "members: [bob]\n# moved\n"}, ("alice",)),
    ("protect", {"registries/python/projects/payments-api.yaml": "protected: true\n"}, ("carol",)),
    ("other", {"registries/python/projects/orders.yaml": "grants: [{role: write, to: [bob]}]\n"}, ("alice",)),
    ("public", {"registries/python/registry.yaml": f"projects: open\nvisibility: internal\n{GRANT}"}, ("alice",)),
    ("leave", {"teams/payments.yaml": "members: []\n"}, ()),
]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation whose policy has a history."""
    with freeze_time("2027-01-01"):
        made = new_site(tmp_path / "data")
    store = made.installation.store
    for day, (subject, files, approvers) in enumerate(HISTORY, 2):
        changes = {path: None if text is None else text.encode() for path, text in files.items()}
        trailers = "".join(f"Approved-By: {name}\n" for name in approvers)
        at = int(datetime(2027, 1, day, tzinfo=UTC).timestamp())
        commit = NewCommit(changes, f"{subject}\n\nGeneration: {day}\n{trailers}", WHO, WHO, at)
        store.append(POLICY, store.head(POLICY), [commit])
    return made


def told(site: Site, whose: Whose) -> list[str]:
    return [turn.subject for turn in turns(site.installation, whose)]


def turn(site: Site, subject: str, whose: Whose) -> Turn:
    return next(found for found in turns(site.installation, whose) if found.subject == subject)


def test_a_line_in_a_team_file_is_found_by_the_person_and_by_the_project(site: Site) -> None:
    bob = Whose("bob", PYTHON, API)
    found = turn(site, "join", bob)
    assert found.approvers == ("alice", "carol")
    assert found.author == "carol"
    assert found.at == datetime(2027, 1, 5, tzinfo=UTC)
    (sentence,) = found.meaning
    assert sentence.startswith("Gains: bob: publish on every future project named payments-* in python")
    assert "through team payments" in sentence


def test_only_commits_that_changed_the_right_are_listed(site: Site) -> None:
    assert told(site, Whose("bob", PYTHON, API))[:4] == ["leave", "public", "protect", "join"]
    assert told(site, Whose("bob"))[:5] == ["leave", "public", "other", "protect", "join"]
    assert "readme" not in told(site, Whose())
    assert "rename" not in told(site, Whose())
    assert told(site, Whose("nobody")) == []


def test_a_right_everybody_gained_is_a_change_for_who_had_it_not(site: Site) -> None:
    assert "public" in told(site, Whose("carol", PYTHON, API))
    assert "join" not in told(site, Whose("carol", PYTHON, API))
    assert told(site, Whose(project=project_name("orders")))[:2] == ["public", "other"]


def test_the_walk_ends_where_it_was_asked_to(site: Site) -> None:
    assert told(site, Whose("bob", since=datetime(2027, 1, 8, tzinfo=UTC))) == ["leave", "public", "other"]


def test_the_command_and_the_api_say_the_same(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["log", "--policy", "--principal", "bob", "--project", "payments-api", "--data", str(tmp_path / "data")]
    assert main([*arguments, "--json"]) == 0
    on_host = json.loads(capsys.readouterr().out)
    site.policy(waybill="organization: acme\nadmins: [alice]\nauditors: [carol]\n")
    asked = site.ask("/-/api/v1/log/policy", query={"principal": "bob", "project": "payments-api"})
    assert json_of(asked)["commits"] == on_host
    assert main(arguments) == 0
    assert "approved by alice, carol\n" in capsys.readouterr().out


def test_only_admins_and_auditors_are_told_and_only_by_a_whole_token(site: Site) -> None:
    site.policy(waybill="organization: acme\nadmins: [alice]\nauditors: [carol]\n")
    people = ("alice", "bob", "carol", None)
    statuses = [site.ask("/-/api/v1/log/policy", person).status_code for person in people]
    assert statuses == [200, 403, 200, 401]
    limited = site.limited("alice", Scope(Role.READ))
    headers = {"Authorization": basic("__token__", limited)}
    assert site.ask("/-/api/v1/log/policy", None, headers=headers).status_code == 403


def test_options_of_the_other_log_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--principal", "bob"], ["--policy", "--pipeline", "x"], ["--policy", "demo==1.0"]):
        assert main(["log", "--data", str(tmp_path), *wrong]) == 1
        assert "waybill: " in capsys.readouterr().err
