"""What `waybill ci` writes, for each system and style."""

from collections.abc import Callable

from tests.ci_plugins.jobs import KNOWN
from tests.ci_plugins.runners import KEPT

URL = "https://packages.acme.example"
STYLES = [(system, style) for system in KNOWN for style in ("plain", "plugin") if style == "plain" or system in KEPT]
Command = Callable[..., tuple[int, str, str]]


def options(system: str, style: str = "plain") -> list[str]:
    """Say what is known of the pipeline."""
    known = [f"--set={key}={value}" for key, value in KNOWN[system].items()]
    return ["ci", system, "--url", URL, *known, *([f"--plugin={KEPT[system]}"] if style == "plugin" else [])]
