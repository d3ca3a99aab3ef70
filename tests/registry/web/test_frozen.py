"""`frozen: true`: one small commit stops all writes at the next request, and reading goes on byte for byte."""

from tests.archives import wheel
from tests.registry.web.site import Site, basic
from tests.registry.web.test_front import asked_twice, file_url

ORGANIZATION = "organization: acme\nadmins: [alice]\n"
OPEN = "projects: open\ngrants: [{role: read, to: [everyone]}, {role: admin, to: [bob]}]\n"
PEOPLE = "alice: {}\nbob: {}\ncarol: {}\n"
YANK = "/-/api/v1/registries/python/projects/payments/releases/1.0/yank"
ASKS = "/-/api/v1/who-can?action=publish&project=payments"


def test_a_freeze_stops_writes_and_no_read_and_ends_with_the_commit_that_takes_it_back(site: Site) -> None:
    site.policy(waybill=ORGANIZATION, people=PEOPLE, registries__python__registry=OPEN)
    assert site.publish(wheel("payments", "1.0"), person="bob").status_code == 200
    sent = {"Authorization": basic("__token__", site.token("carol"))}
    reads = ["/python/simple/", "/python/simple/payments/", "/python/simple/none/", file_url(site)]
    before = [asked_twice(site, path, sent)[0][::2] for path in reads]
    for frozen in (
        {"waybill": ORGANIZATION + "frozen: true\n"},
        {"registries__python__registry": OPEN + "frozen: true\n"},
    ):
        site.policy(**frozen)
        refused = site.publish(wheel("payments", "1.1"), person="bob")
        assert refused.status_code == 403
        assert "says frozen: true" in refused.text
        assert site.publish(wheel("payments", "1.0"), person="alice").status_code == 403  # what is there already, too
        assert site.ask(YANK, "alice", method="PUT").status_code == 403
        assert site.ask(ASKS, "bob").get_json()["principals"] == []
        for path, was in zip(reads, before, strict=True):
            first, again, alone = asked_twice(site, path, sent)
            assert first == again == alone
            assert first[::2] == was
        site.policy(waybill=ORGANIZATION, registries__python__registry=OPEN)
        assert site.ask(YANK, "alice", method="PUT").status_code == 200
        assert site.ask(YANK, "alice", method="DELETE").status_code == 200
    assert site.publish(wheel("payments", "1.1"), person="bob").status_code == 200
