"""Which events of the ledger somebody asks for, and whether one is among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from registry.marks import run_of
from registry.model import Event
from registry.names import ProjectName, RegistryName, same_version


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events of the ledger to show; None asks for all."""

    registry: RegistryName | None = None
    project: ProjectName | None = None
    version: str | None = None
    pipeline: str | None = None  # that published, promoted, yanked, deleted or restored
    repository: str | None = None  # its URL, the end of it, or its immutable id such as github:123456
    commit: str | None = None  # of the sources, or its beginning
    since: datetime | None = None
    until: datetime | None = None
    declared: bool = False  # also by what was not proven of these three, but only resolved or declared

    @property
    def facts(self) -> dict[str, str]:
        """What a wanted event states for sure, by the trailer that states it."""
        named: dict[str, str | None] = {"Registry": self.registry, "Project": self.project, "Version": self.version}
        if not self.declared:
            by_id = self.repository is not None and _is_id(self.repository)
            named |= {"Pipeline": self.pipeline, "Commit": self.commit}
            named |= {"Repository": None if by_id else self.repository}
        return {name: value for name, value in named.items() if value is not None}

    def matches(self, event: Event) -> bool:
        """Tell whether an event is among them."""
        facts = event.facts
        exact = (("Registry", self.registry), ("Project", self.project))
        if any(wanted is not None and facts.get(name) != wanted for name, wanted in exact):
            return False
        if self.version is not None and not same_version(facts.get("Version", ""), self.version):
            return False
        return (
            (self.pipeline is None or self.is_by_run(facts) or self.is_run(facts.get("Promoter-Pipeline")))
            and (self.commit is None or any(said.startswith(self.commit) for said in self._said(facts, "Commit")))
            and (self.repository is None or self._is_repository(facts, self.repository))
        )

    def is_by_run(self, facts: Mapping[str, str]) -> bool:
        """Tell whether an event is of the pipeline itself, and not only of what another one made and it promoted."""
        return any(self.is_run(said) for said in self._said(facts, "Pipeline"))

    def is_run(self, said: str | None) -> bool:
        """Tell whether the pipeline is meant: exactly, or by the address of its run, which has no attempt in it."""
        wanted = (self.pipeline or "").rstrip("/")
        return said is not None and wanted in {said.rstrip("/"), run_of(said)}

    def _said(self, facts: Mapping[str, str], name: str) -> list[str]:
        """Give what is said of one fact: what was verified, and where that is asked for, what was not."""
        names = (name, f"Resolved-{name}", f"Declared-{name}") if self.declared else (name,)
        return [facts[each] for each in names if each in facts]

    def _is_repository(self, facts: Mapping[str, str], wanted: str) -> bool:
        if _is_id(wanted):
            return facts.get("Repository-Id") == wanted
        return any(url == wanted or url.endswith(f"/{wanted}") for url in self._said(facts, "Repository"))


def _is_id(repository: str) -> bool:
    """Tell an immutable id, such as github:123456, from a name or URL."""
    return ":" in repository and "//" not in repository
