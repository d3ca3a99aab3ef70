"""Wheels, sdists, policies and changes for the tests of rules: good unless a test says otherwise."""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from registry.activity import Activity
from registry.errors import Invalid
from registry.names import registry_name
from registry.policy.policy import Policy
from registry.policy.ruling import Ruling
from validator.engine import Plan, run
from validator.folder import Folder
from validator.materials.change import Proposal, change_material
from validator.materials.publish import Destination, Parcel, publish_material
from validator.rule import rule_of
from validator.selection import Selection
from validator.subject import Material
from validator.things import Provenance
from validator.verdict import Outcome, Verdict

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
README = "# A project\n\nIt does something.\n"
POLICY = {
    "waybill.yaml": "organization: acme\nadmins: [alice, bob]\n",
    "people.yaml": "alice: {}\nbob: {}\n",
    "registries/python/registry.yaml": "projects: open\nowners: [alice, bob]\n",
}
_FIELDS = {"Requires-Python": ">=3.11", "License-Expression": "MIT", "Description-Content-Type": "text/markdown"}


Settings = str | int | bool


class Builders:
    """What the fixture `waybill` gives to a test."""

    def __init__(self, folder: Path) -> None:
        """Take a folder to build in."""
        self.folder = folder
        self.keep = ExitStack()  # closes what a test has opened
        self._policies = 0

    def wheel(
        self,
        name: str = "demo",
        version: str = "1.0",
        *,
        tag: str = "py3-none-any",
        files: Mapping[str, bytes] | None = None,
        readme: str = README,
        **fields: str | None,
    ) -> Path:
        """Build a wheel.

        Args:
            name: of the project, normalised.
            version: normalised.
            tag: interpreter, ABI and platform.
            files: what is in it, by path; None: one module.
            readme: the description.
            fields: of the metadata, with underscores for hyphens; None leaves one out.
        """
        stem = f"{name.replace('-', '_')}-{version}"
        info = f"{stem}.dist-info"
        held = dict(files or {f"{name.replace('-', '_')}.py": b'"""A module."""\n'})
        held[f"{info}/METADATA"] = _metadata(name, version, readme, fields)
        held[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
        held[f"{info}/RECORD"] = _record(held, f"{info}/RECORD")
        path = self.folder / f"{stem}-{tag}.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in held.items():
                archive.writestr(zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0)), content)
        return path

    def sdist(
        self,
        name: str = "demo",
        version: str = "1.0",
        *,
        files: Mapping[str, bytes] | None = None,
        readme: str = README,
        **fields: str | None,
    ) -> Path:
        """Build an sdist; arguments are those of `wheel`, files without the top folder."""
        stem = f"{name.replace('-', '_')}-{version}"
        held = {"PKG-INFO": _metadata(name, version, readme, fields), **(files or {"src/module.py": b"X = 1\n"})}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for member, content in held.items():
                entry = tarfile.TarInfo(f"{stem}/{member}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        path = self.folder / f"{stem}.tar.gz"
        path.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
        return path

    def policy(self, files: Mapping[str, str | None] | None = None) -> Policy:
        """Write a policy.

        Args:
            files: beside those of `POLICY`, by path; None leaves one out.
        """
        self._policies += 1
        folder = self.folder / f"policy-{self._policies}"
        for path, text in {**POLICY, **(files or {})}.items():
            if text is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
        return Policy(Folder(folder))

    def of(self, policy: Policy, now: datetime = NOW, acted: Mapping[str, datetime] | None = None) -> Material:
        """Take a policy as it is, with nothing to compare it with, perhaps with what accounts did last."""
        activity = _Acted(acted) if acted is not None else None
        return change_material(policy, now, activity=activity)

    def change(self, before: Policy, after: Policy, author: str | None = None, now: datetime = NOW) -> Material:
        """Propose one policy to follow another."""
        return change_material(after, now, Proposal(before, after, author, now))

    def publish(
        self,
        *files: Path,
        policy: Policy | None = None,
        registry: str = "python",
        provenance: Provenance | None = None,
        ask: Callable[[Path], str] | None = None,
        now: datetime = NOW,
    ) -> Material:
        """Take files that are to be published, perhaps with where to, by which pipeline, and what is said there."""
        found = [Parcel.of(path, provenance, ask) for path in files]
        return publish_material(found, now, Destination(policy, registry_name(registry)) if policy else None)

    def ask(self, rule: Callable[..., None], material: Material | Policy, **settings: Settings) -> list[Verdict]:
        """Ask a rule about everything it is for.

        Args:
            rule: the function.
            material: a policy, or what `change` or `publish` made.
            settings: as the policy would give them.

        Raises:
            Invalid: the function is no rule.
        """
        found = rule_of(rule)
        if found is None:
            raise Invalid(f"{rule.__name__} is no rule; decorate it with @rule(...)")
        about = self.of(material) if isinstance(material, Policy) else material
        return list(run(Plan.of([found], Ruling(settings={found.code: settings}), Selection(), NOW.date()), about))

    def failures(self, rule: Callable[..., None], material: Material | Policy, **settings: Settings) -> list[str]:
        """Give the words of what does not hold; what is not applicable or crashed is said too."""
        silent = {Outcome.PASSED, Outcome.SKIPPED}
        return [verdict.text for verdict in self.ask(rule, material, **settings) if verdict.outcome not in silent]


class _Acted(Activity):
    """What accounts did last, as a test says it."""

    def __init__(self, acted: Mapping[str, datetime]) -> None:
        self._last = acted

    def last(self, account: str) -> datetime | None:
        return self._last.get(account)


def _metadata(name: str, version: str, readme: str, fields: Mapping[str, str | None]) -> bytes:
    given = {**_FIELDS, **{key.replace("_", "-").title(): value for key, value in fields.items()}}
    lines = [f"Metadata-Version: {given.pop('Metadata-Version', '2.4')}", f"Name: {name}", f"Version: {version}"]
    for key, value in given.items():
        lines += [f"{key}: {line}" for line in (value.split("\n") if value is not None else ())]
    return "\n".join([*lines, "", readme]).encode()


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{own},,\n"]).encode()
