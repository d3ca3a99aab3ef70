"""Do the cases hold? Asked of the policy as it would be, for the projects there are and for those to come."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.names import ProjectName, RegistryName
from registry.policy.case import Case
from registry.policy.decide import Allowed, Denied, entitled
from registry.policy.files import BadFile, RegistryFile, Statement
from registry.policy.given import readable
from registry.policy.globs import ALL, is_pattern, overlap
from registry.policy.policy import Policy
from registry.policy.rights import Right, belongs, covers, rights
from registry.policy.roles import ANYONE, Action, Principal
from registry.policy.trusted import published_by, whatever_comes

Known = Mapping[RegistryName, Iterable[ProjectName]]


@dataclass(frozen=True, slots=True)
class Breach:
    """A case that does not hold, and on what."""

    case: Case
    where: str  # "payments-api in python", "new projects payments-* in python"
    because: str  # the statement to change, or why it is denied

    @property
    def key(self) -> tuple[object, str]:
        """What is broken, whatever breaks it."""
        return self.case.demand, self.where

    def __str__(self) -> str:
        reason = f" ({self.case.reason})" if self.case.reason else ""
        who, can = self.case.who, "may not" if self.case.may else "may"
        happens = f"{who} {can} {self.case.action} {self.where}"
        return f"the case '{self.case}'{reason} does not hold: {happens}: {self.because}"


def breaches(policy: Policy, case: Case, known: Known, now: datetime) -> Iterator[Breach]:
    """List where a case does not hold.

    Args:
        policy: the policy as it would be; whether it is frozen makes no difference.
        case: what should hold. In which registry, if it does not say: in all of them; what may be uploaded, in all of
            kind source.
        known: projects of the ledger, by registry.
        now: the moment; a grant that has ended breaks nothing.
    """
    try:
        policy.organization()
    except BadFile:  # nothing is allowed at all, and that is a problem by itself
        return
    for name in [case.registry] if case.registry else policy.registries():
        test = _Test(policy, case, name, readable(policy.registry, name), tuple(known.get(name, ())), now)
        yield from test.wanted() if case.may else test.unwanted()


@dataclass(frozen=True, slots=True)
class _Test:
    policy: Policy
    case: Case
    name: RegistryName
    registry: RegistryFile | None  # None: it denies everything
    known: tuple[ProjectName, ...]
    now: datetime

    def wanted(self) -> Iterator[Breach]:
        """Find what must be possible and is not; a pattern without any project must let one come."""
        if self.registry and self.registry.kind != "source" and not self.case.registry:
            return
        for glob in self.case.projects:
            for name in self._matching(glob) or [ProjectName(glob.replace("*", "x").replace("?", "x"))]:
                verdict = self._verdict(name)
                if isinstance(verdict, Denied):
                    yield Breach(self.case, f"{name} in {self.name}", verdict.reason)

    def unwanted(self) -> Iterator[Breach]:
        """Find what must be impossible and is not."""
        if self.registry is None or self.registry.kind == "composite":
            return  # which lets nobody read what they may not read in its registries
        for glob in self.case.projects:
            for name in self._matching(glob):
                verdict = self._verdict(name)
                if isinstance(verdict, Allowed):
                    yield Breach(self.case, f"{name} in {self.name}", verdict.statement.place)
            if is_pattern(glob):
                for pattern, statement in self._to_come(self.registry, glob):
                    yield Breach(self.case, f"new projects {pattern} in {self.name}", statement.place)

    def _verdict(self, project: ProjectName) -> Allowed | Denied:
        if self.case.identity:
            return published_by(self.policy, self.case.identity, self.case.action, self.name, project, self.case.may)
        return entitled(self.policy, self._principal, self.case.action, self.name, project, self.now)

    @property
    def _principal(self) -> Principal:
        return ANYONE if self.case.person == str(ANYONE) else Principal(self.case.person)

    def _matching(self, glob: str) -> list[ProjectName]:
        """List the projects a glob matches, those that only a statement names included."""
        if not is_pattern(glob):
            return [ProjectName(glob)]
        grants = self.registry.grants if self.registry else ()
        written = (ProjectName(name) for grant in grants for name in grant.projects if not is_pattern(name))
        every = {*self.policy.declared(self.name), *self.known, *written}
        return sorted(name for name in every if covers((glob,), name))

    def _to_come(self, registry: RegistryFile, glob: str) -> Iterator[tuple[str, Statement]]:
        """List what would let somebody do it on a project that nobody has named yet."""
        if self.case.action is Action.PUBLISH and (registry.kind != "source" or registry.projects == "declared"):
            return  # a file that declares the project will be a change of its own
        if self.case.identity:
            found = whatever_comes(self.policy, self.case.identity, self.case.action, registry)
            yield from ((glob, publisher.statement) for publisher in found)
        elif self._is_known():
            for right in rights(self.policy, self._principal.name, registry, None):
                if isinstance(right, Right) and self._holds(right):
                    patterns = (pattern for pattern in right.projects or (ALL,) if is_pattern(pattern))
                    yield from ((p, right.statement) for p in patterns if overlap(p, glob))

    def _holds(self, right: Right) -> bool:
        lasts = right.until is None or right.until >= self.now.astimezone(UTC).date()
        enough = right.role >= self.case.action.needs
        return lasts and enough and belongs(self.policy, self._principal.name, right.to) is True

    def _is_known(self) -> bool:
        if self._principal.name is None:
            return True
        account = (readable(self.policy.accounts) or {}).get(self._principal.name)
        return account is not None and not account.disabled
