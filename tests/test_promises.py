"""What always holds, one test each and by name; the many cases of each promise stand beside the code they are about.

Not here yet: a change is judged by the policy it changes.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry import audit
from registry.cli import data
from registry.names import project_name, registry_name
from registry.policy.decide import Allowed, decide
from registry.policy.policy import Policy
from registry.policy.roles import Action, Principal
from registry.wanted import Wanted
from registry.web.faces import create_app
from tests.archives import wheel
from tests.journeys.clients import publish
from tests.registry.web.site import Site, json_of, new_site
from tests.running import Server, run_git

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
PYTHON = registry_name("python")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return new_site(tmp_path / "data")


def test_acknowledged_means_durable(server: Server) -> None:
    for number in range(5):
        publish(server, wheel("demo", f"1.{number}"))
    server.kill()
    server.start()
    kept = run_git(server.git, "log", "ledger", "--format=%(trailers:key=File,valueonly,separator=)").split()
    assert sorted(kept) == [f"demo-1.{number}-py3-none-any.whl" for number in range(5)]
    assert run_git(server.git, "fsck", "--strict") == ""


def test_one_name_has_one_content(site: Site) -> None:
    name, content = wheel("demo", "1.0")
    other = wheel("demo", "1.0", files={"demo/other.py": b"pass\n"})[1]
    assert site.publish((name, content)).status_code == 200
    before = site.head()
    assert site.publish((name, content)).status_code == 200
    refused = site.publish((name, other))
    assert (refused.status_code, refused.status.startswith("400 File already exists")) == (400, True)
    assert site.head() == before


def test_what_was_authorised_is_what_is_stored(site: Site) -> None:
    site.policy(
        people="alice: {}\nbob: {}\n",
        registries__python__registry="projects: open\ngrants: [{role: publish, to: [bob], projects: [mine]}]\n",
    )
    _, content = wheel("theirs", "1.0")
    for said in ({}, {"name": "mine"}, {"name": "mine", "version": "1.0"}):
        assert site.publish(("mine-1.0-py3-none-any.whl", content), person="bob", said=said).status_code == 400
        assert site.publish(("theirs-1.0-py3-none-any.whl", content), person="bob", said=said).status_code in {400, 403}
    assert site.publish(wheel("mine", "1.0"), person="bob").status_code == 200


def test_the_index_is_a_pure_function_of_policy_and_ledger(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    path = f"/python/@{site.head()}/simple/demo/"
    then = site.ask(path, headers=JSON).data
    site.publish(wheel("demo", "2.0"))
    again = create_app(data.open_installation(site.folder)).test_client()
    answer = again.get(path, headers={**JSON, "Authorization": f"Bearer {site.token()}"})
    assert site.ask(path, headers=JSON).data == then == answer.data
    assert json.loads(then)["versions"] == ["1.0"]


def test_every_decision_can_be_replayed_from_history_alone(site: Site) -> None:
    site.policy(
        people="alice: {}\nbob: {}\n",
        registries__python__registry="projects: open\ngrants: [{role: publish, to: [bob]}]\n",
    )
    site.publish(wheel("demo", "1.0"), person="bob")
    site.policy(registries__python__registry="projects: open\n")
    site.publish(wheel("demo", "2.0"))
    events = list(audit.log(site.installation, Wanted(project=project_name("demo"))))
    assert [event.facts["Allowed-By"] for event in events] == [
        "waybill.yaml#admins/0",
        "registries/python/registry.yaml#grants/0",
    ]
    for event in events:
        policy = Policy(site.installation.store.at(event.facts["Policy"]))
        who = Principal(event.facts["Principal"])
        verdict = decide(policy, who, Action.PUBLISH, PYTHON, project_name(event.facts["Project"]), event.at)
        assert isinstance(verdict, Allowed)
        assert verdict.statement.ref == event.facts["Allowed-By"]


def test_rights_are_computed_when_used_so_a_revocation_counts_at_the_next_request(site: Site) -> None:
    site.policy(
        people="alice: {}\nbob: {}\n",
        registries__python__registry="projects: open\ngrants: [{role: read, to: [bob]}]\n",
    )
    site.publish(wheel("demo", "1.0"))
    assert site.ask("/python/simple/demo/", "bob").status_code == 200
    site.policy(registries__python__registry="projects: open\n")
    assert site.ask("/python/simple/demo/", "bob").status_code == 403


def test_no_secret_is_in_git_or_in_a_log_line(server: Server) -> None:
    publish(server, wheel("demo", "1.0"))
    secret = server.token
    everything = run_git(server.git, "log", "--all", "-p", "--format=raw") + server.log()
    assert secret.split("_")[1] in everything  # its id is there, so the search would find the rest
    assert secret.split("_")[2] not in everything


def test_a_name_owned_here_is_never_looked_up_elsewhere(site: Site) -> None:
    site.policy(registries__python__projects__owned="{}\n")
    assert json_of(site.ask("/python/simple/owned/", headers=JSON))["files"] == []
    unknown = site.ask("/python/simple/unknown/")
    assert unknown.status_code == 404
    assert "Location" not in unknown.headers


def test_401_without_credentials_403_without_the_right_404_only_for_what_is_not_there(site: Site) -> None:
    site.policy(
        people="alice: {}\nbob: {}\n",
        registries__python__registry="projects: open\n",
        registries__open__registry="visibility: public\nprojects: open\n",
    )
    site.publish(wheel("demo", "1.0"))
    site.publish(wheel("demo", "1.0"), "/open/")
    for project in ("demo", "unknown"):
        assert site.ask(f"/python/simple/{project}/", None).status_code == 401
        assert site.ask(f"/python/simple/{project}/", "bob").status_code == 403
    assert site.ask("/python/simple/unknown/").status_code == 404
    wrong = {"Authorization": "Bearer wrong"}
    assert [site.ask("/open/simple/demo/", None, headers=h).status_code for h in ({}, wrong)] == [200, 401]


def test_the_simple_index_shows_sha256_size_time_and_versions_and_metadata_only_where_stored(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    page = json_of(site.ask("/python/simple/demo/", headers=JSON))
    (file,) = page["files"]
    assert page["versions"] == ["1.0"]
    assert list(file["hashes"]) == ["sha256"]
    assert isinstance(file["size"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", file["upload-time"])
    assert abs(datetime.fromisoformat(file["upload-time"]) - datetime.now(UTC)).total_seconds() < 60
    metadata = site.ask(f"/python/files/{file['hashes']['sha256']}/{file['filename']}.metadata")
    assert metadata.status_code == (200 if file["core-metadata"] else 404)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/python/", 3 * 2**20, 413), ("/-/api/v1/tokens", 2**17, 413), (f"/python/simple/{'a' * 3000}/", 0, 404)],
)
def test_every_input_is_bounded_before_it_is_parsed(site: Site, path: str, size: int, status: int) -> None:
    site.policy(waybill="organization: acme\nadmins: [alice]\nlimits: {file_mb: 1}\n")
    if path == "/python/":
        assert site.publish(("demo-1.0.tar.gz", b"x" * size)).status_code == status
    else:
        assert site.ask(path, method="POST" if size else "GET", data=b" " * size).status_code == status
