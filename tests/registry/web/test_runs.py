"""What one run of a pipeline did, whatever it was, is found by the address of the run; what of it a yank means."""

import json

import pytest

from tests.archives import wheel
from tests.registry.web.pipelines import PROJECT, Ci, bearing
from tests.registry.web.site import json_of
from tests.running import waybill

OPEN = "projects: open\n"
RELEASE = "/-/api/v1/registries/python/projects/payments-api/releases/1.0"


@pytest.fixture
def stages(ci: Ci) -> Ci:
    """One pipeline may write to both of two registries: run 77 has published a release."""
    text = (ci.site.installation.store.head("main").read(PROJECT) or b"") + b"    scopes: [write]\n"
    ci.site.policy(registries__prod__registry=OPEN)
    ci.site._append("main", {PROJECT: text, PROJECT.replace("/python/", "/prod/"): text})  # noqa: SLF001 - a name with a hyphen
    does(ci, "77", "POST", "/python/")
    return ci


def does(ci: Ci, run: str, method: str, path: str, body: bytes = b"") -> None:
    """Let a run of the pipeline do something."""
    headers = bearing(ci.secret(run_id=run))
    if path == "/python/":
        answer = ci.site.publish(wheel("payments-api", "1.0"), person=None, headers=headers)
    else:
        answer = ci.site.ask(path, None, method=method, data=body, headers=headers)
    assert answer.status_code == 200, answer.text


def run(ci: Ci, number: str) -> str:
    return f"{ci.issuer.url}/acme/payments/actions/runs/{number}"


def kinds(ci: Ci, number: str, path: str = "log") -> list[str]:
    found = json_of(ci.site.ask(f"/-/api/v1/{path}", query={"pipeline": run(ci, number)}))["events"]
    return [event["facts"]["Waybill-Event"] for event in found]


def releases(ci: Ci, number: str) -> list[str]:
    found = json_of(ci.site.ask("/-/api/v1/log/releases", query={"pipeline": run(ci, number)}))["releases"]
    return [one["registry"] for one in found]


PROMOTE = ("POST", f"{RELEASE}/promote", b'{"to": "prod"}')
IN_PROD = RELEASE.replace("/python/", "/prod/")


@pytest.mark.parametrize(
    ("before", "did", "kind"),
    [
        ([], PROMOTE, "promote"),
        ([], ("PUT", f"{RELEASE}/yank", b""), "yank"),
        ([("PUT", f"{RELEASE}/yank", b"")], ("DELETE", f"{RELEASE}/yank", b""), "unyank"),
        ([], ("DELETE", RELEASE, b""), "delete"),
        ([("DELETE", RELEASE, b"")], ("POST", f"{RELEASE}/restore", b""), "restore"),
    ],
)
def test_whatever_a_run_did_is_found_by_its_address(
    stages: Ci, before: list[tuple[str, str, bytes]], did: tuple[str, str, bytes], kind: str
) -> None:
    for each in before:
        does(stages, "78", *each)
    does(stages, "88", *did)
    for path in ("log", "events"):
        assert kinds(stages, "88", path) == [kind]
        assert kinds(stages, "77", path)[-1] == "publish"
        assert kinds(stages, "8", path) == []
    site = stages.site
    done = waybill("log", "--data", str(site.folder), "--pipeline", run(stages, "88"), "--json")
    assert [event["facts"]["Waybill-Event"] for event in json.loads(done.stdout)] == [kind]


def test_what_a_run_yanked_deleted_or_restored_is_nothing_to_be_yanked_for_it(stages: Ci) -> None:
    does(stages, "88", "PUT", f"{RELEASE}/yank")
    does(stages, "88", "DELETE", f"{RELEASE}/yank")
    does(stages, "88", "DELETE", RELEASE)
    does(stages, "88", "POST", f"{RELEASE}/restore")
    assert len(kinds(stages, "88")) == 4
    assert releases(stages, "88") == []
    assert releases(stages, "77") == ["python"]


def test_what_a_run_only_promoted_is_to_be_yanked_where_it_brought_it_as_long_as_its_word_holds(stages: Ci) -> None:
    does(stages, "88", *PROMOTE)
    assert (releases(stages, "88"), releases(stages, "77")) == (["prod"], ["prod", "python"])
    does(stages, "99", "DELETE", IN_PROD)
    assert releases(stages, "88") == []
    does(stages, "99", "POST", f"{IN_PROD}/restore")
    assert (releases(stages, "88"), releases(stages, "99")) == (["prod"], [])
    does(stages, "99", "DELETE", IN_PROD)
    does(stages, "99", *PROMOTE)  # the same bytes, on another's word
    assert (releases(stages, "88"), releases(stages, "99"), releases(stages, "77")) == (
        [],
        ["prod"],
        ["prod", "python"],
    )


def test_a_command_yanks_what_a_run_promoted_and_nothing_in_the_registry_it_came_from(stages: Ci) -> None:
    does(stages, "88", *PROMOTE)
    asked = ("log", "--data", str(stages.site.folder), "--pipeline", run(stages, "88"))
    assert f"promoter-pipeline {run(stages, '88')}/attempts/1" in waybill(*asked).stdout
    waybill(*asked, "--yank", "--reason", "the runner was taken over", "--yes")
    for path, yanked in ((RELEASE, False), (IN_PROD, True)):
        assert json_of(stages.site.ask(path))["yanked"] is yanked


def test_what_another_run_published_again_is_not_to_be_yanked_for_the_first(stages: Ci) -> None:
    assert releases(stages, "77") == ["python"]
    assert stages.site.ask(RELEASE, method="DELETE").status_code == 200
    does(stages, "98", "POST", "/python/")
    assert (releases(stages, "77"), releases(stages, "98")) == ([], ["python"])
