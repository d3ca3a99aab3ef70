"""What each route asks of who comes: declared by every route, and held to."""

import pytest
from flask import Flask

from registry.policy.roles import Action
from registry.web import create_app
from registry.web.doors import Need, door, every, guard, passed
from registry.web.refusals import refusal
from tests.registry.web.site import Site

DEFECT = "not what it declares"


def guarded(app: Flask) -> Flask:
    """Hold an application of a test to what its routes declare."""
    guard(app, lambda _: refusal(500, DEFECT))
    return app


def test_every_route_declares_what_it_asks(site: Site) -> None:
    found = list(every(site.app))
    assert len(found) == len(list(site.app.url_map.iter_rules())) > 50
    for rule, declared in found:
        assert declared.summary, rule.rule


def test_an_application_with_a_route_that_declares_nothing_cannot_be_made(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    undeclared = Flask(__name__, static_folder=None)
    undeclared.add_url_rule("/open", view_func=lambda: "come in")
    with pytest.raises(LookupError, match=r"/open .* declares no permission"):
        guarded(undeclared)
    door_of_tokens = site.app.view_functions["api.tokens.listing"]
    assert hasattr(door_of_tokens, "door")
    monkeypatch.setattr("registry.web.tokens.door", lambda *_, **__: lambda view: view)
    with pytest.raises(LookupError, match="/-/api/v1/tokens"):
        create_app(site.installation)


@pytest.mark.parametrize("declared", [Action.READ, Action.DELETE, *(need for need in Need if need is not Need.NOTHING)])
def test_a_route_that_does_not_ask_what_it_declares_answers_nothing(declared: Action | Need) -> None:
    app = Flask(__name__, static_folder=None)
    others = {Action.READ, Action.DELETE, *Need} - {declared}

    @app.get("/kept")
    @door(declared, "Asks what it says")
    def kept() -> str:
        passed(declared)
        return "secret"

    @app.get("/broken")
    @door(declared, "Asks something else")
    def broken() -> str:
        for other in others:
            passed(other)
        return "secret"

    client = guarded(app).test_client()
    assert client.get("/kept").text == "secret"
    answer = client.get("/broken")
    assert (answer.status_code, DEFECT in answer.text, "secret" in answer.text) == (500, True, False)


def test_a_route_for_an_action_says_in_its_address_or_query_which_registry_is_meant(site: Site) -> None:
    for rule, declared in every(site.app):
        if isinstance(declared.asks, Action):
            named = rule.arguments | {query.name for query in declared.query or ()}
            assert "registry" in named or rule.rule.startswith("/pypi/"), rule.rule  # which is of the only one


@pytest.mark.parametrize(
    ("path", "method"),
    [("/python/simple/", "GET"), ("/python/", "POST"), ("/-/api/v1/log", "GET"), ("/-/git/acme.git/info/refs", "GET")],
)
def test_what_asks_for_somebody_answers_401_to_nobody(site: Site, path: str, method: str) -> None:
    query = {"service": "git-upload-pack"} if "git" in path else {}
    assert site.ask(path, None, method=method, query=query).status_code == 401
