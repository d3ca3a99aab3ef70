"""Questions an auditor asks, on the host and from elsewhere: what happened, who may, and why."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.archives import wheel
from tests.journeys.clients import Done, listed, publish
from tests.running import Server, run_git, waybill

IN_PYTHON = ("--registry", "python")
PLACES = pytest.mark.parametrize("place", ["--data", "--url"])


def _ask(server: Server, place: str, command: str, *arguments: str, token: str | None = None) -> Done:
    """Run one command against the folder, or against the server as alice."""
    where = {"--data": str(server.data), "--url": server.url}[place]
    return waybill(command, place, where, *arguments, token=token or server.token, check=False)


@pytest.fixture(scope="module")
def released(acme: Server, bob: str) -> str:
    """Two releases by bob, a file of each kind in the first."""
    publish(acme, wheel("bob-audited", "1.0"), wheel("bob-audited", "1.1"), token=bob)
    publish(acme, wheel("bob-audited", "1.0"), registry="community")
    publish(acme, wheel("bob-audited", "3.0"), registry="vault")
    return "bob-audited"


@PLACES
def test_the_log_of_a_release_says_who_and_through_what_and_why(
    acme: Server, bob: str, released: str, place: str
) -> None:
    said = _ask(acme, place, "log", f"{released}==1.1")
    assert said.returncode == 0, said.stderr
    [head, by, why, registry, digest, commit] = said.stdout.splitlines()
    assert head.endswith("  publish: bob-audited 1.1 bob_audited-1.1-py3-none-any.whl")
    assert by == f"    by bob through token {bob.split('_')[1]}"
    policy = run_git(acme.git, "rev-parse", "main")[:12]
    assert why == f"    allowed by registries/python/registry.yaml#grants/1 at {policy}"
    assert registry == "    registry python"
    sha256 = listed(acme, released)["bob_audited-1.1-py3-none-any.whl"]["hashes"]["sha256"]
    assert digest == f"    digest sha256:{sha256}"
    assert run_git(acme.git, "cat-file", "-t", commit.removeprefix("    ledger commit ")).strip() == "commit"


def test_the_log_is_the_same_on_the_host_and_from_elsewhere(acme: Server, released: str) -> None:
    here, there = (json.loads(_ask(acme, place, "log", released, "--json").stdout) for place in ("--data", "--url"))
    assert here == there
    assert [event["facts"]["Version"] for event in here] == ["3.0", "1.0", "1.1", "1.0"]
    first = here[-1]
    assert first["author"] == "bob"
    assert first["facts"]["Waybill-Event"] == "publish"
    assert first["facts"]["Trust"] == "token"


@PLACES
def test_the_log_narrows_by_version_registry_time_and_number(acme: Server, released: str, place: str) -> None:
    def versions(*arguments: str) -> list[str]:
        said = _ask(acme, place, "log", "--json", *arguments)
        assert said.returncode == 0, said.stderr
        return [event["facts"].get("Version", "") for event in json.loads(said.stdout)]

    assert versions(f"{released}==1.0.0") == ["1.0", "1.0"]  # another spelling of the same version
    assert versions(released, "--registry", "community") == ["1.0"]
    assert versions(released, "--limit", "1") == ["3.0"]
    today, tomorrow = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=1)
    assert len(versions(released, "--since", today.isoformat())) == 4
    assert versions(released, "--since", tomorrow.date().isoformat()) == []
    assert versions(released, "--repository", "acme/payments") == []
    assert versions(released, "--pipeline", "https://ci.acme.example/runs/1") == []


def test_the_log_from_elsewhere_shows_only_what_the_reader_may_see(acme: Server, bob: str, released: str) -> None:
    events = json.loads(_ask(acme, "--url", "log", "--json", token=bob).stdout)
    assert {event["facts"].get("Registry") for event in events} >= {"python", "community"}
    assert "vault" not in {event["facts"].get("Registry") for event in events}
    assert {event["facts"]["Owner"] for event in events if "Owner" in event["facts"]} == {"bob"}
    assert _ask(acme, "--url", "log", released, "--registry", "vault", "--json", token=bob).stdout == "[]\n"


def test_the_log_is_git_log(acme: Server, released: str) -> None:
    shown = json.loads(_ask(acme, "--data", "log", f"{released}==1.1", "--json").stdout)
    trailer = "--format=%H %(trailers:key=Digest,valueonly,separator=)"
    [line] = run_git(acme.git, "log", trailer, "ledger", "--", f"python/*/{released}/1.1/*").splitlines()
    assert line.split() == [shown[0]["commit"], shown[0]["facts"]["Digest"]]


@PLACES
def test_who_can_names_everybody_with_the_line_that_allows_it(acme: Server, place: str) -> None:
    said = _ask(acme, place, "who-can", "publish", "bob-tool", *IN_PYTHON)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [
        "alice  waybill.yaml#admins/0  (waybill.yaml:3)",
        "bob  registries/python/registry.yaml#grants/1  (registries/python/registry.yaml:7)",
    ]
    rows = json.loads(_ask(acme, place, "who-can", "read", "bob-tool", *IN_PYTHON, "--json").stdout)
    assert [row["principal"] for row in rows] == ["alice", "bob", "carol", "deploy-bot"]


@PLACES
def test_who_can_says_that_nobody_may(acme: Server, place: str) -> None:
    said = _ask(acme, place, "who-can", "publish", "guarded", *IN_PYTHON)
    assert (said.returncode, said.stdout, said.stderr) == (
        1,
        "",
        "Nobody may publish guarded; 'waybill explain PRINCIPAL ...' tells why\n",
    )


@PLACES
def test_explain_gives_yes_with_its_line_and_no_with_the_lines_that_fall_short(acme: Server, place: str) -> None:
    yes = _ask(acme, place, "explain", "bob", "publish", "Bob.Tool", *IN_PYTHON)
    assert (yes.returncode, yes.stdout) == (
        0,
        "yes: registries/python/registry.yaml#grants/1 (registries/python/registry.yaml:7)\n",
    )
    no = _ask(acme, place, "explain", "bob", "publish", "other", *IN_PYTHON)
    assert no.returncode == 1
    assert no.stdout.startswith("no: bob may not publish other in python: ")
    assert "registries/python/registry.yaml:7 gives publish only on bob-*" in no.stdout
    closed = _ask(acme, place, "explain", "alice", "publish", "guarded", *IN_PYTHON)
    assert closed.returncode == 1
    assert "registries/python/projects/guarded.yaml:1 says protected: true" in closed.stdout
    unknown = _ask(acme, place, "explain", "mallory", "read", "bob-tool", *IN_PYTHON)
    assert "people.yaml has no entry 'mallory'" in unknown.stdout
    anyone = _ask(acme, place, "explain", "anyone", "read", "bob-tool", "--registry", "community", "--json")
    assert json.loads(anyone.stdout)["allowed"] is True


@PLACES
def test_explain_answers_by_a_past_policy_too(acme: Server, place: str) -> None:
    first = run_git(acme.git, "rev-list", "--max-parents=0", "main").strip()
    then = _ask(acme, place, "explain", "bob", "publish", "bob-tool", *IN_PYTHON, "--at", first)
    assert then.returncode == 1
    assert "people.yaml has no entry 'bob'" in then.stdout


def test_only_those_who_may_change_rights_ask_about_others(acme: Server, bob: str) -> None:
    own = _ask(acme, "--url", "explain", "bob", "publish", "bob-tool", *IN_PYTHON, token=bob)
    assert own.returncode == 0
    others = _ask(acme, "--url", "explain", "alice", "publish", "bob-tool", *IN_PYTHON, token=bob)
    assert (others.returncode, others.stdout) == (1, "")
    assert "403 bob may not ask about others' rights on bob-tool; its admins and auditors may" in others.stderr
    assert _ask(acme, "--url", "who-can", "publish", "bob-tool", *IN_PYTHON, token=bob).returncode == 1


@PLACES
def test_a_yank_says_who_when_and_why_and_can_be_taken_back(acme: Server, place: str) -> None:
    project = f"yanked-by{place[1:]}"
    publish(acme, wheel(project, "1.0"))
    said = _ask(acme, place, "yank", f"{project}==1", "--reason", "leaks  memory\n")
    assert (said.returncode, said.stdout, said.stderr.split(" is ")[1]) == (0, "", "yanked in registry python\n")
    [file] = listed(acme, project).values()
    assert file["yanked"] == "leaks memory"
    [event] = json.loads(_ask(acme, "--data", "log", project, "--limit", "1", "--json").stdout)
    assert event["facts"]["Waybill-Event"] == "yank"
    assert event["author"] == ("operator" if place == "--data" else "alice")
    back = _ask(acme, place, "unyank", f"{project}==1.0")
    assert (back.returncode, back.stdout, back.stderr) == (
        0,
        "",
        f"{project} 1.0 is not yanked any more in registry python\n",
    )
    assert [file["yanked"] for file in listed(acme, project).values()] == [False]


def test_whoever_may_only_publish_does_not_yank(acme: Server, bob: str, released: str) -> None:
    said = _ask(acme, "--url", "yank", f"{released}==1.0", token=bob)
    assert said.returncode == 1
    assert "403 bob may not yank bob-audited in python" in said.stderr
    assert "registries/python/registry.yaml:7 gives publish, this needs write" in said.stderr
    assert [file["yanked"] for file in listed(acme, released).values()] == [False, False]


@PLACES
def test_a_yank_of_what_is_not_there_says_what_is(acme: Server, released: str, place: str) -> None:
    said = _ask(acme, place, "yank", f"{released}==7.0")
    assert said.returncode == 1
    assert "python has no release bob-audited 7.0; it has 1.0, 1.1" in said.stderr
