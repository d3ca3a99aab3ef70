"""What the authorisation matrix expects: rules in words of their own, and a line for every route.

Nothing here asks the code under test what is right. The lines of a verb or address that is not there yet wait for it.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.registry.web.cells import ACTIVE, NOBODY, PEOPLE, PIPELINE, PROJECTS, TOKENS, WHERE, WHOLE, WRONG, Cell

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
PROJECT = f"{API}/registries/<registry>/projects"
RELEASE = f"{PROJECT}/<project>/releases/<version>"
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
    "GET /<registry>/integrity/<project>/<version>/<filename>/provenance": acts(
        READ, 404, withheld=403
    ),  # uploaded without any
    **{f"POST /<registry>{rest}": acts(PUBLISH) for rest in ("", "/", "/legacy", "/legacy/")},
    f"POST {API}/check": acts(PUBLISH),
    # the API on registries
    f"GET {API}/registries": sight,
    f"GET {PROJECT}": acts(READ, whole_registry=True),
    f"GET {PROJECT}/<project>": acts(READ),
    f"GET {PROJECT}/<project>/releases": acts(READ),
    f"GET {RELEASE}": acts(READ),
    f"GET {RELEASE}/files/<filename>": acts(READ),
    **{
        f"GET {RELEASE}/files/<filename>/{what}": acts(READ)
        for what in ("checksums", "contents", "dependencies", "metadata", "provenance")
    },
    f"GET {PROJECT}/<project>/downloads": acts(READ),
    f"GET {API}/search": sight,
    f"GET {API}/dependents/<project>": sight,
    "GET /<registry>/pypi/<project>/json": acts(READ, withheld=404),
    "GET /<registry>/pypi/<project>/<version>/json": acts(READ, withheld=404),
    f"PUT {RELEASE}/yank": acts(WRITE),
    f"DELETE {RELEASE}/yank": acts(WRITE),
    # which registry is meant cannot be told where there are several
    # the books, rights and tokens
    f"GET {API}/log": signed_in(),
    f"GET {API}/log/releases": signed_in(),
    # only a token without limits may be an auditor's, and who is one, that file says
    f"GET {API}/events": lambda c: account(c) or (403 if (c.state, c.scope) == ("broken organization", WHOLE) else 200),
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
    f"POST {API}/changes/<name>/approve": among("admin", "auditor", ok=409),  # it is not what they saw
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


def promotes(c: Cell) -> int:
    """Expect who may read here and publish in the other registry, where only the admin may anything."""
    here = 401 if c.who == NOBODY else acts(READ)(c)
    return here if here != 200 or c.who == "admin" else 403


# Verbs on releases: who may do them is asked of everybody who may not.
ENDS: dict[str, Rule] = {
    f"DELETE {PROJECT}/<project>": acts(ADMIN),
    f"POST {PROJECT}/<project>/restore": acts(ADMIN),
    f"PUT {PROJECT}/<project>/status": acts(ADMIN),
    f"DELETE {RELEASE}": acts(WRITE),
    f"POST {RELEASE}/restore": acts(WRITE),
    f"DELETE {RELEASE}/files/<filename>": acts(WRITE),
    f"POST {RELEASE}/files/<filename>/restore": acts(WRITE),
    f"POST {RELEASE}/promote": promotes,
    f"POST {RELEASE}/files/<filename>/promote": promotes,
}
EXPECTED |= ENDS

# The addresses of four other systems lead to the same: what is asked there is asked here.
BUILDKITE = "/v2/packages/organizations/<organization>/registries/<slug>"
_GITLAB = "/api/v4/projects/<path:id_>/packages/pypi"
_INDEXES = ("/pypi/<key>", "/<organization>/<slug>/pypi", _GITLAB)
for _base in _INDEXES:
    EXPECTED[f"GET {_base}/simple/"] = acts(READ, whole_registry=True)
    EXPECTED[f"GET {_base}/simple/<project>/"] = acts(READ)
    EXPECTED[f"GET {_base}/files/<sha256>/<filename>"] = acts(READ, withheld=403)
for _base in _INDEXES[:2]:
    EXPECTED |= {f"GET {_base}/simple{rest}": lambda _: 302 for rest in ("", "/<project>")}
EXPECTED |= {f"POST {_base}": acts(PUBLISH) for _base in ("/pypi/<key>", "/pypi/<key>/", f"{BUILDKITE}/packages")}
EXPECTED |= {f"POST {BUILDKITE}/packages/": acts(PUBLISH), f"POST {_GITLAB}/": acts(PUBLISH)}
EXPECTED |= {"GET /<name:workspace>/<name:project>/": acts(READ), "GET /<name:workspace>/<name:project>": lambda _: 302}
EXPECTED[f"GET {BUILDKITE}/packages"] = acts(READ, whole_registry=True)
EXPECTED[f"GET {BUILDKITE}/packages/<id_>"] = acts(READ)
EXPECTED[f"DELETE {BUILDKITE}/packages/<id_>"] = ENDS[f"DELETE {BUILDKITE}/packages/<id_>"] = acts(WRITE)
EXPECTED[f"POST {BUILDKITE}/packages/<id_>/copy"] = ENDS[f"POST {BUILDKITE}/packages/<id_>/copy"] = promotes
_PACKAGES = "/api/v4/projects/<path:id_>/packages"
EXPECTED[f"GET {_PACKAGES}"] = acts(READ, whole_registry=True)


def numbered(need: int) -> Rule:
    """Expect that the number of what one may not read means nothing: numbers can be tried one by one."""

    def expected(c: Cell) -> int:
        hidden = acts(READ, whole_registry=True)(c) == 200 != acts(READ)(c)
        if c.who == NOBODY and need > READ:
            return 401
        return 404 if hidden else acts(need)(c)

    return expected


EXPECTED |= {f"GET {_PACKAGES}/<number>{rest}": numbered(READ) for rest in ("", "/package_files")}
for _gone in (f"DELETE {_PACKAGES}/<number>", f"DELETE {_PACKAGES}/<number>/package_files/<file>"):
    EXPECTED[_gone] = ENDS[_gone] = numbered(WRITE)
# A registry token there is an API token that reads one registry, and everybody sees their own alone.
_TOKENS = f"{BUILDKITE}/tokens"


def own_tokens(ok: int, *, whole: bool = False) -> Rule:
    seen = acts(READ, whole_registry=True)
    return lambda c: account(c) or (seen(c) if seen(c) != 200 else 403 if whole and c.scope != WHOLE else ok)


EXPECTED |= {f"GET {_TOKENS}": own_tokens(200), f"GET {_TOKENS}/<id_>": own_tokens(404)}
EXPECTED |= {f"{_method} {_TOKENS}/<id_>": own_tokens(404) for _method in ("POST", "PUT", "PATCH")}
EXPECTED |= {f"POST {_TOKENS}": own_tokens(200, whole=True), f"DELETE {_TOKENS}/<id_>": own_tokens(404)}


def nameless(*unreadable: str) -> Rule:
    """Expect that it cannot be told which registry is meant: there is no default, or that cannot be read."""
    denied = {NOBODY: 401, WRONG: 401}
    return lambda c: (401 if unknown(c) else denied.get(c.who, 403)) if c.state in unreadable else 404


def in_all(rule: Rule) -> Rule:
    """Expect what the strictest registry answers: no other may be taken for one that has the project, and hides it."""

    def expected(c: Cell) -> int:
        answers = [rule(replace(c, where=where)) for where in WHERE]
        return 401 if 401 in answers else max(answers)

    return expected


def contested(rule: Rule) -> Rule:
    """Expect no answer from one registry where another declares the name, too; nobody does for those with a status."""

    def expected(c: Cell) -> int:
        answer = in_all(rule)(c)
        return 403 if answer == 200 and c.state not in PROJECTS else answer

    return expected


_SHUT = ("disabled", "broken registry", "broken people", "broken organization")


def in_group(c: Cell) -> int:
    """Expect the projects of all registries of a group that one may read; nobody is asked who it is."""
    elsewhere = c.who in ("admin", "auditor") and c.scope == "another registry" and c.state not in _SHUT
    seen = min(acts(READ, whole_registry=True)(replace(c, where=where)) for where in WHERE)
    return 401 if c.who == NOBODY else 200 if elsewhere else seen


EXPECTED |= dict.fromkeys(
    (
        "GET /pypi/simple/",
        "GET /pypi/simple/<project>/",
        "GET /pypi/files/<sha256>/<filename>",
        "POST /pypi",
        "POST /pypi/",
    ),
    nameless("broken organization"),
)
EXPECTED |= dict.fromkeys(
    ("GET /pypi/<project>/json", "GET /pypi/<project>/<version>/json"),
    lambda c: 401 if unknown(c) else nameless("broken organization")(c),
)
EXPECTED |= dict.fromkeys(
    ("GET /<name:project>", "GET /<name:project>/"), nameless("broken organization", "broken registry")
)
_GROUP = "GET /api/v4/groups/<path:id_>/-/packages/pypi"
EXPECTED |= {
    f"{_GROUP}/simple/": in_group,
    "GET /api/v4/groups/<path:id_>/packages": in_group,
    f"{_GROUP}/simple/<project>/": contested(acts(READ)),
    f"{_GROUP}/files/<sha256>/<filename>": contested(acts(READ, withheld=403)),
}
EXPECTED |= {f"GET /pypi/simple{_rest}": lambda _: 302 for _rest in ("", "/<project>")}
# One registry is as good as another for routes that name none.
OF_A_REGISTRY = {
    r for r in EXPECTED if any(name in r for name in ("<registry>", "<slug>", "<key>", ":id_", ":work"))
} | {f"{m} {API}/{n}" for m, n in (("POST", "check"), ("GET", "who-can"), ("GET", "explain"))}
