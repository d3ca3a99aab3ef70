"""Which registry a documented address of another system means: its own name in their form, and what `known_as` adds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from registry.errors import Forbidden, NotFound
from registry.names import RegistryName
from registry.policy.files import BadFile, Problem
from registry.policy.known_as import System
from registry.policy.policy import Policy

Asked = tuple[System, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """One registry's claim to an address; its own name claims without being written anywhere."""

    registry: RegistryName
    line: int | None

    @property
    def file(self) -> str:
        """The registry's own file."""
        return f"registries/{self.registry}/registry.yaml"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else f"the name of registry '{self.registry}'"


@dataclass(frozen=True, slots=True)
class Addresses:
    """All addresses of one policy commit."""

    claims: Mapping[Asked, tuple[Claim, ...]]
    unreadable: tuple[str, ...]  # files whose addresses nobody knows

    def find(self, system: System, text: str) -> RegistryName:
        """Tell which registry an address means.

        Raises:
            NotFound: none has it.
            Forbidden: several have it, or one whose file cannot be read could have it. Never `NotFound` then, on which
                a client would take the package from elsewhere. The name of a registry nobody else can take.
        """
        found = self.claims.get((system, text), ())
        if len(found) == 1:
            if found[0].line is not None:
                self._require_readable()
            return found[0].registry
        if found:
            where = " and ".join(map(str, found))
            raise Forbidden(f"{where} both claim this address, so it means no registry until one of them gives it up")
        self._require_readable()
        raise NotFound(f"No registry has the {system.value} address {text[:200]!a}; known_as in its file gives it one")

    def below(self, group: str) -> list[RegistryName]:
        """List the registries of a GitLab group: by its id where they name it, by its path where theirs begins with it.

        Raises:
            NotFound: there is none.
            Forbidden: it could be one whose file cannot be read.
        """
        self._require_readable()
        found = {claim.registry for claim in self.claims.get((System.GITLAB_GROUP, group), ())}
        for (system, text), claims in self.claims.items():
            if system is System.GITLAB and text.startswith(f"{group}/"):
                found.update(claim.registry for claim in claims)
        if not found:
            raise NotFound(f"No registry is below the group {group[:200]!a}; known_as in their files puts them there")
        return sorted(found)

    def _require_readable(self) -> None:
        if self.unreadable:
            raise Forbidden(f"Which registry this address means cannot be told: {self.unreadable[0]}")


def addresses(policy: Policy) -> Addresses:
    """Give all addresses of a policy."""
    return policy.derived("addresses", lambda: _read(policy))


def joined(before: Policy, after: Policy, registry: RegistryName) -> list[str]:
    """List the GitLab groups, by id or path, that a registry is below in one policy and was not in another.

    What it has is read there as one with what the others have, and may take a name before them.
    """
    return sorted(_groups(after, registry) - _groups(before, registry))


def default_registry(policy: Policy) -> RegistryName:
    """Tell what an address without a registry means.

    Raises:
        NotFound: nothing.
        Forbidden: that cannot be read.
    """
    try:
        named = policy.organization().default_registry
    except BadFile as bad:
        raise Forbidden(f"Which registry this address means cannot be told: {bad.problems[0]}") from None
    if named is None:
        raise NotFound("This address names no registry, and waybill.yaml has no default_registry")
    return RegistryName(named.name)


def claimed_twice(policy: Policy) -> Iterator[Problem]:
    """List the addresses that two registries have."""
    for (system, text), claims in addresses(policy).claims.items():
        for claim in claims if system is not System.GITLAB_GROUP and len(claims) > 1 else ():
            if claim.line:
                others = " and ".join(str(other) for other in claims if other != claim)
                said = f"known_as: {system.value}: '{text}' is taken by {others}; an address means one registry"
                yield Problem(claim.file, claim.line, said)


def _read(policy: Policy) -> Addresses:
    claims: dict[Asked, dict[RegistryName, Claim]] = {}
    unreadable: list[str] = []
    try:
        organization = policy.organization().organization
    except BadFile as bad:
        return Addresses({}, (str(bad.problems[0]),))
    for name in policy.registries():
        try:
            found = policy.registry(name)
        except BadFile as bad:
            unreadable.append(str(bad.problems[0]))
            continue
        if found:
            asked: list[tuple[Asked, int | None]] = [(one, None) for one in _own(organization, name)]
            asked += [((one.system, one.text), one.line) for one in found.known_as]
            for one, line in asked:
                claims.setdefault(one, {}).setdefault(name, Claim(name, line))
    return Addresses({one: tuple(held.values()) for one, held in claims.items()}, tuple(unreadable))


def _groups(policy: Policy, registry: RegistryName) -> set[str]:
    """List the groups that have its packages: none where its file cannot be read, or it is no index by itself."""
    try:
        organization, found = policy.organization().organization, policy.registry(registry)
    except BadFile:
        return set()
    if found and found.kind != "source":
        return set()
    written = ((one.system, one.text) for one in found.known_as) if found else ()
    return {*_above((*_own(organization, registry), *written))}


def _above(asked: Iterable[Asked]) -> Iterator[str]:
    """List the groups that addresses are below."""
    for system, text in asked:
        if system is System.GITLAB_GROUP:
            yield text
        elif system is System.GITLAB:
            parts = text.split("/")
            yield from ("/".join(parts[:n]) for n in range(1, len(parts)))


def _own(organization: str, name: RegistryName) -> Iterator[Asked]:
    """List what a registry is called without anybody writing it: its name, below that of the organization."""
    yield System.BITBUCKET, name
    yield System.ARTIFACT_KEEPER, name
    yield System.BUILDKITE, f"{organization}/{name}"
    yield System.GITLAB, name
    yield System.GITLAB, f"{organization}/{name}"
