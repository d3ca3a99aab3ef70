"""An organization's own rules judge changes in the server: those of the policy in force, about what would follow it."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from registry import changes
from registry.cli import rules
from registry.errors import Forbidden, Invalid
from registry.store import POLICY, NewCommit
from tests.archives import wheel
from tests.clones import Clone
from tests.legacy_client import upload
from tests.registry.web.proposals import principal, propose
from tests.registry.web.site import ALICE, Site, new_site
from tests.running import new_server, run_git, waybill
from validator import sandbox

BASE = "organization: acme\nadmins: [alice]\nrules: {change: [AC], waivers: []}\n"
RULES = '''from acme_helpers import bad
from validator import rule


@rule("AC101", on=["change"])
def nobody_is_called_that(person, change):
    """Nobody has a bad name."""
    assert not bad(person.id), f"{person.id} is no name here; choose another"


@rule("AC102", on=["change"], severity="warning")
def everybody_can_be_written_to(person, policy):
    """Everybody has an address."""
    assert policy.accounts()[person.id].email, f"{person.id} has no e-mail address; add one"
'''
HELPERS = "def bad(name):\n    return name.startswith('x')\n"
FINAL = """from validator import rule


@rule("AC105", on=["publish"])
def release_is_final(file):
    'Releases are final ones.'
    assert "rc" not in file.version, "a candidate"
"""
PEOPLE = "alice: {email: alice@acme.example}\n"
XAVIER = {"people.yaml": PEOPLE + "xavier: {}\n"}
CARLA = {"people.yaml": PEOPLE + "carla: {}\n"}
BAD = "people.yaml:2: AC101 nobody_is_called_that: xavier is no name here; choose another"
WARNING = "people.yaml:2: AC102 everybody_can_be_written_to: carla has no e-mail address; add one"
OWN = {"rules/own_rules.py": RULES, "rules/acme_helpers.py": HELPERS}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose organization has rules of its own, and whose operator lets them run."""
    made = new_site(tmp_path / "data")
    rules.choose(made.folder, allowed=True)
    made.installation.checker = fresh(made)
    write(made, {"waybill.yaml": BASE, "people.yaml": PEOPLE, **OWN})
    return made


def fresh(site: Site) -> rules.Rules:
    """What another process would ask."""
    return rules.chosen(site.folder, site.folder / "cache" / "rules")


def write(site: Site, files: dict[str, str | None]) -> None:
    """Put files on main that nobody reviewed."""
    store = site.installation.store
    main = store.head(POLICY)
    text = {path: None if content is None else content.encode() for path, content in files.items()}
    store.append(POLICY, main, [NewCommit(text, "change\n", ALICE, ALICE, main.time)])


def refusal(site: Site, files: dict[str, str | bytes | None], name: str = "one") -> str:
    with pytest.raises(Invalid) as caught:
        propose(site, name, files)
    return str(caught.value)


def test_an_error_refuses_the_push_and_a_warning_is_shown_with_it(site: Site) -> None:
    assert refusal(site, dict(XAVIER)) == BAD
    found = propose(site, "two", CARLA)
    assert (list(found.problems), list(map(str, found.judgement.warnings))) == ([], [WARNING])


def test_page_and_api_show_the_warning_in_the_same_words(site: Site) -> None:
    propose(site, "two", CARLA)
    api = site.ask("/-/api/v1/changes/two").json
    assert api is not None
    assert api["warnings"] == [WARNING]
    assert [f"{w['file']}:{w['line']}: {w['text']}" for w in api["review"]["warnings"]] == [WARNING]
    assert f"Warnings\n  - {WARNING}\n" in api["text"]
    assert (api["state"], api["problems"]) == ("ready", [])


def test_what_the_rules_of_a_later_main_refuse_is_not_merged(site: Site) -> None:
    write(site, {"rules/own_rules.py": RULES.replace("'x'", "'never'")})
    write(site, {"rules/acme_helpers.py": HELPERS.replace("'x'", "'never'")})
    assert propose(site, "two", XAVIER).good
    write(site, {"rules/acme_helpers.py": HELPERS})
    with pytest.raises(Forbidden, match="xavier is no name here"):
        changes.merge(site.installation, principal(site, "alice"), "two")
    assert "xavier" not in run_git(site.folder / "waybill.git", "show", "main:people.yaml")


@pytest.mark.parametrize(
    "weaker",
    [
        {"rules/own_rules.py": None},
        {"rules/acme_helpers.py": "def bad(name):\n    return False\n"},
        {"waybill.yaml": BASE.replace("change: [AC], ", "")},
        {"waybill.yaml": BASE.replace("change:", "ignore: [AC], change:")},
    ],
)
def test_a_change_cannot_weaken_the_rule_that_judges_it(site: Site, weaker: dict[str, str | bytes | None]) -> None:
    assert BAD in refusal(site, {**XAVIER, **weaker})


def test_the_same_pair_is_not_asked_again_by_any_process(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    change = propose(site, "two", CARLA)
    monkeypatch.setattr(sandbox, "_run", lambda *_: pytest.fail("the rules were asked again"))
    for checker in (site.installation.checker, fresh(site)):
        site.installation.checker = checker
        again = changes.find(site.installation, "two")
        assert again.judgement.warnings == change.judgement.warnings
    monkeypatch.undo()
    write(site, {"README.md": "main moved\n"})
    assert list(map(str, changes.find(site.installation, "two").judgement.warnings)) == [WARNING]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "AC103 bad: it did not end within 2 seconds; whoever owns rules/ has to mend it"),
        ("__import__('os')._exit(0)", "AC103 bad: it broke off without an answer"),
        ("person.nonsense", "AC103 bad: the rule crashed at rules/bad_rules.py:5: AttributeError"),
    ],
)
def test_a_rule_that_hangs_or_breaks_refuses_by_name_and_silences_no_other(
    site: Site, body: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validator.serving.SECONDS", 2.0)
    text = f"from validator import rule\n@rule('AC103')\ndef bad(person, change):\n    'X.'\n    {body}\n"
    write(site, {"rules/bad_rules.py": text, "rules/own_rules.py": None, "rules/a_rules.py": RULES})
    told = refusal(site, dict(XAVIER))
    assert said in told
    assert BAD in told
    write(site, {"rules/bad_rules.py": None})
    assert propose(site, "two", CARLA).good


FORGED = b'{"done": true}\n'


@pytest.mark.parametrize(
    "forging",
    [
        f"[os.write(to, {FORGED!r}) for to in range(3, 60) if os.fstat(to).st_mode & 0o010000]; os._exit(0)",
        "import json; json.dumps = lambda *_: '{\"done\": true}'",
        "import validator.jail as j; j._found = lambda *_: None; os.write = lambda *_: 0",
        "import validator.engine as e; e.ask = e.run = lambda *_: None; sys.modules['validator.rule'].Rule = None",
        "sys.modules['__main__']._found = sys.modules['__main__'].ask = lambda *_: None",
    ],
)
def test_a_rule_file_that_reaches_for_the_verdicts_silences_no_other_file(site: Site, forging: str) -> None:
    body = f"import os, sys\ntry:\n    {forging}\nexcept OSError:\n    pass\n"
    write(site, {"rules/a_rules.py": body, "rules/z_rules.py": body})
    assert BAD in refusal(site, dict(XAVIER))


def test_a_rule_that_was_late_is_asked_again_after_a_while_and_not_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    checker = fresh(site)
    policy, now = site.installation.policy(), site.installation.view().now
    slow = sandbox.Answer((), settled=False)
    asked: list[sandbox.Request] = []

    def ask(_: str, request: sandbox.Request) -> sandbox.Answer:
        asked.append(request)
        return slow

    monkeypatch.setattr("validator.serving.ask", ask)
    for seconds in (0, 1, 700):
        later = now.replace(hour=1, minute=0, second=0) + timedelta(seconds=seconds)
        checker.change(policy, policy, "alice", later)
    assert len(asked) == 2


def test_without_leave_of_the_operator_they_do_not_run(site: Site) -> None:
    rules.choose(site.folder, allowed=False)
    site.installation.checker = fresh(site)
    assert propose(site, "one", XAVIER).good
    assert not (site.folder / rules.ALLOWED).exists()


def test_the_ledger_tells_which_service_account_nobody_uses(site: Site) -> None:
    grant = "projects: open\nowners: [alice]\ngrants:\n- {role: publish, to: [bot], projects: ['demo-*']}\n"
    people = PEOPLE + "bot: {service: true, owner: alice}\nidle: {service: true, owner: alice}\n"
    write(site, {"waybill.yaml": BASE.replace("[AC]", "[WB204]"), "people.yaml": people})
    write(site, {"registries/python/registry.yaml": grant})
    with freeze_time("2030-01-01"):
        site.token("bot")
    with freeze_time("2030-03-01"):
        assert site.publish(wheel("demo-x", "1.0"), person="bot").status_code == 200
    with freeze_time("2030-08-27"):
        assert propose(site, "early", {"README.md": "x"}).judgement.warnings == ()
    with freeze_time("2030-08-29"):
        (said,) = propose(site, "late", {"README.md": "y"}).judgement.warnings
    assert str(said).startswith("people.yaml:2: WB204 service_account_is_used: bot did nothing since 2030-03-01;")


def test_a_worker_loads_the_rules_that_are_selected_before_anybody_asks_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    new_site(data).policy(waybill=BASE)
    program = f"""import sys, threading
from pathlib import Path
from registry.cli import rules
from registry.cli.data import open_installation
installation = open_installation(Path({str(data)!r}))
before = "validator.serving" in sys.modules
rules.load_soon(installation, 0.0)
[thread.join() for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
print(before, "validator.serving" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_rules_that_ship_warn_too(site: Site) -> None:
    write(site, {"waybill.yaml": BASE.replace("[AC]", "[WB2, WB6]")})
    found = propose(site, "two", {"registries/python/registry.yaml": "projects: open\n"})
    assert "registries/python/registry.yaml:1: WB212 registry_has_owners" in str(found.judgement.warnings[0])


def test_a_served_installation_asks_them_at_upload_and_push_and_commands_on_the_host_do_too(
    tmp_path: Path,
) -> None:
    server = new_server(tmp_path, workers=1)
    server.options = ("--allow-policy-rules",)
    try:
        server.start()
        two = PEOPLE + "bob: {email: bob@acme.example}\n"
        reviewed = BASE.replace("[alice]", "[alice, bob]").replace("change:", "upload: [AC], change:")
        reviewed += "review: {approvals: 1}\n"
        server.set_policy({"waybill.yaml": reviewed, "people.yaml": two, **OWN, "rules/final_rules.py": FINAL})
        answer = upload(server.upload_url, server.token, *wheel("demo", "2.0rc1"))
        assert (answer.status, "AC105 release_is_final: a candidate" in answer.text) == (400, True)
        clone = Clone.of(server, tmp_path / "clone")
        refused = clone.propose("bad", {"people.yaml": two + "xavier: {}\n"})
        assert (refused.returncode, BAD.replace(":2:", ":3:") in refused.stderr) == (1, True), refused.stderr
        said = clone.propose("good", {"people.yaml": two + "carla: {}\n"}).stderr
        assert WARNING.replace(":2:", ":3:") in said, said
        for place in (["--url", server.url], ["--data", str(server.data)]):
            shown = waybill("change", "show", "good", *place, token=server.token, check=False)
            assert f"Warnings\n  - {WARNING.replace(':2:', ':3:')}\n" in shown.stdout, shown.stderr
        assert "The organization's own rules run behind " in server.log()
    finally:
        server.kill()
    assert (server.data / rules.ALLOWED).exists()
