"""A bad and a good example for every rule that ships; the good one is good by every other rule too."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from registry.records import pointer
from tests.validator.books import OTHER, PATH, Books, ledger
from validator.builders import NOW, Builders
from validator.subject import Material

Make = Callable[[Builders], Material]
Texts = dict[str, str | None]

REGISTRY = "registries/python/registry.yaml"
PROJECT = "registries/python/projects/payments-api.yaml"
PEOPLE = "alice: {}\nbob: {}\ncarol: {}\ndave: {disabled: true}\nbot: {service: true, owner: alice}\n"
TEAM = {"teams/payments.yaml": "members: [carol]\nmaintainers: [alice]\n"}
GITHUB = "provider: github, repository_id: '1', owner_id: '2', workflow: release.yml"


@dataclass(frozen=True)
class Example:
    """What breaks one rule, and what keeps it."""

    bad: Make
    good: Make
    also: tuple[str, ...] = ()  # other rules that the bad one cannot but break


def policy(bad: Texts, good: Texts, *also: str) -> Example:
    people: Texts = {"people.yaml": PEOPLE, **TEAM}
    return Example(
        lambda make: make.of(make.policy({**people, **bad})),
        lambda make: make.of(make.policy({**people, **good})),
        also,
    )


def change(before: Texts, bad: Texts, good: Texts, *also: str, author: str | None = None) -> Example:
    people: Texts = {"people.yaml": PEOPLE, **TEAM}

    def made(after: Texts) -> Make:
        def make(builders: Builders) -> Material:
            old = {**people, **before}
            return builders.change(builders.policy(old), builders.policy({**old, **after}), author)

        return make

    return Example(made(bad), made(good), also)


def file(bad: Make, good: Make, *also: str) -> Example:
    return Example(bad, good, also)


def registry(text: str) -> Texts:
    return {REGISTRY: f"projects: open\nowners: [alice, bob]\n{text}"}


def grants(text: str) -> Texts:
    return registry(f"grants:\n  - {{{text}}}\n")


def publishers(text: str, head: str = "protected: true\n") -> Texts:
    return {PROJECT: f"{head}publishers:\n  - {{{text}}}\n"}


def waiver(text: str) -> Texts:
    body = f"rules:\n  waivers:\n    - {{rule: WB207, where: ['*'], reason: why, {text}}}\n"
    return {"waybill.yaml": f"organization: acme\nadmins: [alice, bob]\n{body}"}


GOOD_GRANT = "role: publish, to: ['team:payments'], projects: ['payments-*']"
GENERAL = "issuer: 'https://agent.buildkite.com', claims: {"
OK = publishers(f"{GITHUB}, environment: pypi")


def renamed(make: Builders) -> Path:
    """Rename a wheel, as somebody does who does not want to build."""
    return make.wheel(version="1.0").rename(make.folder / "demo-2.0-py3-none-any.whl")


def noise(count: int) -> bytes:
    """Give bytes that do not compress."""
    return b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(count // 32 + 1))[:count]


UNTOUCHED = ledger(lambda _books: None)

EXAMPLES: dict[str, Example] = {
    "WB101": policy({"teams/payments.yaml": "membres: [carol]\n"}, {}),
    "WB102": policy({"teams/payments.yml": "members: [carol]\n"}, {"README.md": "Ours.\n"}),
    "WB103": policy({"people.yaml": PEOPLE + "eve: {github: '5'}\nmallory: {github: '5'}\n"}, {}),
    "WB104": policy(
        grants("role: publish, to: ['team:paymnets', carol], projects: ['payments-*']"), grants(GOOD_GRANT)
    ),
    "WB105": policy(
        {"cases/ours.yaml": "- {person: carol, may: publish, projects: [other]}\n"},
        {"cases/ours.yaml": "- {person: carol, may_not: publish, projects: ['*']}\n"},
    ),
    "WB106": policy(waiver("owner: alice, until: 2026-05-31"), waiver("owner: 'team:payments', until: 2026-06-01")),
    "WB107": policy(waiver("owner: nobody, until: 2027-01-31"), waiver("owner: alice, until: 2027-01-31")),
    "WB201": policy(
        {
            "waybill.yaml": "organization: acme\nadmins: [alice]\n",
            REGISTRY: "projects: open\nowners: [alice]\n",
            PROJECT: "grants:\n  - {role: publish, to: [carol]}\n",
        },
        {PROJECT: "grants:\n  - {role: publish, to: [carol]}\n"},
    ),
    "WB202": policy(grants(f"{GOOD_GRANT}, until: 2026-05-31"), grants(f"{GOOD_GRANT}, until: 2027-05-31")),
    "WB203": policy(grants(f"{GOOD_GRANT}, until: 2026-06-10"), grants(f"{GOOD_GRANT}, until: 2026-06-20")),
    "WB205": policy(grants("role: publish, to: [dave, carol], projects: ['payments-*']"), grants(GOOD_GRANT)),
    "WB206": policy(
        {**grants("role: publish, to: [carol], projects: [payments-old]"), PROJECT: "protected: false\n"},
        {**grants("role: publish, to: [carol], projects: [payments-api]"), PROJECT: "protected: false\n"},
    ),
    "WB207": policy(grants("role: write, to: [carol]"), grants(GOOD_GRANT)),
    "WB208": policy(grants("role: publish, to: [everyone], projects: ['x-*']"), grants("role: read, to: [everyone]")),
    "WB209": policy(
        {
            **{f"registries/python/projects/many-{n}.yaml": "protected: false\n" for n in range(51)},
            **grants("role: publish, to: [carol], projects: ['many-*']"),
            "waybill.yaml": "organization: acme\nadmins: [alice, bob]\n",
        },
        {PROJECT: "protected: false\n", **grants(GOOD_GRANT)},
    ),
    "WB210": policy(
        {"people.yaml": PEOPLE.replace(", owner: alice", "")},
        {"people.yaml": PEOPLE.replace("alice}", "team:payments}")},
    ),
    "WB211": policy({"teams/empty.yaml": "maintainers: [alice]\n"}, {}),
    "WB212": policy({"registries/other/registry.yaml": "projects: open\n"}, {}),
    "WB301": policy(
        publishers(f"{GENERAL}workflow_ref: x, build_tag: {{matches: 'v*'}}}}"),
        publishers(f"{GENERAL}pipeline_id: '7f', build_tag: {{matches: 'v*'}}}}"),
    ),
    "WB302": policy(
        publishers(f"{GENERAL}organization_id: '7f', build_tag: {{matches: 'v*'}}}}"),
        publishers(f"{GENERAL}pipeline_id: '7f', build_tag: {{matches: 'v*'}}}}"),
    ),
    "WB303": policy(publishers(GITHUB), publishers(f"{GITHUB}, ref: 'refs/tags/v*'")),
    "WB304": policy(
        {**OK, "registries/python/projects/other.yaml": OK[PROJECT]},
        {**OK, "registries/python/projects/other.yaml": str(OK[PROJECT]).replace("pypi", "other")},
    ),
    "WB305": policy({PROJECT: "protected: true\n"}, OK),
    "WB306": policy(publishers(f"{GITHUB}, environment: pypi", ""), OK),
    "WB307": policy(registry(f"publishers:\n  - {{{GITHUB}, environment: pypi}}\n"), OK),
    "WB400": file(
        lambda m: m.publish(m.wheel(), ask=lambda _path: "nobody may publish demo"),
        lambda m: m.publish(m.wheel(), ask=lambda _path: ""),
    ),
    "WB401": file(lambda m: m.publish(renamed(m)), lambda m: m.publish(m.wheel())),
    "WB402": file(
        lambda m: m.publish(m.wheel(classifier="Development Status :: 9 - No", summary="a\n b")),
        lambda m: m.publish(m.wheel(summary="One line")),
    ),
    "WB403": file(lambda m: m.publish(m.wheel(requires_python=None)), lambda m: m.publish(m.wheel())),
    "WB404": file(lambda m: m.publish(m.wheel(license_expression=None)), lambda m: m.publish(m.wheel())),
    "WB405": file(
        lambda m: m.publish(m.wheel(classifier="License :: OSI Approved :: MIT License")),
        lambda m: m.publish(m.wheel(classifier="Programming Language :: Python")),
    ),
    "WB406": file(
        lambda m: m.publish(m.wheel(license_file="LICENSE")),
        lambda m: m.publish(
            m.wheel(license_file="LICENSE", files={"demo.py": b"", "demo-1.0.dist-info/licenses/LICENSE": b"MIT"}),
            m.sdist(license_file="LICENSE", files={"LICENSE": b"MIT"}),
        ),
    ),
    "WB407": file(lambda m: m.publish(m.wheel(readme="")), lambda m: m.publish(m.sdist())),
    "WB408": file(
        lambda m: m.publish(m.sdist(description_content_type="text/x-rst", readme="A\n=\n\n.. nothing::\n\n`x")),
        lambda m: m.publish(m.sdist(description_content_type="text/x-rst", readme="A title\n=======\n\nText.\n")),
    ),
    "WB409": file(
        lambda m: m.publish(m.sdist(files={"src/.pypirc": b"[pypi]\n"})),
        lambda m: m.publish(m.sdist(files={"src/cacert.pem": b"public", ".env.example": b"NAME=\n"})),
    ),
    "WB410": file(
        lambda m: m.publish(m.wheel(files={"tests/__init__.py": b"", "demo.py": b""})),
        lambda m: m.publish(m.wheel(files={"demo/tests/__init__.py": b"", "demo/__init__.py": b""})),
    ),
    "WB411": file(
        lambda m: m.publish(m.wheel(files={"demo/__pycache__/x.cpython-311.pyc": b"", "demo/x.py": b""})),
        lambda m: m.publish(m.wheel(files={"demo/x.py": b""})),
    ),
    "WB412": file(
        lambda m: m.publish(m.wheel(files={"demo/x.bin": noise(2 * 2**20 + 1)})),
        lambda m: m.publish(m.wheel(files={"demo/x.bin": noise(2 * 2**20 - 10_000)})),
    ),
    "WB413": file(
        lambda m: m.publish(m.wheel(requires_dist="other @ https://example.org/other-1.0.tar.gz")),
        lambda m: m.publish(m.wheel(requires_dist="other>=1.0")),
    ),
    "WB414": file(lambda m: m.publish(m.wheel(version="1.0+cpu")), lambda m: m.publish(m.wheel())),
    "WB415": file(
        lambda m: m.publish(m.wheel(tag="cp311-cp311-linux_x86_64")),
        lambda m: m.publish(m.wheel(tag="cp311-cp311-manylinux_2_17_x86_64")),
    ),
    "WB416": file(
        lambda m: m.publish(m.sdist(metadata_version="2.1", license_expression=None, license="MIT")),
        lambda m: m.publish(m.sdist()),
    ),
    "WB417": file(
        lambda m: m.publish(m.wheel(requires_dist="other"), m.sdist()),
        lambda m: m.publish(m.wheel(requires_dist="other"), m.sdist(dynamic="Requires-Dist")),
    ),
    "WB501": file(ledger(lambda b: b.write({f"{PATH}.json": b.read(f"{PATH}.json") + b" "})), UNTOUCHED),
    "WB502": file(ledger(lambda b: b.write({PATH: pointer(OTHER, 1)})), UNTOUCHED),
    "WB503": file(ledger(lambda b: b.write({f"{PATH}.metadata": b.read(f"{PATH}.metadata") + b" "})), UNTOUCHED),
    "WB504": file(ledger(lambda b: b.edit(lambda record: record.update({"requires-python": ">=3.8"}))), UNTOUCHED),
    "WB505": file(ledger(Books.leave_metadata), ledger(Books.bury)),
    "WB506": file(ledger(lambda b: b.write({"notes.txt": b"hello"}, Waybill_Event="none")), UNTOUCHED),
    "WB507": file(ledger(lambda b: b.publish(replace(b.file, uploaded=NOW), OTHER)), UNTOUCHED, "WB510"),
    "WB508": file(ledger(Books.merge), UNTOUCHED),
    "WB509": file(ledger(lambda b: b.write({"notes.txt": b"hello"}, earlier=10)), UNTOUCHED),
    "WB510": file(ledger(lambda b: b.publish(replace(b.file, sha256=OTHER), OTHER)), UNTOUCHED),
    "WB511": file(
        ledger(lambda b: b.edit(lambda record: record["decision"].update({"allowed-by": "waybill.yaml#admins/9"}))),
        UNTOUCHED,
    ),
    "WB601": change(
        {"waybill.yaml": "organization: acme\nadmins: [alice, bob]\n"},
        grants("role: publish, to: [carol], projects: ['payments-*']"),
        grants("role: publish, to: [bot], projects: ['payments-*']"),
        author="carol",
    ),
    "WB602": change(
        {"registries/other/registry.yaml": "projects: open\nowners: ['team:payments']\n"},
        {"teams/payments.yaml": "members: [dave]\nmaintainers: [alice]\n"},
        {},
        "WB606",
    ),
    "WB603": change({REGISTRY: "projects: declared\nowners: [alice, bob]\n"}, registry(""), {"README.md": "Ours.\n"}),
    "WB604": change({}, registry("visibility: public\n"), registry("visibility: internal\n")),
    "WB605": change(
        {"people.yaml": PEOPLE + "".join(f"p{n}: {{}}\n" for n in range(9))},
        {"people.yaml": PEOPLE},
        {"people.yaml": PEOPLE + "".join(f"p{n}: {{}}\n" for n in range(8))},
        "WB606",
    ),
    "WB606": change(
        {"waybill.yaml": "organization: acme\nadmins: [alice, bob]\ngeneration: 2\n"},
        {"waybill.yaml": "organization: acme\nadmins: [alice, bob]\ngeneration: 1\n"},
        {"waybill.yaml": "organization: acme\nadmins: [alice, bob]\ngeneration: 3\n"},
    ),
}
SETTINGS = {"WB412": {"most_mb": 2}}
