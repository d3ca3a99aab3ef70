"""The policy files: what each may say, what it comes to, and the sentence each refusal has."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from registry.errors import Invalid
from registry.policy import parse
from registry.policy.bounds import Limits, Review
from registry.policy.files import BadFile, Issuer, Matcher, Named, Organization, Statement
from registry.policy.roles import Role

ORGANIZATION = """\
# waybill.yaml
organization: acme
url: https://packages.acme.example       # public base URL
audience: packages.acme.example          # what identity tokens are minted for; unique to this installation
admins: [alice, team:platform]           # root owners
auditors: [team:security]                # may read the whole git repository
issuers:                                 # CI systems whose identity tokens are accepted, by exact issuer
  github: true
  gitlab: [https://gitlab.com, https://gitlab.acme.example]
  bitbucket: {workspace: acme, workspace_uuid: "{0a1b2c3d-0000-4000-8000-00000000000a}"}
review: {approvals: 1}
"""
PEOPLE = """\
alice: {email: alice@acme.example, github: "583231"}
bob: {email: bob@acme.example, disabled: true}
deploy-bot: {service: true, owner: team:platform}
"""
TEAM = """\
members: [alice, bob]
maintainers: [alice]
"""
REPOSITORY = """\
forge: github
path: acme/payments
repository_id: "123456"
owner_id: "42"
url: https://github.com/acme/payments
grants:
  - role: publish
    to: [team:payments]
"""
REGISTRY = """\
kind: source
visibility: private            # private | internal (any signed-in person) | public (no credentials to read)
owners: [team:platform]        # who may approve changes below this folder
projects: declared             # declared: a project exists once a file names it here
republish: same-bytes          # after a deletion: never | same-bytes | allowed
grants:
  - role: read
    to: [everyone]
  - role: write
    to: [team:payments]
    projects: ["payments-*"]
    until: 2027-01-31          # time-bounded: ends with that day, UTC
    reason: rotation hand-over
"""
PROJECT = """\
repository: acme-payments      # rights of repositories/acme-payments.yaml are inherited
protected: true                # only trusted publishers publish; API tokens are refused
publishers:
  - provider: github
    repository: acme/payments  # shown to people
    repository_id: "123456"    # what is compared: immutable ids, never names, never `sub`
    owner_id: "42"
    workflow: release.yml
    environment: pypi
  - issuer: https://agent.buildkite.com      # the general form: any issuer, first matching statement wins
    scopes: [read, publish]
    claims:
      organization_id: "0a1b"
      pipeline_id: {in: ["7f", "8c"]}
      build_branch: {matches: ["main", "release/*"], not_equals: release/test}
"""

READERS: dict[str, Callable[[bytes], Any]] = {
    "organization": lambda text: parse.organization(text, "waybill.yaml"),
    "people": lambda text: parse.people(text, "people.yaml"),
    "team": lambda text: parse.team(text, "teams/payments.yaml", "payments"),
    "repository": lambda text: parse.linked_repository(text, "repositories/acme-payments.yaml", "acme-payments"),
    "registry": lambda text: parse.registry_file(text, "registries/python/registry.yaml", "python"),
    "project": lambda text: parse.project_file(text, "registries/python/projects/payments-api.yaml", "payments-api"),
}
EXAMPLES = {
    "organization": ORGANIZATION,
    "people": PEOPLE,
    "team": TEAM,
    "repository": REPOSITORY,
    "registry": REGISTRY,
    "project": PROJECT,
}


def read(kind: str, text: str) -> Any:
    return READERS[kind](text.encode())


def problems(kind: str, text: str) -> list[str]:
    with pytest.raises(BadFile) as refusal:
        read(kind, text)
    return [f"{problem.line}: {problem.text}" for problem in refusal.value.problems]


def test_an_organization_says_who_owns_it_and_whose_tokens_it_accepts() -> None:
    found = read("organization", ORGANIZATION)
    assert (found.organization, found.url, found.audience) == (
        "acme",
        "https://packages.acme.example",
        "packages.acme.example",
    )
    assert found.admins[1] == Named("team:platform", Statement("waybill.yaml", "admins/1", 5))
    assert found.auditors[0].statement.ref == "waybill.yaml#auditors/0"
    assert found.issuers == {
        "github": Issuer((), None, None, Statement("waybill.yaml", "issuers/github", 8)),
        "gitlab": Issuer(
            ("https://gitlab.com", "https://gitlab.acme.example"),
            None,
            None,
            Statement("waybill.yaml", "issuers/gitlab", 9),
        ),
        "bitbucket": Issuer(
            (), "acme", "{0a1b2c3d-0000-4000-8000-00000000000a}", Statement("waybill.yaml", "issuers/bitbucket", 10)
        ),
    }
    assert (found.review, found.limits) == (Review(1), Limits(1024**3))


def test_an_organization_needs_only_its_name() -> None:
    assert read("organization", "organization: acme\n") == Organization("acme")


def test_a_limit_is_given_in_mebibytes() -> None:
    assert read("organization", "organization: acme\nlimits: {file_mb: 5}\n").limits == Limits(5 * 1024**2)


def test_a_provider_switched_off_is_not_accepted() -> None:
    assert read("organization", "organization: acme\nissuers: {github: false}\n").issuers == {}


JENKINS_KEYS = """\
organization: acme
keys:
  https://jenkins.acme.example/oidc:
  - {"kid": "main", "kty": "RSA", "alg": "RS256", "use": "sig", "key_ops": ["verify"], "n": "AQAB", "e": "AQAB"}
  - {"kid": "7", "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}
"""


def test_an_organization_may_have_the_keys_of_issuers_that_nobody_reaches() -> None:
    found = read("organization", JENKINS_KEYS).keys
    assert [key["kid"] for key in found["https://jenkins.acme.example/oidc"]] == ["main", "7"]
    assert found["https://jenkins.acme.example/oidc"][1]["crv"] == "P-256"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"RSA"', '"oct"', "4: unknown type of key 'oct'"),
        (', "e": "AQAB"', "", "4: missing key 'e', a part of every public key of type RSA"),
        ('"P-256"', '"P-521"', "5: unknown curve 'P-521'"),
        ('"sig"', '"enc"', "4: unknown use 'enc'"),
        ('"verify"', '"sign"', "4: unknown operation 'sign'"),
        ('"e": "AQAB"', '"e": "AQAB", "d": "AQAB"', "4: unknown key 'd'"),
        ('"n": "AQAB"', '"n": "AQ=="', "4: n: 'AQ==' is not base64url"),
        ('"y"', "y", "5: the key 'y' may be read as true or false"),
        ("https://jenkins.acme.example/oidc", "jenkins", "3: this is not a URL"),
        ('"7"', "7", "5: kid: '7' may be read as a number"),
    ],
)
def test_a_key_that_is_none_is_reported(old: str, new: str, problem: str) -> None:
    assert JENKINS_KEYS.count(old) == 1
    found = problems("organization", JENKINS_KEYS.replace(old, new))
    assert any(line.startswith(problem) for line in found), found


def test_people_are_found_by_their_id() -> None:
    people = read("people", PEOPLE)
    assert (people["alice"].email, people["alice"].forge_ids) == ("alice@acme.example", {"github": "583231"})
    assert people["bob"].disabled
    assert (people["deploy-bot"].service, people["deploy-bot"].owner) == (True, "team:platform")
    assert people["deploy-bot"].statement == Statement("people.yaml", "deploy-bot", 3)


def test_people_may_be_ten_thousand() -> None:
    everybody = "".join(f"person-{n}: {{email: person-{n}@acme.example, github: '{n}'}}\n" for n in range(10_000))
    assert len(read("people", everybody)) == 10_000
    assert problems("people", f"{everybody}late: {{}}\n") == [
        "1: the file: 10,001 keys; at most 10,000 are accepted",
    ]


def test_a_team_is_named_by_its_file() -> None:
    team = read("team", TEAM)
    assert (team.name, team.members, team.maintainers) == ("payments", ("alice", "bob"), ("alice",))


def test_a_linked_repository_is_known_by_the_ids_of_its_forge() -> None:
    linked = read("repository", REPOSITORY)
    assert (linked.name, linked.forge, linked.path) == ("acme-payments", "github", "acme/payments")
    assert linked.ids == {"repository_id": "123456", "owner_id": "42"}
    assert linked.grants[0].statement.ref == "repositories/acme-payments.yaml#grants/0"


def test_a_registry_says_who_may_do_what_and_where_that_stands() -> None:
    found = read("registry", REGISTRY)
    assert (found.name, found.kind, found.visibility) == ("python", "source", "private")
    assert (found.projects, found.republish) == ("declared", "same-bytes")
    everyone, payments = found.grants
    assert (everyone.role, everyone.to, everyone.projects, everyone.until) == (Role.READ, ("everyone",), (), None)
    assert (payments.role, payments.projects, payments.until) == (Role.WRITE, ("payments-*",), dt.date(2027, 1, 31))
    assert payments.reason == "rotation hand-over"
    assert payments.statement.ref == "registries/python/registry.yaml#grants/1"
    assert payments.statement.place == "registries/python/registry.yaml:9"
    assert found.visibility_statement == Statement("registries/python/registry.yaml", "visibility", 2)


def test_a_registry_left_to_its_defaults_is_closed() -> None:
    found = read("registry", "{}")
    assert (found.kind, found.visibility, found.projects, found.republish) == (
        "source",
        "private",
        "declared",
        "same-bytes",
    )
    assert (found.grants, found.owners, found.publishers, found.upstreams) == ((), (), (), ())
    assert found.visibility_statement == found.statement == Statement("registries/python/registry.yaml", "", 1)


def test_a_project_names_its_publishers() -> None:
    found = read("project", PROJECT)
    github, buildkite = found.publishers
    assert (github.provider, github.issuer, github.scopes, github.claims) == ("github", None, ("publish",), {})
    assert github.fields == {
        "repository": "acme/payments",
        "repository_id": "123456",
        "owner_id": "42",
        "workflow": "release.yml",
        "environment": "pypi",
    }
    assert github.statement.ref == "registries/python/projects/payments-api.yaml#publishers/0"
    assert (buildkite.provider, buildkite.issuer) == (None, "https://agent.buildkite.com")
    assert buildkite.scopes == ("read", "publish")
    assert buildkite.claims == {
        "organization_id": Matcher(equals="0a1b"),
        "pipeline_id": Matcher(in_=("7f", "8c")),
        "build_branch": Matcher(matches=("main", "release/*"), not_equals="release/test"),
    }
    assert found.protected_statement == Statement("registries/python/projects/payments-api.yaml", "protected", 2)
    assert found.repository_statement.line == 1


def test_a_project_may_say_nothing() -> None:
    found = read("project", "{}")
    assert (found.repository, found.protected, found.protected_statement, found.repository_statement) == (
        None,
        False,
        None,
        None,
    )


def test_claims_keep_the_type_they_are_written_in() -> None:
    text = "publishers: [{issuer: 'https://ci.example', claims: {a: 7, b: '7', c: false, d: 'true', e: {in: [0, x]}}}]"
    assert read("project", text).publishers[0].claims == {
        "a": Matcher(equals=7),
        "b": Matcher(equals="7"),
        "c": Matcher(equals=False),
        "d": Matcher(equals="true"),
        "e": Matcher(in_=(0, "x")),
    }


UUID = '"{0a1b2c3d-0000-4000-8000-00000000000a}"'


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("provider: github, repository_id: '1', owner_id: '2', workflow: r.yml, ref: refs/heads/main", "ref"),
        ("provider: gitlab, project_id: '1', namespace_id: '2', ci_config: .gitlab-ci.yml", "project_id"),
        (f"provider: bitbucket, workspace_uuid: {UUID}, repository_uuid: {UUID}, branch: main", "repository_uuid"),
        ("provider: buildkite, organization_id: 0a1b-2c, pipeline_id: 7f-8c", "pipeline_id"),
        ("provider: circleci, organization_id: 0a1b-2c, project_id: 7f-8c", "project_id"),
        ("provider: jenkins, issuer: 'https://ci.example/oidc', job: 'https://ci.example/job/a/'", "job"),
    ],
)
def test_each_provider_has_its_own_fields_and_no_others(statement: str, field: str) -> None:
    assert field in read("project", f"publishers:\n- {{{statement}}}\n").publishers[0].fields
    (problem,) = problems("project", f"publishers:\n- {{{statement}, colour: red}}\n")
    assert problem.startswith("2: unknown key 'colour'; known here: provider, ")
    (name,) = [part for part in statement.split(", ") if part.startswith(f"{field}:")]
    if field != "ref":
        (problem,) = problems("project", f"publishers:\n- {{{statement.replace(f', {name}', '')}}}\n")
        assert problem.startswith(f"2: missing key '{field}' in publishers (")


def test_a_protected_ref_is_kept_as_the_text_that_claims_have() -> None:
    text = (
        "publishers: [{provider: gitlab, project_id: '1', namespace_id: '2', ci_config: ci.yml, ref_protected: true}]"
    )
    assert read("project", text).publishers[0].fields["ref_protected"] == "true"


ACCEPTED = [
    ("repository", "{forge: gitlab, path: a/b/c, project_id: '1', namespace_id: '2'}"),
    ("repository", f"{{forge: bitbucket, path: a/b, workspace_uuid: {UUID}, repository_uuid: {UUID}}}"),
    ("repository", "{forge: other, path: a/b, url: 'https://git.example:8443/a/b'}"),
    ("registry", "{kind: composite, upstreams: [{registry: mirror}, {registry: team-a}]}"),
    ("registry", "{kind: remote, upstreams: [{url: 'https://mirror.example/simple/'}]}"),
    ("registry", "grants: [{role: read, to: [anyone]}]"),
    ("registry", "accepts: []"),
    ("registry", "accepts: [local-versions, direct-urls, linux-tags, other-tags, private-classifiers, stdlib-names]"),
    ("registry", "grants: [{role: admin, to: [everyone], until: '2027-01-31'}]"),
    ("registry", 'grants: [{role: read, to: [alice], reason: "2027-01-31"}]'),
]


@pytest.mark.parametrize(("kind", "text"), ACCEPTED)
def test_accepts(kind: str, text: str) -> None:
    assert read(kind, text)


REFUSED = [
    (
        "registry",
        REGISTRY.replace("role: write", "role: pubilsh"),
        ["9: unknown role 'pubilsh', did you mean 'publish'?"],
    ),
    ("registry", "visibility: secret", ["1: unknown visibility 'secret'; known here: private, internal, public"]),
    (
        "registry",
        "accepts: [local-version]",
        ["1: unknown peculiarity 'local-version', did you mean 'local-versions'?"],
    ),
    ("registry", "accepts: all", ["1: accepts: this is not a list; write [...] or lines that begin with '- '"]),
    ("registry", "visibilty: public", ["1: unknown key 'visibilty', did you mean 'visibility'?"]),
    ("team", "colour: red", ["1: unknown key 'colour'; known here: members, maintainers"]),
    (
        "registry",
        "grants:\n- to: [alice]\n",
        [
            (
                "2: missing key 'role' in grants (read: see and install; publish: also upload; write: also yank and "
                "delete; admin: everything here)"
            )
        ],
    ),
    ("registry", "grants: [{role: read, to: []}]", ["1: to: 0 entries; write at least 1"]),
    ("registry", "grants: {role: read}", ["1: grants: this is not a list; write [...] or lines that begin with '- '"]),
    (
        "registry",
        "grants: [read]",
        ["1: grants: this is not a mapping; write 'key: value' lines with role, to, until, reason, projects"],
    ),
    ("registry", "kind: [source]", ["1: kind: a list or mapping is not one of source, composite, remote"]),
    (
        "registry",
        "grants: [{role: write, to: [bob, anyone]}]",
        ["1: 'anyone' can only have role read, not write; name who is meant, or write everyone"],
    ),
    (
        "registry",
        "grants: [{role: read, to: [Bob]}]",
        ["1: to: 'Bob' is not an account id like alice, a team like team:platform, everyone or anyone"],
    ),
    (
        "registry",
        "owners: [everyone]",
        ["1: owners: 'everyone' is not an account id like alice or a team like team:platform"],
    ),
    (
        "registry",
        "grants: [{role: read, to: [a], projects: ['Pay*']}]",
        ["1: projects: 'Pay*' is not a pattern over normalised project names, like payments-*"],
    ),
    (
        "registry",
        "grants: [{role: read, to: [a], until: soon}]",
        ["1: until: this is not a date; write it like 2027-01-31"],
    ),
    (
        "registry",
        "grants: [{role: read, to: [a], until: 2027-1-31}]",
        ["1: until: this is not a date; write it like 2027-01-31"],
    ),
    (
        "registry",
        "grants: [{role: read, to: [a], until: 2027-02-30}]",
        ["1: until: no calendar has the day 2027-02-30"],
    ),
    (
        "registry",
        "upstreams: [{registry: a}]",
        ["1: a source registry has no upstreams; remove them, or set kind to composite or remote"],
    ),
    (
        "registry",
        "kind: composite",
        ["1: a composite registry lists other registries; write one or more of - registry: <name> under upstreams"],
    ),
    (
        "registry",
        "kind: composite\nupstreams: [{registry: python}]",
        ["2: a composite registry cannot list itself; remove the entry"],
    ),
    (
        "registry",
        "kind: remote\nupstreams: [{registry: a}]",
        ["2: a remote registry has exactly one upstream; write - url: <URL> under upstreams"],
    ),
    (
        "registry",
        "kind: composite\nupstreams:\n- {}",
        ["3: an upstream is either registry: <name> or url: <URL>; write exactly one of them"],
    ),
    (
        "registry",
        "kind: composite\nupstreams: [{registry: simple}]",
        ["2: registry: 'simple' is reserved for URLs of the server and cannot name a registry; choose another name"],
    ),
    (
        "registry",
        "kind: remote\nupstreams: [{url: 'https://ann:hunter2@mirror.example/'}]",
        ["2: url: this is not a URL like https://host.example/path, without user name, password, '?' and '#'"],
    ),
    (
        "project",
        "grants: [{role: read, to: [a], projects: [b]}]",
        ["1: unknown key 'projects'; known here: role, to, until, reason"],
    ),
    ("project", "protected: yes", ["1: protected: write true or false, without quotes"]),
    ("project", "protected: 'true'", ["1: protected: write true or false, without quotes"]),
    ("project", "repository: [a]", None),
    ("project", "repository:", None),
    ("project", "publishers: [{provider: githb}]", ["1: unknown provider 'githb', did you mean 'github'?"]),
    (
        "project",
        PROJECT.replace('"123456"', "123456"),
        ["6: repository_id: '123456' may be read as a number where text is meant; quote it"],
    ),
    (
        "project",
        PROJECT.replace("release.yml", ".github/workflows/release.yml"),
        [
            (
                "8: workflow: '.github/workflows/release.yml' is not the name of a workflow file without folders, "
                "like release.yml"
            )
        ],
    ),
    ("project", "publishers: [{scopes: [publish]}]", None),
    ("project", "publishers: [{issuer: 'https://ci.example', claims: {}}]", ["1: claims: 0 keys; write at least 1"]),
    (
        "project",
        "publishers: [{issuer: 'https://ci.example', claims: {a: {}}}]",
        ["1: a: there is no rule; write one of equals, not_equals, in, not_in, matches"],
    ),
    (
        "project",
        "publishers: [{issuer: 'https://ci.example', claims: {a: 1.10}}]",
        ["1: a: '1.10' may be read as a number where text is meant; quote it"],
    ),
    (
        "project",
        "publishers: [{issuer: 'https://ci.example', claims: {a: b}, scopes: [delete]}]",
        ["1: unknown scope 'delete'; known here: read, publish, write"],
    ),
    ("repository", "path: a/b", ["1: missing key 'forge' in the file (one of github, gitlab, bitbucket, other)"]),
    ("repository", "[]", ["1: the file: this is not a mapping; write 'key: value' lines, the first with forge"]),
    (
        "repository",
        "{forge: github, path: a/b, repository_id: '1'}",
        ["1: missing key 'owner_id' in the file (the numeric id of its owner, in quotes)"],
    ),
    (
        "people",
        "operator: {}",
        ["1: 'operator' is not an account id like alice, other than everyone, anyone and operator"],
    ),
    (
        "people",
        "everyone: {}",
        ["1: 'everyone' is not an account id like alice, other than everyone, anyone and operator"],
    ),
    (
        "people",
        "alice: {owner: bob}",
        ["1: 'owner' is for service accounts; add service: true, or remove it"],
    ),
    (
        "people",
        "alice: {email: '<alice@acme.example>'}",
        ["1: email: '<alice@acme.example>' is not an e-mail address like alice@acme.example"],
    ),
    ("people", "- alice", ["1: the file: this is not a mapping; write 'key: value' lines"]),
    (
        "team",
        "members: [team:other]",
        ["1: members: 'team:other' is not an account id like alice, other than everyone, anyone and operator"],
    ),
    (
        "organization",
        "organization: acme\nreview: {approvals: 11}",
        ["2: approvals: write a whole number from 0 to 10, without quotes"],
    ),
    (
        "organization",
        "organization: acme\nlimits: {file_mb: 0x10}",
        ["2: file_mb: write a whole number from 1 to 10240, without quotes"],
    ),
    (
        "organization",
        f"organization: {'a' * 65}",
        ["1: organization: the text has 65 characters; at most 64 are accepted"],
    ),
    (
        "organization",
        "url: 'https://a.example'",
        ["1: missing key 'organization' in the file (the name of this installation, like acme)"],
    ),
    (
        "organization",
        "organization: a\nissuers: {gitlab: gitlab.com}",
        ["2: gitlab: write true or false, without quotes"],
    ),
]


@pytest.mark.parametrize(("kind", "text", "expected"), REFUSED)
def test_refuses_with_its_own_sentence(kind: str, text: str, expected: list[str] | None) -> None:
    found = problems(kind, text)
    assert found == (expected or found)


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "12:30:45", "1.10", "2027-01-31", "0x1f", "~", "null", "007", "1e3"]
)
def test_text_that_some_yaml_reader_takes_for_something_else_must_be_quoted(word: str) -> None:
    (problem,) = problems("registry", f"grants: [{{role: read, to: [alice], reason: {word}}}]")
    assert problem.startswith(f"1: reason: '{word}' may be read as ")
    assert problem.endswith("quote it")
    assert read("registry", f"grants: [{{role: read, to: [alice], reason: '{word}'}}]").grants[0].reason == word


def test_all_problems_of_a_file_are_told_at_once_each_with_its_place() -> None:
    text = "kind: sorce\nowners: [Bob]\ngrants:\n- role: read\n  to: [no]\n  reson: x\n"
    with pytest.raises(BadFile) as refusal:
        read("registry", text)
    assert str(refusal.value) == (
        "registries/python/registry.yaml:1: unknown kind 'sorce', did you mean 'source'?\n"
        "registries/python/registry.yaml:2: owners: "
        "'Bob' is not an account id like alice or a team like team:platform\n"
        "registries/python/registry.yaml:5: to: 'no' may be read as true or false where text is meant; quote it\n"
        "registries/python/registry.yaml:6: unknown key 'reson', did you mean 'reason'?"
    )


def test_a_file_of_problems_ends_after_a_hundred() -> None:
    assert len(problems("registry", "".join(f"k{n}: v\n" for n in range(5_000)))) == 100


def test_a_password_in_a_url_is_never_repeated() -> None:
    for url in ("https://ann:hunter2@host.example", "https://host.example/?key=hunter2"):
        for written in (url, f"'{url}'"):
            assert "hunter2" not in str(problems("organization", f"organization: a\nurl: {written}\n"))


@pytest.mark.parametrize(
    ("reader", "name", "message"),
    [
        (
            parse.team,
            "Pay",
            "f:1: 'Pay' is not a name of lower-case ASCII letters, digits",
        ),
        (parse.registry_file, "simple", "f:1: 'simple' is reserved for URLs of the server and cannot name a registry"),
        (
            parse.project_file,
            "Pay_ments",
            "f:1: project names are normalised (PEP 503); rename the file to pay-ments.yaml",
        ),
        (parse.project_file, "..", "f:1: '..' is not a project name"),
    ],
)
def test_a_file_whose_name_is_wrong_is_refused(
    reader: Callable[[bytes, str, str], object], name: str, message: str
) -> None:
    with pytest.raises(BadFile) as refusal:
        reader(b"{}", "f", name)
    assert str(refusal.value).startswith(message)
    assert reader(b"{}", "f", "payments")


def as_json(text: str) -> Any:
    """Read the example as editors do, for whom dates are text."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_json_schema_accepts_what_the_loader_accepts_and_refuses_a_typo(kind: str) -> None:
    schema = parse.json_schemas()[kind]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    read(kind, EXAMPLES[kind])
    assert not list(validator.iter_errors(as_json(EXAMPLES[kind])))
    typo = EXAMPLES[kind].replace("grants:", "grant:").replace("email:", "emial:").replace("members:", "member:")
    typo = typo.replace("audience:", "audiense:").replace("protected:", "proteced:")
    assert problems(kind, typo)
    assert list(validator.iter_errors(as_json(typo)))


@pytest.mark.parametrize(("kind", "text"), ACCEPTED)
def test_the_json_schema_does_not_mark_what_the_loader_accepts(kind: str, text: str) -> None:
    assert not list(Draft202012Validator(parse.json_schemas()[kind]).iter_errors(as_json(text)))


def test_every_key_of_the_json_schemas_says_what_it_is_for() -> None:
    def walk(schema: Any) -> None:
        for part in schema.get("properties", {}).values():
            assert part["description"]
            walk(part)
        for part in [*schema.get("oneOf", []), *schema.get("anyOf", [])]:
            walk(part)
        if "items" in schema:
            walk(schema["items"])

    for schema in parse.json_schemas().values():
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["title"]
        assert schema["description"]
        walk(schema)


KEYS = [
    "kind",
    "grants",
    "role",
    "to",
    "members",
    "forge",
    "path",
    "publishers",
    "provider",
    "claims",
    "issuer",
    "admins",
]
VALUES = st.recursive(
    st.sampled_from(["github", "read", "alice", "", "no", "7"]) | st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=100))
def test_any_file_is_read_or_refused_with_its_place(text: bytes) -> None:
    for reader in READERS.values():
        try:
            reader(text)
        except Invalid as refusal:
            problem = refusal
        else:
            continue
        assert ".yaml:" in str(problem)
