"""The rules of the validator, as an installation asks them; loaded when a policy first selects some."""

from datetime import datetime

from registry.checking import Arrival
from registry.policy.files import Problem
from registry.policy.policy import Policy


class Rules:
    """A checker that costs nothing where no rule is asked (see the port)."""

    def __init__(self, own: str | None = None) -> None:
        """Take the interpreter for the organization's own rules; None: they are not asked."""
        self._own = own

    def upload(self, policy: Policy, arrival: Arrival, now: datetime) -> tuple[str, ...]:
        """Give the sentences of the rules that refuse a file (see the port)."""
        from validator.serving import Rules as Loaded  # noqa: PLC0415 - half the start of every command

        return Loaded(self._own).upload(policy, arrival, now)

    def change(self, before: Policy, after: Policy, author: str | None, now: datetime) -> tuple[Problem, ...]:
        """List what the rules do not let a change do (see the port)."""
        from validator.serving import Rules as Loaded  # noqa: PLC0415 - as above

        return Loaded(self._own).change(before, after, author, now)
