"""From paths to what is checked: policies, distributions and ledgers, each with the rules that are in force for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from registry.activity import Activity
from registry.errors import Invalid, NotFound
from registry.names import RegistryName
from registry.policy.content import Files, Memory
from registry.policy.given import readable
from registry.policy.policy import Policy
from registry.policy.ruling import Ruling
from registry.store import LEDGER, POLICY, Snapshot
from registry.store.clone import Clone
from validator.engine import Plan
from validator.folder import Folder
from validator.history import acting
from validator.loading import from_folder, from_policy, shipped, together
from validator.materials.change import Proposal, change_material
from validator.materials.ledger import ledger_material
from validator.materials.publish import Destination, Parcel, publish_material
from validator.rule import Rule
from validator.selection import Selection
from validator.subject import Material

_DISTRIBUTIONS = (".whl", ".tar.gz")
_BESIDE = (".asc", ".attestation", ".sigstore", ".sigstore.json", ".gitignore")  # what tools put beside distributions


@dataclass(frozen=True)
class Wanted:
    """What the caller asks for beside the paths."""

    now: datetime
    selection: Selection = field(default_factory=Selection)
    base: str | None = None  # the revision that a change would be merged into
    head: str = "HEAD"
    author: str | None = None
    policy: Path | None = None  # of the registry that distributions are to go to
    registry: str | None = None
    rules: Sequence[Path] = ()  # further rule files
    ask: Callable[[Path], str] | None = None  # asks the registry about a file; gives its refusal, or nothing


@dataclass(frozen=True)
class Run:
    """Rules, and what they look at."""

    plan: Plan
    material: Material


def prepared(paths: Sequence[Path], wanted: Wanted, keep: ExitStack) -> list[Run]:
    """Find out what each path is, and which rules are in force for it.

    Args:
        paths: folders with a policy, wheels and sdists, folders with such.
        wanted: what else the caller asks for.
        keep: closes what must stay open as long as rules are asked.

    Raises:
        Invalid: a path is nothing that can be checked, or a rule or option is none.
        NotFound: a path or revision does not exist.
    """
    found: list[Run] = []
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path} does not exist")
        if (path / "waybill.yaml").is_file():
            found.append(_policy(path, wanted, keep))
        elif path.is_dir() and (ledger := _ledger(path, wanted, keep)):
            found += ledger
        else:
            files += _distributions(path)
    if files:
        found.append(_files(list(dict.fromkeys(files)), wanted))
    return found


def _distributions(path: Path) -> Iterator[Path]:
    """List the wheels and sdists that a path means."""
    if path.is_dir():
        below = sorted(one for one in path.iterdir() if one.name.endswith(_DISTRIBUTIONS))
        if not below:
            raise Invalid(f"{path} is no policy (it has no waybill.yaml), and holds no wheel or sdist")
        yield from below
    elif path.name.endswith(_DISTRIBUTIONS):
        yield path
    elif not path.name.endswith(_BESIDE):
        raise Invalid(f"{path} is neither a wheel (.whl), nor an sdist (.tar.gz), nor a folder with a policy")


def _policy(path: Path, wanted: Wanted, keep: ExitStack) -> Run:
    """Check a policy as it lies there; with a base, what merging the commit would make of it."""
    root = "" if path == Path() else str(path)
    if wanted.base is None:
        files = Folder(path)
        policy = Policy(files)
        return Run(_plan(files, policy, wanted), change_material(policy, wanted.now, root=root))
    clone = keep.enter_context(closing(Clone(path)))
    base, head = clone.merged(clone.resolve(wanted.base), clone.resolve(wanted.head))
    if base.entry("waybill.yaml") is None:
        raise Invalid(f"{path} is not the top of its git repository, or {wanted.base} has no waybill.yaml there")
    memory = Memory()
    before, after = Policy(base, memory), Policy(head, memory)
    proposal = Proposal(before, after, wanted.author, wanted.now)
    material = change_material(after, wanted.now, proposal, root)
    # Whoever proposes a change cannot choose the rules it is judged by.
    return Run(_plan(base, before, wanted), material)


def _ledger(path: Path, wanted: Wanted, keep: ExitStack) -> list[Run] | None:
    """Check a clone of the ledger, and the policy too where the clone is a bare one; None where it is none."""
    try:
        clone = keep.enter_context(closing(Clone(path)))
    except (NotFound, Invalid):
        return None
    main, newest = (_branch(clone, name) for name in (POLICY, LEDGER))
    if newest is None:
        head = _branch(clone, "HEAD")
        newest = head if head and head.entry(".gitattributes") and not head.entry("waybill.yaml") else None
    if newest is None or not (path / ".gitattributes").exists() | (path / "objects").is_dir():
        return None
    policy = Policy(main) if main else None
    material = ledger_material(clone, path, newest, policy, wanted.now)
    found = [Run(_plan(main, policy, wanted), material)]
    if policy and (path / "objects").is_dir():
        known = Activity(newest, acting(path, newest.id))
        found.append(Run(_plan(main, policy, wanted), change_material(policy, wanted.now, activity=known)))
    return found


def _branch(clone: Clone, name: str) -> Snapshot | None:
    for one in (name, f"origin/{name}"):
        try:
            return clone.snapshot(clone.resolve(one))
        except (NotFound, Invalid):
            continue
    return None


def _files(paths: Sequence[Path], wanted: Wanted) -> Run:
    parcels = [Parcel.of(path, ask=wanted.ask) for path in paths]
    if wanted.policy is None:
        return Run(_plan(None, None, wanted), publish_material(parcels, wanted.now))
    files = Folder(wanted.policy)
    policy = Policy(files)
    destination = Destination(policy, _registry(policy, wanted.registry))
    return Run(_plan(files, policy, wanted), publish_material(parcels, wanted.now, destination))


def _registry(policy: Policy, name: str | None) -> RegistryName:
    """Find the registry that files go to: the one that is named, or the only one that takes any."""
    known = [one for one in policy.registries() if (found := readable(policy.registry, one)) and found.kind == "source"]
    if name is None and len(known) == 1:
        return known[0]
    if name in known:
        return RegistryName(name)
    raise Invalid(f"--registry: name one of {', '.join(known) or 'those that take uploads; there is none'}")


def _plan(files: Files | None, policy: Policy | None, wanted: Wanted) -> Plan:
    organization = readable(policy.organization) if policy else None
    own = from_policy(files) if files else []
    further = [rule for path in wanted.rules for rule in _further(path)]
    rules = together(shipped(), own, further)
    return Plan.of(rules, organization.rules if organization else Ruling(), wanted.selection, wanted.now.date())


def _further(path: Path) -> list[Rule]:
    if path.is_dir():
        return from_folder(path)
    return from_folder(path.parent, str(path))
