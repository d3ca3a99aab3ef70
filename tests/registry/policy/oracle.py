"""An independent judge of changes: slow, without patterns of its own, by asking for every person, name and day.

It shares no code with `registry/policy`. Its policies are plain values, rendered to files only for the code under test.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

ROLES = ("read", "publish", "write", "admin")
NEEDS = {"read": 0, "publish": 1, "yank": 2, "delete": 2, "administer": 3}
REGISTRY = "registries/python/registry.yaml"
FRESH = ("zz-new", "pay-new")  # names that no statement has


@dataclass(frozen=True)
class Grant:
    role: str
    to: tuple[str, ...]
    projects: tuple[str, ...] = ()
    until: str | None = None

    def __str__(self) -> str:
        said = {"role": self.role, "to": self.to, "projects": self.projects, "until": self.until}
        return json.dumps({key: value for key, value in said.items() if value})


@dataclass(frozen=True)
class World:
    """A policy of one registry."""

    approvals: int = 1
    frozen: bool = False
    admins: tuple[str, ...] = ("alice", "adam", "team:root")
    people: dict[str, str] = field(default_factory=dict)  # "", "disabled", or who answers for the service account
    teams: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)  # members, maintainers
    owners: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    projects: dict[str, tuple[Grant, ...]] = field(default_factory=dict)

    def files(self) -> dict[str, str]:
        review = {"approvals": self.approvals, "most_removed": 100}
        top = {"organization": "acme", "admins": self.admins, "frozen": self.frozen, "review": review}
        people = {
            n: {"disabled": True} if s == "disabled" else {"service": True, "owner": s} if s else {}
            for n, s in self.people.items()
        }
        files = {"waybill.yaml": json.dumps(top), "people.yaml": json.dumps(people)}
        for name, (members, maintainers) in self.teams.items():
            files[f"teams/{name}.yaml"] = json.dumps({"members": members, "maintainers": maintainers})
        listed = ", ".join(map(str, self.grants))
        files[REGISTRY] = f'{{"projects": "open", "owners": {json.dumps(self.owners)}, "grants": [{listed}]}}'
        for name, grants in self.projects.items():
            files[project_file(name)] = f'{{"grants": [{", ".join(map(str, grants))}]}}'
        return files

    # --- who is who ---

    def alive(self, name: str) -> bool:
        return self.people.get(name, "disabled") != "disabled"

    def person(self, name: str) -> bool:
        return self.people.get(name, "disabled") == ""

    def meant(self, entries: tuple[str, ...]) -> set[str]:
        found: set[str] = set()
        for entry in entries:
            if entry == "everyone":
                found |= set(self.people)
            elif entry.startswith("team:"):
                found |= set(self.teams.get(entry[5:], ((), ()))[0])
            else:
                found.add(entry)
        return {name for name in found if self.alive(name)}

    def behind(self, name: str) -> set[str]:
        """The people whose hands an account is."""
        state = self.people.get(name, "")
        if state in ("", "disabled"):
            return {name}
        return {person for person in self.meant((state,)) if self.person(person)}

    # --- what holds ---

    def role(self, who: str, project: str, day: dt.date) -> int:
        """The highest role, -1 for none."""
        best = -1
        for grant in (*self.grants, *self.projects.get(project, ())):
            lasts = grant.until is None or dt.date.fromisoformat(grant.until) >= day
            fits = not grant.projects or any(fnmatchcase(project, glob) for glob in grant.projects)
            if lasts and fits and who in self.meant(grant.to):
                best = max(best, ROLES.index(grant.role))
        return 3 if who in self.meant((*self.owners, *self.admins)) else best

    def may(self, who: str, action: str, project: str, day: dt.date) -> bool:
        return self.role(who, project, day) >= NEEDS[action] and (action == "read" or not self.frozen)

    def root(self) -> set[str]:
        return {name for name in self.meant(self.admins) if self.person(name)}

    def owns(self, who: str, path: str, day: dt.date) -> bool:
        """Whether somebody may approve a change of a file."""
        if not self.person(who):
            return False
        if who in self.root():
            return True
        if path.startswith("teams/"):
            return who in self.teams.get(path[6:-5], ((), ()))[1]
        if path == REGISTRY:
            return who in self.meant(self.owners)
        if path.startswith("registries/"):
            return self.role(who, path.rsplit("/", maxsplit=1)[-1][:-5], day) == 3
        return False

    def powers(self, who: str, paths: set[str], names: set[str], days: list[dt.date]) -> set[tuple[object, ...]]:
        """Everything a person can do or approve, themselves or by the machines they answer for, on each day."""
        found: set[tuple[object, ...]] = set()
        hands = [name for name in self.people if self.alive(name) and who in self.behind(name)]
        for day in days:
            for hand in hands:
                found |= {(day, name, role) for name in names for role in range(self.role(hand, name, day) + 1)}
            found |= {(day, path) for path in paths if self.owns(who, path, day)}
        return found


def project_file(name: str) -> str:
    return f"registries/python/projects/{name}.yaml"


def days_that_matter(worlds: tuple[World, World], today: dt.date) -> list[dt.date]:
    """Today, and the day after each end of a grant."""
    ends = {g.until for w in worlds for grants in (w.grants, *w.projects.values()) for g in grants if g.until}
    return sorted(
        {today, *(dt.date.fromisoformat(end) + dt.timedelta(1) for end in ends if dt.date.fromisoformat(end) >= today)}
    )


@dataclass(frozen=True)
class Change:
    """A step from one world to another, and who wants it."""

    before: World
    after: World
    author: str
    pushers: frozenset[str]
    today: dt.date

    def touched(self) -> set[str]:
        old, new = self.before.files(), self.after.files()
        return {path for path in {*old, *new} if old.get(path) != new.get(path)}

    def shifted(self) -> Iterator[tuple[str, bool, bool]]:
        """For every person: whether they gain, and whether they lose."""
        paths = {*self.before.files(), *self.after.files()}
        names = {*self.before.projects, *self.after.projects, *FRESH}
        days = days_that_matter((self.before, self.after), self.today)
        for who in {*self.before.people, *self.after.people}:
            old, new = (world.powers(who, paths, names, days) for world in (self.before, self.after))
            yield who, bool(new - old), bool(old - new)

    def may_pass(self, approvers: set[str]) -> bool:
        """Whether it may become the policy with these people's agreement: a promise that nothing worse ever does."""
        moves = list(self.shifted())
        gainers = {who for who, gains, _ in moves if gains}
        hands = {self.author, *self.pushers}
        if hands == {self.author} and not gainers and {who for who, _, loses in moves if loses} == {self.author}:
            return True
        involved = gainers | {person for hand in hands for person in self.before.behind(hand)}
        fit = approvers - involved
        alone_allowed = self.before.approvals == 0 or replace(self.before, frozen=True) == self.after
        touched = self.touched() or {"waybill.yaml"}  # what changes nothing is for the admins
        for path in touched:
            alone = alone_allowed and not hands & gainers and all(self.before.owns(h, path, self.today) for h in hands)
            if not alone and not any(self.before.owns(who, path, self.today) for who in fit):
                return False
        voices = {who for who in fit if any(self.before.owns(who, path, self.today) for path in touched)}
        return alone_allowed or len(voices) >= self.before.approvals
