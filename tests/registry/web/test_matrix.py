"""Who is answered what: every route, for every role, visibility, token and state, by rules written here by hand.

The rules are in `expected.py`; a route without a line there fails the first test.
"""

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from registry.names import RegistryName
from registry.web.doors import every
from tests.archives import wheel
from tests.registry.web.browser import Browser
from tests.registry.web.cells import (
    ACTIVE,
    NOBODY,
    POLICIES,
    PROJECTS,
    TOKENS,
    WHERE,
    WRONG,
    Cell,
    World,
    cells,
    new_world,
)
from tests.registry.web.expected import ALWAYS, API, BUILDKITE, ENDS, EXPECTED, OF_A_REGISTRY, RELEASE
from tests.registry.web.site import multipart

# Where uploads are sent to.
ACCEPTS = re.compile(r"POST /<registry>|/check$|POST /pypi|/packages/?$|/packages/pypi/$")
BODIES = {
    f"PUT {RELEASE}/yank": b'{"reason": "old"}',
    f"POST {API}/changes/<name>/approve": b'{"base": "seen", "tree": "before"}',
    "POST /_/oidc/burn-token": b'{"token": "none"}',
    **dict.fromkeys((f"POST {RELEASE}/promote", f"POST {RELEASE}/files/<filename>/promote"), b'{"to": "elsewhere"}'),
}
_QUESTION = {"registry": "registry", "project": "project", "action": "read"}
QUERIES = {
    f"POST {API}/check": {"registry": "registry"},
    f"GET {API}/who-can": _QUESTION,
    f"GET {API}/explain": {**_QUESTION, "principal": "reader"},
    f"GET {API}/log/releases": {"repository": "acme/payments"},
    f"GET {API}/search": {"q": "project"},
    "GET /.well-known/pytp": {"discover": "discover"},
    "GET /-/git/<organization>.git/info/refs": {"service": "service"},
    f"POST {BUILDKITE}/packages/<id_>/copy": {"to": "elsewhere"},
}


def sent(world: World, cell: Cell, route: str) -> TestResponse:
    """Ask a route what a cell asks."""
    method, _, rule = route.partition(" ")
    named = world.named(cell) | ({"version": "2.0"} if method == "PUT" else {})  # which is yanked already
    named["number"], named["file"] = world.numbers[cell.where, named["project"]]
    named["id_"] = named["filename"] if "packages/<id_>" in route else "acme" if "/groups/" in route else cell.where
    path = "".join(named.get(part.rpartition(":")[2], part) for part in _parts(rule))
    if "/changes/" in route:
        world.propose()
    secret = world.secret(cell)
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    body = BODIES.get(route, b"")
    query = {name: named.get(value, value) for name, value in QUERIES.get(route, {}).items()}
    if method == "POST" and ACCEPTS.search(route):
        body, headers["Content-Type"] = multipart([("content", wheel(world.project(cell), "1.0"))])
    if rule.startswith(("/-/changes", "/-/log")):
        browser = world.browser(cell) or Browser(world.site)
        return browser.client.get(path, base_url=browser.base) if method == "GET" else browser.post(path, {})
    return world.site.ask(path, None, method=method, data=body, headers=headers, query=query)


def _parts(rule: str) -> Iterator[str]:
    for piece in rule.split("<"):
        name, closing, rest = piece.partition(">")
        yield name
        if closing:
            yield rest


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return new_world(tmp_path_factory.mktemp("matrix"))


def routes(world: World) -> list[str]:
    found = ((rule, (rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule, _ in every(world.site.app))
    return [f"{method} {rule.rule}" for rule, methods in found for method in sorted(methods)]


def test_every_route_has_a_line(world: World) -> None:
    assert [route for route in routes(world) if route not in EXPECTED] == []


def wrong(world: World, states: tuple[str, ...], *, every_cell: bool = False) -> list[str]:
    """Ask everything in some states, and say where the answer is another one than expected."""
    found = []
    for route in routes(world):
        for cell in cells(states, every=every_cell):
            if asked(route, cell, every_cell=every_cell):
                answer, expected = sent(world, cell, route), EXPECTED[route](cell)
                if answer.status_code != expected:
                    found.append(f"{route} {cell}: {answer.status_code} instead of {expected}: {answer.text[:150]}")
    return found


def asked(route: str, cell: Cell, *, every_cell: bool = False) -> bool:
    """Leave out what would end what others ask about, and what cannot differ."""
    if route in ENDS and EXPECTED[route](cell) == 200:
        return False
    if route in ALWAYS and cell.who not in (NOBODY, WRONG, "admin"):
        return False
    if every_cell:
        return True
    if route in OF_A_REGISTRY:
        return "<registry>" in route or cell.where != "internal"  # the others lead to the same
    return cell.where == "public" and cell.state not in PROJECTS


def stored(world: World) -> list[str | None]:
    index = world.site.installation.view().index
    return [index.fingerprint(RegistryName(where)) for where in WHERE]


def test_everybody_is_answered_as_the_rules_say(world: World) -> None:
    before = stored(world)
    assert wrong(world, (ACTIVE, *TOKENS, *PROJECTS)) == []
    assert stored(world) == before  # what was let in did what had been done before


@pytest.mark.parametrize("state", POLICIES)
def test_everybody_is_answered_as_the_rules_say_when_the_policy_is_in_another_state(world: World, state: str) -> None:
    world.policy(state)
    try:
        assert wrong(world, (state,)) == []
    finally:
        world.policy(ACTIVE)


@pytest.mark.long
@pytest.mark.parametrize("state", [ACTIVE, *POLICIES])
def test_every_cell_is_answered_as_the_rules_say(world: World, state: str) -> None:
    world.policy(state)
    states = (state, *TOKENS, *PROJECTS) if state == ACTIVE else (state,)
    try:
        assert wrong(world, states, every_cell=True) == []
    finally:
        world.policy(ACTIVE)
