"""What the policy says about the validator's rules: which run, with which settings, and what is let be until when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Waiver:
    """A failure that somebody answers for until a day."""

    rule: str  # a code, a beginning of one, or a name
    where: tuple[str, ...]  # globs over files, and over what is checked
    owner: str  # an account id or team:<name>
    reason: str
    until: date  # the last day, UTC
    place: str  # where it is written, as file:line

    @property
    def terms(self) -> tuple[object, ...]:
        """What is let be, wherever that is written."""
        return self.rule, self.where, self.owner, self.reason, self.until

    @property
    def said(self) -> str:
        """What a reviewer reads."""
        return f"{', '.join(self.where)} until {self.until}, by {self.owner}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """`rules` of `waybill.yaml`."""

    select: tuple[str, ...] = ()  # beginnings of codes, or names; empty: all
    ignore: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, str | int | bool]] = field(default_factory=dict)  # by code
    waivers: tuple[Waiver, ...] = ()
    upload: tuple[str, ...] = ()  # those that uploads are refused by; empty: none
    change: tuple[str, ...] = ()  # those that changes of the policy are refused by; empty: none
