"""WB4: a wheel or sdist is complete, honest about itself, and carries nothing that was not meant to go out."""

import io
import re
from fnmatch import translate
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from validator import rule, skip
from validator.members import Members
from validator.metadata import CoreMetadata
from validator.things import Distributed

SECRETS = (
    ".env", ".env.*", ".pypirc", ".netrc", "_netrc", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.p12",
    "*.pfx", "*.keystore", ".htpasswd", "credentials.json", "service-account*.json", ".git-credentials", ".dockercfg",
)  # fmt: skip
_SECRET = re.compile("|".join(map(translate, SECRETS)))
HARMLESS = ("cacert.pem", ".env.example", ".env.sample", ".env.template")
TOPS = (
    "tests",
    "test",
    "testing",
    "docs",
    "doc",
    "examples",
    "example",
    "benchmarks",
    "scripts",
    "src",
    "build",
    "dist",
)
RELIABLE = (2, 2)  # of the metadata of sdists: PEP 643


@rule("WB400", on=["publish"])
def registry_accepts(answer: str) -> None:
    """The registry would accept the file: it was asked, and says so itself.

    Rights, rules and taken names are looked at there; nothing is stored.
    """
    assert not answer, answer


@rule("WB401", on=["publish"])
def file_is_accepted(file: Distributed) -> None:
    """A registry would take the file: its name is normalised, and its inside is sound and says the same."""
    assert not file.refusal, file.refusal


@rule("WB402", on=["publish", "ledger"])
def metadata_is_valid(metadata: CoreMetadata) -> None:
    """The core metadata follows its standard."""
    assert not metadata.faults, "\n".join(metadata.faults)


@rule("WB403", severity="warning", on=["publish", "ledger"])
def requires_python_is_given(metadata: CoreMetadata) -> None:
    """Requires-Python is there, so that an installer on an old Python takes an older release."""
    assert metadata.requires_python, "Requires-Python is missing; add requires-python to pyproject.toml"


@rule("WB404", severity="warning", on=["publish", "ledger"])
def licence_is_given(metadata: CoreMetadata) -> None:
    """The metadata says under which licence the file may be used (PEP 639)."""
    assert metadata.licence, "no licence is named; add license to pyproject.toml, also for what stays in the house"


@rule("WB405", on=["publish", "ledger"])
def licence_is_said_once(metadata: CoreMetadata) -> None:
    """A licence expression stands alone: the old field and the classifiers would contradict it (PEP 639)."""
    if not metadata.get("license_expression"):
        skip("no licence expression")
    classifiers = [one for one in metadata.classifiers if one.startswith("License ::")]
    assert not metadata.get("license"), "both License and License-Expression are there; keep License-Expression"
    assert not classifiers, f"{classifiers[0]} stands beside License-Expression; remove the classifier"


@rule("WB406", on=["publish"])
def licence_files_are_there(file: Distributed, metadata: CoreMetadata, archive: Members) -> None:
    """Every licence file that the metadata names is in the archive (PEP 639)."""
    if metadata.metadata_version < (2, 4) or not metadata.licence_files:
        skip("none is named, or an older format does not say where it lies")
    start = "-".join(file.filename.split("-")[:2])
    folder = f"{start}.dist-info/licenses" if file.kind == "wheel" else file.filename.removesuffix(".tar.gz")
    missing = [
        name for name in metadata.licence_files if f"{folder}/{name}".lower() not in map(str.lower, archive.names)
    ]
    assert not missing, (
        f"{missing[0]} is named as licence and is not at {folder}; build again, or correct license-files"
    )


@rule("WB407", severity="warning", on=["publish", "ledger"])
def readme_is_there(metadata: CoreMetadata) -> None:
    """There is a README, and its type is said."""
    assert metadata.description.strip(), "there is no description; add readme to pyproject.toml"
    assert metadata.get("description_content_type"), (
        "Description-Content-Type is missing; readers take it for text/x-rst"
    )


@rule("WB408", on=["publish"])
def readme_renders(metadata: CoreMetadata) -> None:
    """The README can be shown as the type it claims to be."""
    kind = metadata.content_type.partition(";")[0].strip()
    if kind not in {"text/x-rst", "text/markdown", "text/plain"}:
        raise AssertionError(f"{kind} is no type of a README; write text/markdown, text/x-rst or text/plain")
    if kind != "text/x-rst" or not metadata.description.strip():
        skip("only reStructuredText can fail")
    try:
        from readme_renderer import rst  # noqa: PLC0415 - comes with twine; the server needs no renderer
    except ImportError:
        skip("readme_renderer is not installed; it comes with twine")
    said = io.StringIO()
    assert rst.render(metadata.description, stream=said) is not None, (
        f"the README does not render: {said.getvalue().strip()}"
    )


@rule("WB409", on=["publish"])
def nothing_looks_like_a_secret(archive: Members) -> None:
    """No member is named as keys and credentials are."""
    lasts = [(name.rpartition("/")[2].lower(), name) for name in archive.names]
    found = [name for last, name in lasts if last not in HARMLESS and _SECRET.match(last)]
    assert not found, (
        f"{', '.join(found[:5])} looks like a secret; take it out of the build, and change it if it is one"
    )


@rule("WB410", severity="warning", on=["publish"])
def wheel_has_no_foreign_tops(file: Distributed, archive: Members) -> None:
    """A wheel installs its own packages, and no `tests` or `docs` that every other project has too."""
    if file.kind != "wheel":
        skip("not a wheel")
    found = sorted(top for top in archive.tops if top.lower() in TOPS)
    assert not found, f"'{found[0]}' would lie at the top of site-packages; leave it out of the wheel"


@rule("WB411", severity="warning", on=["publish"])
def nothing_is_compiled_by_accident(archive: Members) -> None:
    """No bytecode and no leftovers of editors and version control are in the archive."""
    wrong = re.compile(
        r"(^|/)(__pycache__|\.git|\.hg|\.svn|\.DS_Store|\.idea|\.vscode)(/|$)|\.py[co]$|~$|\.orig$|\.rej$"
    )
    found = [name for name in archive.names if wrong.search(name)]
    assert not found, f"{', '.join(found[:5])} should not be published; clean the folder, and build again"


@rule("WB412", severity="warning", on=["publish", "ledger"])
def file_is_not_large(file: Distributed, most_mb: int = 100) -> None:
    """A file is of a size that clients download gladly."""
    size = -(-file.size // 2**20)
    assert size <= most_mb, f"it has {size} MiB; up to {most_mb} are expected. Ship data in another way"


@rule("WB413", on=["publish", "ledger"])
def dependencies_have_names(metadata: CoreMetadata) -> None:
    """No dependency is a URL: nobody could mirror, yank or audit what it installs."""
    direct = []
    for text in metadata.requires_dist:
        try:
            found = Requirement(text)
        except InvalidRequirement:
            skip("a dependency cannot be read; WB402 says so")
        if found.url:
            direct.append(found.name)
    assert not direct, f"{', '.join(direct)} is asked for by URL; publish it, and ask for it by version"


@rule("WB414", severity="warning", on=["publish", "ledger"])
def version_is_public(file: Distributed) -> None:
    """A version has no local part (+...): such a build is a variant of another one (PEP 440)."""
    assert "+" not in file.version, f"{file.version} has a local part; raise the version instead"


@rule("WB415", severity="warning", on=["publish"])
def wheel_runs_elsewhere(file: Distributed) -> None:
    """A wheel for Linux says which systems it runs on: manylinux or musllinux, not the machine it was built on."""
    found = [tag for tag in file.tags if re.fullmatch(r"linux_\w+", tag)]
    assert not found, f"{found[0]} promises nothing about other machines; repair the wheel with auditwheel"


@rule("WB416", severity="warning", on=["publish", "ledger"])
def sdist_metadata_is_reliable(file: Distributed, metadata: CoreMetadata) -> None:
    """An sdist says which of its metadata hold for its wheels (PEP 643), so that clients need not build it to know."""
    if file.kind != "sdist":
        skip("not an sdist")
    said = ".".join(map(str, metadata.metadata_version))
    assert metadata.metadata_version >= RELIABLE, (
        f"Metadata-Version is {said}; build with a backend that writes 2.2 or newer"
    )


@rule("WB417", on=["publish"])
def files_of_a_release_agree(release: Any) -> None:
    """All files of a release ask for the same Python and dependencies: installers look at one and take another.

    Dependencies of an sdist may differ where it calls them dynamic.
    """
    found = dict(release.metadata)
    if len(found) < 2:
        skip("one file")
    said: dict[tuple[str, str], str] = {}
    for filename, metadata in found.items():
        dynamic = {field.lower() for field in metadata.get("dynamic", ())}
        for field, value in (
            ("Requires-Python", metadata.requires_python),
            ("Requires-Dist", sorted(metadata.requires_dist)),
        ):
            if field.lower() not in dynamic:
                said.setdefault((field, str(value)), filename)
    for field in ("Requires-Python", "Requires-Dist"):
        sides = [(value, filename) for (name, value), filename in said.items() if name == field]
        assert len(sides) < 2, (
            f"{field} differs: {sides[0][0]} in {sides[0][1]}, {sides[1][0]} in {sides[1][1]}; build both anew"
        )
