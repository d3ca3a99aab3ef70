"""Requests that nobody thought of: made by schemathesis from the API's own document, and answered as it promises."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.archives import sdist, wheel
from tests.registry.web.site import Site, new_site

DOCUMENT = "/-/api/v1/openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
HERE = {
    "registry": st.sampled_from(["python", "open", "absent"]),
    "project": st.sampled_from(["demo", "other", "absent"]),
    "version": st.sampled_from(["1.0", "2.0", "nonsense"]),
    "filename": st.sampled_from([wheel("demo", "1.0")[0], sdist("demo", "1.0")[0], "demo-1.0.zip"]),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One installation for all examples; what they write is their own affair."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    made = new_site(folder / "data")
    made.policy(people="alice: {}\nbob: {}\n", registries__open__registry="kind: source\nvisibility: public\n")
    for archive in (
        wheel("demo", "1.0", headers=["Requires-Dist: other"]),
        sdist("demo", "1.0"),
        wheel("other", "2.0"),
    ):
        assert made.publish(archive).status_code == 200
    made.token("bob")
    return made


def holds(site: Site, examples: int, only: str | None = None) -> int:
    """Ask every operation, or only one, in so many ways; gives how many operations there are."""
    schema = schemathesis.openapi.from_wsgi(DOCUMENT, site.app)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    for operation in operations:
        if only in {None, operation.definition.raw["operationId"]}:
            _hold(site, operation, examples)
    return len(operations)


def _hold(site: Site, operation: Any, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]),
        here=st.fixed_dictionaries({name: st.none() | values for name, values in HERE.items()}),
        person=st.sampled_from(["alice", "alice", "bob", None]),
    )
    def ask(case: Any, here: dict[str, str | None], person: str | None) -> None:
        site.lines.clear()
        for name, value in here.items():
            if value is not None and name in (case.path_parameters or {}):
                case.path_parameters[name] = value
        headers = {"Authorization": f"Bearer {site.token(person)}"} if person else {}
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)
        if response.status_code >= 400:
            assert response.headers["content-type"] == ["application/problem+json"]

    ask()


def test_every_operation_answers_as_the_document_says(site: Site) -> None:
    assert holds(site, 12) > 25


def test_an_answer_of_another_shape_would_be_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.web.tokens.token_json", lambda token: {"id": token.id})
    with pytest.raises(FailureGroup, match="is a required property"):
        holds(site, 12, only="tokens.listing.get")


@pytest.mark.long
def test_every_operation_answers_as_the_document_says_many_times(site: Site) -> None:
    assert holds(site, 400) > 25
