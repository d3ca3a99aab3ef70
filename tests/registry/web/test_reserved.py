"""Reserved names and pipelines: one that the file of the project trusts may create it, one of the registry may not."""

from tests.archives import wheel
from tests.registry.web.pipelines import Ci, accepting, bearing, trusting

RESERVED = "namespaces: [{prefix: payments, owners: [bob]}]\n"


def test_a_pipeline_creates_the_project_whose_own_file_trusts_it(ci: Ci) -> None:
    ci.site.policy(people="alice: {}\nbob: {}\n", waybill=accepting(ci.issuer.url) + RESERVED)
    answer = ci.site.publish(wheel("payments-api", "1.0"), person=None, headers=bearing(ci.secret()))
    assert answer.status_code == 200, answer.text


def test_a_pipeline_that_a_whole_registry_trusts_creates_no_reserved_project(ci: Ci) -> None:
    publishers = trusting(ci.issuer.url).removeprefix("protected: true\n")
    ci.site.policy(
        people="alice: {}\nbob: {}\n",
        waybill=accepting(ci.issuer.url) + RESERVED,
        registries__python__registry=f"projects: open\n{publishers}",
    )
    bearer = bearing(ci.secret())
    answer = ci.site.publish(wheel("payments-web", "1.0"), person=None, headers=bearer)
    assert answer.status_code == 409
    assert "reserved" in answer.text
    assert ci.site.publish(wheel("web", "1.0"), person=None, headers=bearer).status_code == 200
