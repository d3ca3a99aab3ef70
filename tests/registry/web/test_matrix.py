"""Who is answered what: every route, for every role, visibility, token and state, by rules written here by hand.

Nothing below asks the code under test what is right. A route without a line in `EXPECTED` fails the first test.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from registry.names import RegistryName
from registry.web.doors import every
from tests.archives import wheel
from tests.registry.web.browser import Browser
from tests.registry.web.cells import (
    ACTIVE,
    NOBODY,
    PEOPLE,
    PIPELINE,
    POLICIES,
    PROJECTS,
    TOKENS,
    WHERE,
    WHOLE,
    WRONG,
    Cell,
    World,
    cells,
    new_world,
)
from tests.registry.web.site import multipart

Rule = Callable[[Cell], int]
READ, PUBLISH, WRITE, ADMIN = range(1, 5)
GIVEN = {
    "reader": READ,
    "publisher": PUBLISH,
    "writer": WRITE,
    "owner": ADMIN,
    "admin": ADMIN,
    "auditor": READ,
    PIPELINE: PUBLISH,
}
LIMIT = {"reads only": READ, "publishes only": PUBLISH}


def unknown(c: Cell) -> bool:
    """Whether credentials were sent that nobody holds, or holds no more: 401, also where none were needed."""
    return c.who == WRONG or c.state in TOKENS


def acts(need: int, ok: int = 200, *, whole_registry: bool = False, withheld: int = 0) -> Rule:
    """Expect what an action on a project asks: the first line that holds is the answer."""

    def expected(c: Cell) -> int:
        person = c.who not in (NOBODY, PIPELINE)
        denied = 401 if c.who == NOBODY else 403
        open_to = {"private": False, "internal": person, "public": True}[c.where]
        held = max(GIVEN.get(c.who, 0), READ if open_to else 0)
        lines = (
            (unknown(c), 401),
            # a file that cannot be read denies everything in its scope, and a disabled account also what is public
            (c.state in ("broken organization", "broken registry"), denied),
            (c.state == "broken project" and not whole_registry, denied),
            (person and c.state in ("broken people", "disabled"), 403),
            # a token narrows also what is public
            (LIMIT.get(c.scope, ADMIN) < need or c.scope == "another registry", 403),
            (c.scope == "another project" and not whole_registry, 403),
            (held < need, denied),
            (need > READ and c.state in ("frozen", "all frozen"), 403),
            # PEP 792: archived and quarantined projects take no uploads, and files of the latter are withheld
            (need == PUBLISH and c.state in PROJECTS, 403),
            (withheld > 0 and c.state == "quarantined", withheld),
        )
        return next((status for holds, status in lines if holds), ok)

    return expected


def account(c: Cell) -> int:
    """Expect an API token of somebody who is active; 0 where it is one."""
    if c.who == NOBODY or unknown(c):
        return 401
    return 403 if c.who == PIPELINE or c.state in ("broken people", "disabled") else 0


def signed_in(ok: int = 200) -> Rule:
    return lambda c: account(c) or ok


def among(*people: str, ok: int = 200) -> Rule:
    """Expect one of some people, by a token without limits, and a `waybill.yaml` that says who they are."""

    def expected(c: Cell) -> int:
        let_in = c.who in people and c.scope == WHOLE and c.state != "broken organization"
        return account(c) or (ok if let_in else 403)

    return expected


def about_others(*unreadable: str) -> Rule:
    """Expect who may give rights on the project, or an auditor by a token without limits."""

    def expected(c: Cell) -> int:
        if c.who == "auditor":
            return account(c) or (200 if c.scope == WHOLE and c.state not in unreadable else 403)
        return account(c) or acts(ADMIN)(replace(c, state=THAWED.get(c.state, c.state)))

    return expected


def without_limits(ok: int) -> Rule:
    return lambda c: account(c) or (ok if c.scope == WHOLE else 403)


def sight(c: Cell) -> int:
    """Expect a list of what one may read, perhaps empty; nobody is asked to sign in where nothing is public."""
    nothing = c.state in ("broken organization", "broken registry")
    return 401 if unknown(c) or (c.who == NOBODY and nothing) else 200


def session(people: tuple[str, ...], ok: int = 200) -> Rule:
    """Expect a browser in which somebody signed in; with a limited token nobody can."""

    def expected(c: Cell) -> int:
        if c.who in (NOBODY, WRONG, PIPELINE) or c.scope != WHOLE or c.state in TOKENS:
            return 303  # to the page that asks who it is
        if c.state in ("broken people", "disabled", "broken organization") or c.who not in people:
            return 403
        return ok

    return expected


THAWED = {"frozen": ACTIVE, "all frozen": ACTIVE}  # who may give rights outlasts a freeze

# What asks nothing, or something else than who sends it: the same for everybody.
ALWAYS = {
    **dict.fromkeys(
        (f"GET /<registry>{rest}" for rest in ("", "/", "/legacy", "/legacy/", "/simple", "/simple/<project>")), 302
    ),
    "GET /<registry>/@<revision>/simple": 302,
    "GET /<registry>/@<revision>/simple/<project>": 302,
    "GET /": 200,
    "GET /-/ready": 200,
    "GET /-/style.css": 200,
    "GET /-/schemas/<kind>.json": 200,
    "GET /-/api/v1/openapi.json": 200,
    "GET /-/login": 200,
    "POST /-/login": 403,  # no page of ours sends this
    "POST /_/oidc/mint-token": 422,
    "POST /_/oidc/github/mint-token": 422,
    "POST /_/oidc/burn-token": 202,
    "POST /-/hooks/policy": 404,  # there is no forge
    "GET /-/git/<path:other>": 404,
}

API = "/-/api/v1"
_PROJECT = f"{API}/registries/<registry>/projects"
_RELEASE = f"{_PROJECT}/<project>/releases/<version>"
EXPECTED: dict[str, Rule] = {
    **{route: lambda _, status=status: status for route, status in ALWAYS.items()},  # type: ignore[misc]  # its default
    "GET /-/health": lambda c: 401 if unknown(c) else 200,
    "GET /.well-known/pytp": lambda c: 404 if c.state == "broken organization" else 200,
    "GET /_/oidc/audience": lambda c: 403 if c.state == "broken organization" else 200,
    # the index, files and uploads
    "GET /<registry>/simple/": acts(READ, whole_registry=True),
    "GET /<registry>/@<revision>/simple/": acts(READ, whole_registry=True),
    "GET /<registry>/simple/<project>/": acts(READ),
    "GET /<registry>/@<revision>/simple/<project>/": acts(READ),
    "GET /<registry>/files/<sha256>/<filename>": acts(READ, withheld=403),
    "GET /<registry>/integrity/<project>/<version>/<filename>/provenance": acts(READ, 404),  # uploaded without any
    **{f"POST /<registry>{rest}": acts(PUBLISH) for rest in ("", "/", "/legacy", "/legacy/")},
    f"POST {API}/check": acts(PUBLISH),
    # the API on registries
    f"GET {API}/registries": sight,
    f"GET {_PROJECT}": acts(READ, whole_registry=True),
    f"GET {_PROJECT}/<project>": acts(READ),
    f"GET {_PROJECT}/<project>/releases": acts(READ),
    f"GET {_RELEASE}": acts(READ),
    f"GET {_RELEASE}/files/<filename>": acts(READ),
    **{
        f"GET {_RELEASE}/files/<filename>/{what}": acts(READ)
        for what in ("checksums", "contents", "dependencies", "metadata", "provenance")
    },
    f"GET {_PROJECT}/<project>/downloads": acts(READ),
    f"GET {API}/search": sight,
    f"GET {API}/dependents/<project>": sight,
    "GET /<registry>/pypi/<project>/json": acts(READ, withheld=404),
    "GET /<registry>/pypi/<project>/<version>/json": acts(READ, withheld=404),
    f"PUT {_RELEASE}/yank": acts(WRITE),
    f"DELETE {_RELEASE}/yank": acts(WRITE),
    # which registry is meant cannot be told where there are several
    "GET /pypi/<project>/json": lambda c: 401 if unknown(c) else 404,
    "GET /pypi/<project>/<version>/json": lambda c: 401 if unknown(c) else 404,
    # the books, rights and tokens
    f"GET {API}/log": signed_in(),
    f"GET {API}/log/releases": signed_in(),
    f"GET {API}/events": lambda c: account(c) or (403 if c.state == "broken organization" else 200),
    f"GET {API}/log/policy": among("admin", "auditor"),
    f"GET {API}/who-can": about_others("broken organization", "broken registry"),
    f"GET {API}/explain": lambda c: (
        account(c) or (200 if c.who == "reader" else about_others("broken organization")(c))
    ),
    f"GET {API}/tokens": signed_in(),
    f"POST {API}/tokens": without_limits(201),
    f"DELETE {API}/tokens/<token_id>": among("admin"),
    # changes of the policy, and the git repository
    f"GET {API}/changes": among(*PEOPLE),
    f"GET {API}/changes/<name>": among("admin", "auditor"),
    f"POST {API}/changes/<name>/approve": among("admin", "auditor", ok=400),  # it is not what they saw
    f"POST {API}/changes/<name>/merge": among("admin", "auditor", ok=403),  # it waits for approvals
    f"POST {API}/changes/<name>/withdraw": among("admin"),
    "GET /-/git/<organization>.git/info/refs": among("admin", "auditor", ok=501),  # no C git is at hand
    "POST /-/git/<organization>.git/<any('git-upload-pack', 'git-receive-pack'):service>": among(
        "admin", "auditor", ok=501
    ),
    "POST /-/logout": session((), 403),  # no form of ours
    "GET /-/changes": session(PEOPLE),
    "GET /-/changes/<name>": session(("admin", "auditor")),
    "POST /-/changes/<name>": session((), 403),  # the form does not come from the page
}
# One registry is as good as another for routes that name none.
OF_A_REGISTRY = {route for route in EXPECTED if "<registry>" in route} | {
    f"{m} {API}/{n}" for m, n in (("POST", "check"), ("GET", "who-can"), ("GET", "explain"))
}

BODIES = {
    f"PUT {_RELEASE}/yank": b'{"reason": "old"}',
    f"POST {API}/changes/<name>/approve": b'{"base": "seen", "tree": "before"}',
    "POST /_/oidc/burn-token": b'{"token": "none"}',
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
}


def sent(world: World, cell: Cell, route: str) -> TestResponse:
    """Ask a route what a cell asks."""
    method, _, rule = route.partition(" ")
    named = world.named(cell) | ({"version": "2.0"} if method == "PUT" else {})  # which is yanked already
    path = "".join(named.get(part.rpartition(":")[2], part) for part in _parts(rule))
    if "/changes/" in route:
        world.propose()
    secret = world.secret(cell)
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    body = BODIES.get(route, b"")
    query = {name: named.get(value, value) for name, value in QUERIES.get(route, {}).items()}
    if route.startswith(("POST /<registry>", "POST /-/api/v1/check")):
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
            if every_cell or asked(route, cell):
                answer, expected = sent(world, cell, route), EXPECTED[route](cell)
                if answer.status_code != expected:
                    found.append(f"{route} {cell}: {answer.status_code} instead of {expected}: {answer.text[:150]}")
    return found


def asked(route: str, cell: Cell) -> bool:
    """Leave out what cannot differ, and writes that would be many."""
    if route in ALWAYS and cell.who not in (NOBODY, WRONG, "admin"):
        return False
    return route in OF_A_REGISTRY or (cell.where == "public" and cell.state not in PROJECTS)


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
