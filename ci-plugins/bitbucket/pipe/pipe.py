"""The pipe: reads its variables, publishes by the step's identity, and reports on the commit's page."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

DEFAULTS = {"URL": "", "REGISTRY": "python", "DIST": "dist", "CLIENT": "uv"}
# Bitbucket's own proxy signs what a pipe asks of its API; no token is needed.
PROXY = "http://host.docker.internal:29418"
API = "http://api.bitbucket.org/2.0/repositories/{BITBUCKET_REPO_FULL_NAME}/commit/{BITBUCKET_COMMIT}/reports/waybill-{BITBUCKET_BUILD_NUMBER}"


def main(environment: Mapping[str, str]) -> int:
    """Publish.

    Returns:
        The exit code.
    """
    given = {name: environment.get(name) or default for name, default in DEFAULTS.items()}
    if not given["URL"]:
        print("waybill: the pipe needs the variable URL", file=sys.stderr)
        return 2
    settings = {f"WAYBILL_{name}": value for name, value in given.items()}
    script = Path(__file__).with_name("publish.sh")
    done = subprocess.run(["sh", script], env={**environment, **settings}, check=False)
    report(environment, given, good=done.returncode == 0)
    return done.returncode


def report(environment: Mapping[str, str], given: Mapping[str, str], *, good: bool) -> None:
    """Put a report beside the commit; a missing one fails nothing."""
    index = f"{given['URL'].rstrip('/')}/{given['REGISTRY']}/simple/"
    body = {
        "title": "Waybill",
        "details": f"Published to {index}" if good else "Nothing, or not all, was published; the step's log says why.",
        "report_type": "TEST",
        "reporter": "Waybill",
        "result": "PASSED" if good else "FAILED",
        "link": index,
    }
    proxies = urllib.request.ProxyHandler({"http": environment.get("WAYBILL_BITBUCKET_PROXY", PROXY)})
    try:
        request = urllib.request.Request(
            API.format_map(environment), json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
        )
        with urllib.request.build_opener(proxies).open(request, timeout=20):
            pass
    except (OSError, KeyError) as error:
        print(f"waybill: no report on the commit's page: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(os.environ))
