"""The API's own description: whole, valid, and true of what is answered."""

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

from registry.web.doors import every
from tests.archives import sdist, wheel
from tests.registry.web.site import Site, json_of

API = "/-/api/v1"
DOCUMENT = f"{API}/openapi.json"


def test_the_document_is_valid_and_has_every_route_of_the_api(site: Site) -> None:
    found = json_of(site.ask(DOCUMENT, None))
    OpenAPIV31SpecValidator(found).validate()
    routes = {rule.rule.replace("<", "{").replace(">", "}") for rule, _ in every(site.app) if rule.rule.startswith(API)}
    assert routes == {path for path in found["paths"] if path.startswith(API)}


def test_operations_have_names_of_their_own_and_say_what_they_ask(site: Site) -> None:
    paths = json_of(site.ask(DOCUMENT, None))["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert paths[f"{API}/tokens"]["post"]["x-permission"] == "a person or service account, by an API token"
    yank = paths[f"{API}/registries/{{registry}}/projects/{{project}}/releases/{{version}}/yank"]["put"]
    assert yank["x-permission"] == "yank on the registry or project: role write"
    assert {"token": []} in yank["security"]
    assert {} not in yank["security"]


def test_whatever_changes_something_may_answer_that_what_is_there_does_not_allow_it(site: Site) -> None:
    paths = json_of(site.ask(DOCUMENT, None))["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert ("409" in operation["responses"]) == (method != "get"), (path, method)


def test_a_parameter_that_is_not_declared_is_refused_and_named(site: Site) -> None:
    answer = site.ask(f"{API}/log", query={"limt": "3"})
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert "'limt': unknown in the query" in answer.get_json(force=True)["detail"]


def test_a_problem_names_the_field_that_is_wrong(site: Site) -> None:
    for path, field in ((f"{API}/log?limit=x", "limit"), (f"{API}/log?since=soon", "since")):
        assert site.ask(path).get_json(force=True)["field"] == field
    for body, field in ((b'{"role": "king"}', "role"), (b'{"expires": "30d"}', "expires")):
        assert site.ask(f"{API}/tokens", method="POST", data=body).get_json(force=True)["field"] == field
    assert "field" not in site.ask(f"{API}/changes/absent").get_json(force=True)


def test_a_body_takes_what_is_declared_and_nothing_else(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    document = json_of(site.ask(DOCUMENT, None))
    given = {
        "registry": "python",
        "project": "demo",
        "version": "1.0",
        "filename": wheel("demo", "1.0")[0],
        "name": "a",
    }
    asked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is None:
                continue
            schema = document["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
            sent = {"method": method.upper(), "data": b'{"nonsense": 1}'}
            detail = site.ask(path.format(**given), **sent).get_json(force=True)["detail"]
            assert detail.partition("what can be sent is ")[2].split(", ") == list(schema["properties"]), path
            asked += 1
    assert asked >= 3


def test_what_is_not_there_or_not_done_is_a_problem_too(site: Site) -> None:
    for path, method, status in ((f"{API}/nothing", "GET", 404), (f"{API}/log", "POST", 405)):
        answer = site.ask(path, method=method)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert site.ask(f"{API}/log", method="POST").headers["Allow"]


def test_asking_again_for_what_one_has_costs_no_body_and_a_change_is_seen(site: Site) -> None:
    first = site.ask(f"{API}/tokens")
    again = site.ask(f"{API}/tokens", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    site.ask(f"{API}/tokens", method="POST", data=b"{}")
    assert site.ask(f"{API}/tokens", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_answers_are_of_the_declared_shape(site: Site) -> None:
    site.publish(wheel("demo", "1.0"))
    site.publish(sdist("demo", "1.0"))
    document = json_of(site.ask(DOCUMENT, None))
    given = {"registry": "python", "project": "demo", "version": "1.0", "filename": wheel("demo", "1.0")[0]}
    asked = 0
    for path, methods in document["paths"].items():
        if "get" not in methods or "{name}" in path:
            continue
        needed = {"action": "read", "project": "demo", "principal": "alice", "commit": "aaaaaaa"}
        named = {
            one["name"]
            for one in methods["get"]["parameters"]
            if one["in"] == "query" and (one["required"] or one["name"] == "commit")
        }
        answer = site.ask(path.format(**given), query={name: needed[name] for name in named & needed.keys()})
        assert answer.status_code == 200, (path, answer.text)
        schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(
            answer.get_json(force=True)
        )
        asked += 1
    assert asked > 15
