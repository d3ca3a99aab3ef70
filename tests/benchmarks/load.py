"""Load by wrk: one thread on the client's core, a warm-up first, and again while the machine is disturbed."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.machine import CLIENT_CORE, on_core, undisturbed
from tests.running import CLEAN

_ALL_HEARD = 4  # seconds, in which each request of a variety was sent once, to each server that can be quick at all
# wrk prints rounded figures; its own numbers are complete.
_REPORT = """
done = function(summary, latency)
  local bad = summary.errors
  io.write(string.format('\\n{"requests":%d,"us":%d,"bytes":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), bad.status,
    bad.connect + bad.read + bad.write + bad.timeout))
end
"""
# Every page with every head, so that no two requests in a row are the same and each pair comes back rarely.
_CYCLE = """
local made, next_one = {}, 0
init = function()
  for _, head in ipairs(heads) do
    for _, path in ipairs(paths) do
      local all = {}
      for name, value in pairs(wrk.headers) do all[name] = value end
      for name, value in pairs(head) do all[name] = value end
      made[#made + 1] = wrk.format("GET", path, all)
    end
  end
end
request = function()
  next_one = next_one % #made + 1
  return made[next_one]
end
"""


@dataclass
class Load:
    """What a server did under load."""

    rate: float  # requests/s
    p50: float  # ms
    p99: float  # ms
    megabytes: float  # per second
    problem: str | None = None
    stolen: float = 0.0  # percent


@dataclass(frozen=True)
class Variety:
    """Many different requests instead of one."""

    paths: Sequence[str]
    heads: Sequence[Mapping[str, str]]


def load(
    url: str,
    headers: Mapping[str, str],
    connections: int,
    seconds: int,
    *,
    least: int = 0,
    variety: Variety | None = None,
) -> Load:
    """Ask for a page as fast as it is answered.

    Args:
        url: the page; of a variety, any page of the server.
        headers: of every request.
        connections: each waits for its answer before it asks again.
        seconds: how long, after a warm-up.
        least: bytes of the right answer; fewer are a wrong one.
        variety: asked for instead of the one page.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script(variety))
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", "--timeout", "30s", "-s", file.name]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        _wrk(command, url, max(_ALL_HEARD if variety else 1, seconds // 4), least)
        return undisturbed(lambda: _wrk(command, url, seconds, least))


def _wrk(command: list[str], url: str, seconds: int, least: int) -> Load:
    pinned = on_core(CLIENT_CORE, [*command, f"-d{seconds}s", url])
    done = subprocess.run(pinned, capture_output=True, text=True, check=False, timeout=seconds + 120, env=CLEAN)
    found = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not found:
        return Load(0, 0, 0, 0, problem=f"wrk: {(done.stdout + done.stderr).strip()[-120:]}")
    said = json.loads(found[-1])
    count, us = said["requests"], said["us"]
    problem = None
    if said["refused"] or said["broken"] or not count:
        problem = f"of {count} answers {said['refused']} were errors, {said['broken']} connections broke"
    elif said["bytes"] < count * least:
        problem = f"answers had {said['bytes'] / count:.0f} bytes, and {least} are right"
    return Load(
        rate=count / us * 1e6,
        p50=said["p50"] / 1000,
        p99=said["p99"] / 1000,
        megabytes=said["bytes"] / us,
        problem=problem,
    )


def script(variety: Variety | None) -> str:
    """Write what wrk runs."""
    return _REPORT + (_lists(variety) + _CYCLE if variety else "")


def _lists(variety: Variety) -> str:
    """Write the lists for Lua, whose quoted strings are read as JSON's for what is in ours."""
    heads = (
        "{" + ", ".join(f"[{json.dumps(k)}] = {json.dumps(v)}" for k, v in head.items()) + "}" for head in variety.heads
    )
    paths = ", ".join(map(json.dumps, variety.paths))
    return f"local paths = {{{paths}}}\nlocal heads = {{{', '.join(heads)}}}\n"


def wrk_version() -> str:
    """Tell which wrk this is."""
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False, timeout=10).stdout
    return " ".join(said.split()[:2]) if said else Path("wrk").name
