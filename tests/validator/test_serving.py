"""The rules in the server: uploads and changes are refused by what the policy selects, in the same words."""

import json
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from registry.checking import judged_by_rules
from registry.cli import main
from registry.installation import Installation
from registry.names import project_name
from registry.policy.judge import judge
from registry.store import LEDGER, POLICY, NewCommit
from tests.archives import sdist, wheel
from tests.legacy_client import upload
from tests.registry.web.site import ALICE, Archive, Field, Site, new_site
from tests.running import Server, waybill
from validator.builders import Builders

GOOD = ["License-Expression: MIT", "Description-Content-Type: text/plain"]
DIRECT = wheel("demo", "1.0", headers=[*GOOD, "Requires-Dist: other @ https://example.org/other.whl"], body="Text.")
WORDS = "WB413 dependencies_have_names: other is asked for by URL; publish it, and ask for it by version"
BASE = "organization: acme\nadmins: [alice]\n"
TAKES_URLS = (  # so that it is the rule that refuses them
    "projects: open\naccepts: [direct-urls]\ngrants: [{role: read, to: [everyone]}]\n"
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = new_site(tmp_path / "data")
    made.policy(registries__python__registry=TAKES_URLS)
    return made


def select(site: Site, rules: str) -> str:
    return site.policy(waybill=f"{BASE}rules: {{{rules}}}\n")


def dry(site: Site, archive: Archive, person: str | None = "alice", registry: str = "python") -> TestResponse:
    fields: list[Field] = [("name", "demo"), ("content", archive)]
    return site.send(fields, f"/-/api/v1/check?registry={registry}", person)


def test_no_rule_is_asked_that_the_policy_does_not_select(site: Site) -> None:
    assert site.publish(DIRECT).status_code == 200


def test_an_upload_is_refused_by_a_selected_rule_in_its_own_words_and_nothing_is_stored(site: Site) -> None:
    select(site, "upload: [WB4]")
    before = site.head()
    answer = site.publish(DIRECT)
    assert (answer.status_code, answer.text.strip()) == (400, WORDS)
    assert WORDS in answer.status
    assert (site.head(), site.drafts()) == (before, [])


def test_a_warning_refuses_nothing_and_what_is_good_is_stored(site: Site) -> None:
    select(site, "upload: [WB4]")
    assert site.publish(wheel("demo", "1.0")).status_code == 200  # no licence, no README
    assert site.publish(sdist("demo", "1.0")).status_code == 200


def test_settings_and_waivers_of_the_policy_count(site: Site) -> None:
    waiver = "{rule: WB413, where: ['demo-1.0-*'], owner: alice, reason: until it is published, until: 2999-01-01}"
    select(site, f"upload: [WB413], waivers: [{waiver}]")
    assert site.publish(DIRECT).status_code == 200
    name, content = wheel("demo", "1.1", headers=["Requires-Dist: other @ https://example.org/other.whl"])
    assert site.publish((name, content)).status_code == 400


def test_a_policy_that_names_no_rule_refuses_uploads_and_says_so(site: Site) -> None:
    select(site, "upload: [WB413, WB999]")
    answer = site.publish(wheel("demo", "1.0"))
    assert answer.status_code == 400
    assert "'WB999' is no rule and no beginning of a code" in answer.text


def test_a_rule_of_the_organization_does_not_run_in_the_server_and_nothing_else_is_disturbed(site: Site) -> None:
    own = b"from validator import rule\nimport os\n@rule('AC101')\ndef own_one(file):\n    'X.'\n    os._exit(1)\n"
    site._append("main", {"rules/own_rules.py": own})  # noqa: SLF001 - a file that is not YAML
    select(site, "select: [WB, AC], upload: [WB413, AC101], settings: {AC101: {most: 1}}")
    assert site.publish(wheel("demo", "1.0")).status_code == 200
    assert site.publish(DIRECT).status_code == 400


def test_a_server_without_the_validator_stores_nothing_that_rules_should_see(site: Site) -> None:
    select(site, "upload: [WB4]")
    site.installation.checker = None
    answer = site.publish(DIRECT)
    assert answer.status_code == 503
    assert "was started without the validator" in answer.text


def test_a_policy_that_changes_while_rules_are_asked_is_asked_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(site, "upload: [WB401]")
    write = Installation.write

    def moved(self: Installation, *arguments: Any, **more: Any) -> Any:
        monkeypatch.setattr(Installation, "write", write)
        select(site, "upload: [WB4]")
        return write(self, *arguments, **more)

    monkeypatch.setattr(Installation, "write", moved)
    answer = site.publish(DIRECT)
    assert (answer.status_code, answer.text.strip()) == (400, WORDS)
    assert site.installation.view().index.project("python", project_name("demo")) is None  # type: ignore[arg-type]


def test_a_dry_upload_says_what_the_upload_would_and_stores_nothing(site: Site) -> None:
    select(site, "upload: [WB4]")
    before = site.head()
    answer = dry(site, DIRECT)
    assert (answer.status_code, answer.json and answer.json["detail"]) == (400, WORDS)
    answer = dry(site, wheel("demo", "1.0"))
    assert answer.json is not None
    assert (answer.status_code, answer.json["accepted"], answer.json["here"]) == (200, True, False)
    assert (site.head(), site.drafts()) == (before, [])
    assert not list((site.folder / "waybill.git" / "lfs" / "objects").rglob("*.*"))
    assert site.publish(wheel("demo", "1.0")).status_code == 200
    again = dry(site, wheel("demo", "1.0"))
    assert again.json is not None
    assert again.json["here"]
    other = dry(site, wheel("demo", "1.0", requires_python=">=3.12"))
    upload = site.publish(wheel("demo", "1.0", requires_python=">=3.12"))
    assert other.json is not None
    assert other.json["detail"] == upload.text.strip()
    assert upload.text.startswith("File already exists")


@pytest.mark.parametrize(("person", "registry", "status"), [(None, "python", 401), ("alice", "nothing", 404)])
def test_a_dry_upload_needs_the_same_right(site: Site, person: str | None, registry: str, status: int) -> None:
    assert dry(site, DIRECT, person, registry).status_code == status


def test_the_words_are_those_of_waybill_check(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    select(site, "upload: [WB4]")
    (tmp_path / DIRECT[0]).write_bytes(DIRECT[1])
    assert main(["check", str(tmp_path / DIRECT[0]), "--json"]) == 1
    (found,) = [f for f in json.loads(capsys.readouterr().out)["findings"] if f["severity"] == "error"]
    assert f"{found['rule']} {found['name']}: {found['text']}" == site.publish(DIRECT).text.strip() == WORDS


@pytest.mark.parametrize(("version", "code"), [("1.0", 1), ("2.0", 0)])
def test_a_pipeline_asks_the_registry_before_it_publishes_and_hears_the_words_of_the_upload(
    shared_server: Server, version: str, code: int, tmp_path: Path
) -> None:
    ruled = {"waybill.yaml": f"{BASE}rules: {{upload: [WB413]}}\n", "registries/python/registry.yaml": TAKES_URLS}
    shared_server.set_policy(ruled)
    headers = [*GOOD, *(["Requires-Dist: other @ https://example.org/other.whl"] if code else [])]
    name, content = wheel("piped", version, headers=headers, body="Text.", requires_python=">=3.11")
    (tmp_path / name).write_bytes(content)
    arguments = ["check", str(tmp_path / name), "--url", shared_server.url, "--ignore", "WB413", "--json"]
    done = waybill(*arguments, token=shared_server.token, check=False)
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    said = upload(shared_server.upload_url, shared_server.token, name, content)
    if code:
        assert [f["text"] for f in found["findings"]] == [said.text.strip()] == [WORDS]
    else:
        assert {"rule": "WB400", "subject": name, "outcome": "passed", "reason": None} in found["checks"]
    assert said.status == (400 if code else 200)


def test_a_registry_that_cannot_be_asked_is_no_pass(tmp_path: Path) -> None:
    path = Builders(tmp_path).wheel()
    done = waybill("check", str(path), "--url", "http://127.0.0.1:9", token="wb_none", check=False)
    assert done.returncode == 1
    assert "http://127.0.0.1:9/-/api/v1/ does not answer" in done.stdout


CHANGE_RULES = "rules: {change: [WB2], upload: [WB4]}\n"


def propose(site: Site, files: dict[str, str], rules: str = CHANGE_RULES) -> tuple[str, ...]:
    """Judge a change of files on top of a policy with rules."""
    site.policy(waybill=f"{BASE}{rules}")
    store = site.installation.store
    before = store.head(POLICY)
    new = NewCommit({path: text.encode() for path, text in files.items()}, "change\n", ALICE, ALICE, before.time)
    after = store.batch(POLICY, before).add(new)
    parent, proposed = site.installation.policy_of(before), site.installation.policy_of(after)
    now = site.installation.view().now
    judged = judge(parent, proposed, "alice", (), now)
    judged = judged_by_rules(site.installation.checker, judged, parent, proposed, now)
    return tuple(map(str, judged.problems))


REGISTRY = "projects: open\nowners: [alice]\ngrants:\n  - {role: publish, to: [everyone]}\n"
WIDE = "registries/python/registry.yaml:4: WB208 not_everybody_publishes: everyone may publish; name teams or people"


def test_a_change_is_refused_by_the_rules_of_the_policy_it_changes(site: Site) -> None:
    path = "registries/python/registry.yaml"
    assert propose(site, {path: REGISTRY}) == (WIDE,)
    assert propose(site, {path: REGISTRY, "waybill.yaml": BASE}) == (WIDE,)
    assert propose(site, {path: REGISTRY.replace("everyone", "alice")}) == ()
    assert propose(site, {path: REGISTRY}, "") == ()


def test_a_change_that_names_a_rule_that_does_not_exist_is_refused(site: Site) -> None:
    wrong = f"{BASE}rules: {{upload: [WB999]}}\n"
    assert propose(site, {"waybill.yaml": wrong}, "") == (
        "waybill.yaml:1: 'WB999' is no rule and no beginning of a code; did you mean 'WB509'?",
    )


def test_builders_make_what_the_server_takes(site: Site, tmp_path: Path) -> None:
    select(site, "upload: [WB4]")
    make = Builders(tmp_path)
    for path in (make.wheel(), make.sdist()):
        assert site.publish((path.name, path.read_bytes())).status_code == 200
    assert site.installation.store.head(LEDGER).id == site.head()
