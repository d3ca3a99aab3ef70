"""What the ledger keeps of a change as long as it is open: who pushed to it, who approved it, and what of it."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from registry.records import canonical, damaged, moment, parsed, timestamp


@dataclass(frozen=True, slots=True)
class Push:
    """Somebody made a commit the newest of the change's branch."""

    by: str
    token: str | None
    at: datetime
    commit: str


@dataclass(frozen=True, slots=True)
class Approved:
    """Somebody agreed to one content on top of one policy; it counts for nothing else."""

    by: str
    token: str | None
    at: datetime
    base: str  # the commit of branch main
    tree: str  # the git tree that main is to have


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """The operator merged it without the approvals it needs; they are still to be given."""

    reason: str
    at: datetime
    base: str
    commit: str  # of branch main


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One open change."""

    name: str
    pushes: tuple[Push, ...] = ()
    approvals: tuple[Approved, ...] = ()
    broken_glass: BrokenGlass | None = None

    def pushed(self, push: Push) -> "ChangeRecord":
        """Add a push, unless the last one says the same; nobody has approved what it brings, be it only other words."""
        last = self.pushes[-1] if self.pushes else None
        same = last and (last.by, last.commit) == (push.by, push.commit)
        return self if same else replace(self, pushes=(*self.pushes, push), approvals=())

    def author(self, commit: str) -> str | None:
        """Tell who made a commit the newest of the branch; None where nobody is known to have."""
        return next((push.by for push in reversed(self.pushes) if push.commit == commit), None)


def record_path(name: str) -> str:
    """Tell where a change's record lies in the ledger."""
    return f"changes/{name}.json"


def change_record(record: ChangeRecord) -> bytes:
    """Write `changes/<name>.json`."""
    return canonical(
        {
            "name": record.name,
            "pushes": [_written(push) for push in record.pushes],
            "approvals": [_written(approved) for approved in record.approvals],
            "broken-glass": _written(record.broken_glass) if record.broken_glass else None,
        }
    )


def read_change_record(text: bytes) -> ChangeRecord:
    """Read what `change_record` wrote.

    Raises:
        Unavailable: the ledger was damaged.
    """
    record = parsed(text, "change record")
    try:
        glass = record["broken-glass"]
        return ChangeRecord(
            record["name"],
            tuple(Push(**_read(push)) for push in record["pushes"]),
            tuple(Approved(**_read(approved)) for approved in record["approvals"]),
            BrokenGlass(**_read(glass)) if glass else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged("change record", error) from None


def _written(entry: Push | Approved | BrokenGlass) -> dict[str, Any]:
    return {**asdict(entry), "at": timestamp(entry.at)}


def _read(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "at": moment(entry["at"])}
