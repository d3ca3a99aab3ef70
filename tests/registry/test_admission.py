"""Which names are free: those reserved for others are not, nor those of a release that is closed."""

from datetime import timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from tests.archives import sdist, wheel
from tests.registry.web.site import Site, new_site

ORGANIZATION = """\
organization: acme
admins: [alice]
namespaces:
  - {prefix: acme-payments, owners: ["team:payments"]}
  - {prefix: acme-payments-labs, owners: [carol]}
"""
PEOPLE = "alice: {}\nbob: {}\ncarol: {}\ndave: {}\n"
OPEN = "projects: open\ngrants: [{role: publish, to: [bob, carol, dave]}]\n"
DAY = timedelta(days=1)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Everybody may publish everything; bob is of the team that has a prefix, carol has one inside of it."""
    made = new_site(tmp_path / "data")
    made.policy(
        people=PEOPLE,
        waybill=ORGANIZATION,
        teams__payments="members: [bob]\n",
        registries__python__registry=OPEN,
        registries__other__registry=OPEN,
    )
    return made


@pytest.mark.parametrize(
    ("name", "person", "status"),
    [
        ("acme-payments", "bob", 200),
        ("acme-payments-api", "bob", 200),
        ("Acme.Payments_API", "dave", 409),
        ("acme-payments", "dave", 409),
        ("acme-payments-api", "alice", 409),  # an admin is no owner of it, and may make herself one by a change
        ("acme-paymentsx", "dave", 200),
        ("acme", "dave", 200),
        ("acme-payments-labs-x", "carol", 200),
        ("acme-payments-labs-x", "bob", 409),
    ],
)
def test_a_project_below_a_prefix_is_created_by_its_owners_alone(
    site: Site, name: str, person: str, status: int
) -> None:
    answer = site.publish(wheel(name, "1.0"), person=person)
    assert answer.status_code == status, answer.text


def test_the_refusal_reaches_each_client_where_it_looks(site: Site) -> None:
    answer = site.publish(wheel("acme-payments-api", "1.0"), person="dave", headers={"Accept": "application/json"})
    text = answer.get_json()["message"]
    assert "The name 'acme-payments-api' is reserved: waybill.yaml:4 gives the prefix acme-payments to" in text
    assert "team:payments" in text
    assert answer.get_json()["code"].startswith("409 The name 'acme-payments-api' is reserved")
    assert answer.status.startswith("409 The name 'acme-payments-api' is reserved")
    assert answer.content_type == "application/json"
    assert site.ask("/python/simple/acme-payments-api/").status_code == 404


def test_who_may_publish_goes_on_to_publish_what_the_owners_created(site: Site) -> None:
    assert site.publish(wheel("acme-payments-api", "1.0"), person="bob").status_code == 200
    assert site.publish(wheel("acme-payments-api", "1.1"), person="dave").status_code == 200
    assert site.publish(wheel("acme-payments-api", "1.0"), "/other/", person="dave").status_code == 409


def test_a_project_that_was_there_before_the_reservation_stays_whose_it_was(site: Site) -> None:
    site.policy(waybill="organization: acme\nadmins: [alice]\n")
    assert site.publish(wheel("acme-payments-old", "1.0"), person="dave").status_code == 200
    site.policy(waybill=ORGANIZATION)
    assert site.publish(wheel("acme-payments-old", "1.1"), person="dave").status_code == 200


def test_a_promotion_creates_no_reserved_project_either(site: Site) -> None:
    assert site.publish(wheel("acme-payments-api", "1.0"), person="bob").status_code == 200
    path = "/-/api/v1/registries/python/projects/acme-payments-api/releases/1.0/promote"
    everyone = OPEN + "visibility: internal\n"
    site.policy(registries__python__registry=everyone)
    answer = site.ask(path, "dave", method="POST", data=b'{"to": "other"}')
    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert site.ask(path, "bob", method="POST", data=b'{"to": "other"}').status_code == 200


def test_a_release_takes_files_until_it_is_closed_and_the_next_release_does_again(tmp_path: Path) -> None:
    with freeze_time("2027-01-01T12:00:00Z") as clock:
        site = new_site(tmp_path / "data")
        site.policy(registries__python__registry="projects: open\ncloses_after_days: 14\n")
        first, second, late = sdist("demo", "1.0"), wheel("demo", "1.0"), wheel("demo", "1.0", tag="py2-none-any")
        assert site.publish(first).status_code == 200
        clock.tick(14 * DAY - timedelta(seconds=1))
        assert site.publish(second).status_code == 200
        clock.tick(timedelta(seconds=1))
        refused = site.publish(late)
        assert refused.status_code == 400
        assert "Release demo 1.0 is closed: its first file is of 2027-01-01" in refused.text
        assert "closes_after_days: 14" in refused.text
        assert site.publish(second).status_code == 200  # the same bytes, so a pipeline can run again
        assert site.publish(wheel("demo", "1.1")).status_code == 200
        site.delete(first[0])
        site.delete(second[0])
        assert site.publish(late).status_code == 400  # its tombstones are as old as it is
        assert site.publish(second).status_code == 200  # republish: same-bytes
        site.policy(registries__python__registry="projects: open\n")
        assert site.publish(late).status_code == 200
