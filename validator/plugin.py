"""pytest --waybill=PATH: every rule on every subject is an item, beside the tests that are there.

pytest loads this file wherever Waybill is installed, so what costs time is imported only when the option is given.
"""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from validator.builders import Builders
    from validator.checking import Run
    from validator.rule import Rule
    from validator.subject import Subject
    from validator.verdict import Verdict

_MARKS = ("error", "warning", "publish", "change", "ledger")


class RuleWarning(UserWarning):
    """A rule of severity warning does not hold; `-W error::validator.plugin.RuleWarning` makes that a failure."""


class RuleFailed(AssertionError):
    """A rule does not hold."""

    def __init__(self, verdict: "Verdict") -> None:
        super().__init__(verdict.words)
        self.verdict = verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("waybill", "rules of the Waybill validator")
    add = group.addoption
    add("--waybill", metavar="PATH", action="append", default=[], help="a policy, or wheels and sdists; repeatable")
    add("--waybill-base", metavar="REV", help="judge what merging HEAD into it would make of the policy")
    add("--waybill-author", metavar="PERSON", help="who proposes that: an id of people.yaml")
    add("--waybill-policy", metavar="DIR", help="the policy that says what distributions must be")
    add("--waybill-registry", metavar="R", help="where distributions are to go, if there are several")


def pytest_configure(config: pytest.Config) -> None:
    """Register marks, let the rules' own tests see what asserts saw, and collect where the policy is."""
    paths = [Path(path) for path in config.getoption("waybill")]
    for mark in _MARKS if paths else ():
        config.addinivalue_line("markers", f"{mark}: of the rules of the Waybill validator")
    for path in paths:
        from validator.modules import is_module  # noqa: PLC0415

        stems = [file.stem for file in (path / "rules").glob("*.py") if is_module(file.stem)]
        if stems:
            pytest.register_assert_rewrite(*stems)
    here = config.invocation_params.dir.resolve()
    if paths and config.args_source is not config.ArgsSource.ARGS and here not in [path.resolve() for path in paths]:
        config.args = [str(path) for path in paths if path.is_dir()]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the items of the rules, before -k and -m choose."""
    if config.getoption("waybill"):
        found: list[pytest.Item | pytest.Collector] = list(_collected(session, config))
        items.extend(item for item in found if isinstance(item, pytest.Item))
        report = pytest.CollectReport("waybill", "passed", None, found)
        config.hook.pytest_collectreport(report=report)  # the terminal counts them


@pytest.fixture
def waybill(tmp_path: Path) -> "Iterator[Builders]":
    """Builders of wheels, sdists, policies and changes, and the question to a rule."""
    from validator.builders import Builders  # noqa: PLC0415

    builders = Builders(tmp_path)
    with builders.keep:
        yield builders


class Checked(pytest.Collector):
    """What a path of --waybill stands for."""

    def collect(self) -> list[pytest.Item]:
        """Give nothing: items are added when everything else is collected."""
        return []


class RuleItem(pytest.Item):
    """One rule on one subject."""

    def __init__(self, *, one: "Run", rule: "Rule", subject: "Subject", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.one, self.rule, self.subject = one, rule, subject
        self.verdict: Verdict | None = None
        for word in sorted(rule.words):
            self.add_marker(getattr(pytest.mark, word))

    def runtest(self) -> None:
        """Ask the rule; the verdict is that of `waybill check`, and its outcome is also a property of the report."""
        from validator.engine import ask, located  # noqa: PLC0415
        from validator.rule import Severity  # noqa: PLC0415
        from validator.verdict import Outcome  # noqa: PLC0415

        found = located(ask(self.one.plan, self.rule, self.subject), self.one.material)
        self.verdict = found
        self.user_properties.append(("waybill", "waived" if found.waiver else found.outcome.value))
        if found.outcome is Outcome.CRASHED:
            raise RuleFailed(found) from found.error
        if found.outcome is Outcome.ABSENT:
            raise pytest.skip.Exception(f"not applicable: {found.text}", _use_item_location=True)
        if found.outcome is Outcome.SKIPPED:
            raise pytest.skip.Exception(found.text, _use_item_location=True)
        if found.waiver:
            pytest.xfail(f"waived until {found.waiver.until} by {found.waiver.owner}: {found.waiver.reason}")
        if found.outcome is Outcome.FAILED and found.severity is Severity.WARNING:
            warnings.warn_explicit(RuleWarning(f"{found.place}: {found.words}"), None, self.rule.file, self.rule.line)
        elif found.outcome is Outcome.FAILED:
            raise RuleFailed(found)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say what does not hold, where, and what the assert saw."""
        if not isinstance(excinfo.value, RuleFailed):
            return super().repr_failure(excinfo, style)
        found = excinfo.value.verdict
        lines = [found.words, f"  {found.place}" if found.place else "", f"  {self.rule.title}"]
        lines += [f"    {line}" for line in found.values]
        return "\n".join([*filter(None, lines), f"\n{self.rule.file}:{self.rule.line}: {self.rule.code}"])

    def reportinfo(self) -> tuple[Path | str, int | None, str]:
        """Point at the subject."""
        root = Path(self.one.material.root)
        where = root / self.subject.file if self.subject.file else root
        return self.config.invocation_params.dir / where, max(self.subject.line - 1, 0), self.name


def _collected(session: pytest.Session, config: pytest.Config) -> Iterator[RuleItem]:
    from registry.errors import WaybillError  # noqa: PLC0415
    from validator.checking import prepared  # noqa: PLC0415
    from validator.engine import items  # noqa: PLC0415
    from validator.verdict import item_id  # noqa: PLC0415

    keep = ExitStack()
    config.add_cleanup(keep.close)
    try:
        runs = prepared([Path(path) for path in config.getoption("waybill")], _wanted(config), keep)
    except WaybillError as error:
        raise pytest.UsageError(f"--waybill: {error}") from None
    for one in runs:
        name = one.material.root or one.material.title
        parent = Checked.from_parent(session, name=name, nodeid=name)
        for rule, subject in items(one.plan, one.material):
            for word in rule.marks | {rule.family.lower()}:
                config.addinivalue_line("markers", f"{word}: of a rule")
            yield RuleItem.from_parent(parent, name=item_id(rule, subject), one=one, rule=rule, subject=subject)


def _wanted(config: pytest.Config) -> Any:
    from datetime import UTC, datetime  # noqa: PLC0415

    from validator.checking import Wanted  # noqa: PLC0415

    policy = config.getoption("waybill_policy")
    return Wanted(
        now=datetime.now(UTC),
        base=config.getoption("waybill_base"),
        author=config.getoption("waybill_author"),
        policy=Path(policy) if policy else None,
        registry=config.getoption("waybill_registry"),
    )
