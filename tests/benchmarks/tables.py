"""What was measured, as tables: one row per question, one column per server, and whether Waybill meets its target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WAYBILL, NGINX = "waybill", "nginx"
BEST_PEER = "best peer"
_LESS_IS_BETTER = {"ms", "s", "MB"}


@dataclass
class Cell:
    """One server's answer to one question."""

    value: float | None = None
    detail: str = ""
    problem: str | None = None
    stolen: float = 0.0  # percent of the machine's time, meanwhile

    def text(self, unit: str) -> str:
        """Write it for people; what is wrong is said beside the figure, and without a figure instead of it."""
        if self.value is None:
            return f"not measured: {self.problem}"
        shown = _figure(self.value, unit) + (f" ({self.detail})" if self.detail else "")
        return f"{shown} **WRONG: {self.problem}**" if self.problem else shown


@dataclass(frozen=True)
class Target:
    """What Waybill must reach: a factor of another server's value, of its own in another row, or a plain value."""

    factor: float
    server: str = ""
    row: str = ""

    def text(self, unit: str) -> str:
        """Write it for people."""
        sign = "≤" if unit in _LESS_IS_BETTER else "≥"
        if self.row:
            return f"{sign} {self.factor:g} x '{self.row}'"
        return f"{sign} {self.factor:g} x {self.server}" if self.server else f"{sign} {self.factor:g} {unit}"


@dataclass
class Row:
    """One question to all servers."""

    what: str
    unit: str
    targets: tuple[Target, ...] = ()
    cells: dict[str, Cell] = field(default_factory=dict)

    def value(self, server: str) -> float | None:
        """Give a server's figure; a wrong one is none."""
        if server == BEST_PEER:
            found = [v for name in self.cells if name not in {WAYBILL, NGINX} and (v := self.value(name)) is not None]
            return (min(found) if self.unit in _LESS_IS_BETTER else max(found)) if found else None
        cell = self.cells.get(server)
        return cell.value if cell and not cell.problem else None

    def verdict(self, target: Target, others: Mapping[str, "Row"]) -> str:
        """Tell whether Waybill meets a target, or why nobody can tell."""
        own = self.value(WAYBILL)
        if own is None:
            return "**missed**: no right figure"
        against: float | None = 1.0
        if target.row:
            against = others[target.row].value(WAYBILL) if target.row in others else None
        elif target.server:
            against = self.value(target.server)
        if not against:
            return "not judged: nothing to compare with"
        ratio = own / against
        met = ratio <= target.factor if self.unit in _LESS_IS_BETTER else ratio >= target.factor
        return "met" if met else "**missed**"


def table(theme: str, rows: Sequence[Row], servers: Sequence[str]) -> str:
    """Write one theme as Markdown."""
    asked = [name for name in servers if any(name in row.cells for row in rows)]
    head = [theme, "unit", *asked, "x nginx", "x best peer", "target of Waybill"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    others = {row.what: row for row in rows}
    for row in rows:
        cells = [row.cells[name].text(row.unit) if name in row.cells else "" for name in asked]
        judged = (f"{target.text(row.unit)}: {row.verdict(target, others)}" for target in row.targets)
        ratios = [_ratio(row, NGINX), _ratio(row, BEST_PEER)]
        lines.append("| " + " | ".join([row.what, row.unit, *cells, *ratios, "; ".join(judged)]) + " |")
    return "\n".join(lines) + "\n"


def _ratio(row: Row, server: str) -> str:
    own, other = row.value(WAYBILL), row.value(server)
    return f"{own / other:.3g}" if own is not None and other else ""


def _figure(value: float, unit: str) -> str:
    if unit in {"s", "ms"}:
        return f"{value:.2f}" if value < 100 else f"{value:,.0f}"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
