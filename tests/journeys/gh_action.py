"""What the GitHub action for publishing does, step by step: audience, identity token, upload token, twine.

It is given the repository URL and, where it stands for an old release of the action, the path at which that exchanges
tokens. As the action, it waits five seconds for each answer.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import id as identity

PATIENCE = 5


def main(repository: str, path: str = "/_/oidc/mint-token") -> int:
    """Exchange and upload; give twine's exit code."""
    host = f"https://{urlsplit(repository).netloc}"
    with urlopen(f"{host}/_/oidc/audience", timeout=PATIENCE) as answer:
        audience = json.loads(answer.read())["audience"]
    token = identity.detect_credential(audience)
    assert token, "no identity token here"
    headers = {"Content-Type": "application/json"}
    try:
        exchange = Request(f"{host}{path}", json.dumps({"token": token}).encode(), headers)
        with urlopen(exchange, timeout=PATIENCE) as answer:
            minted = json.loads(answer.read())["token"]
    except HTTPError as error:
        with error:
            for reason in json.loads(error.read())["errors"]:
                sys.stderr.write(f"* `{reason['code']}`: {reason['description']}\n")
        return 1
    command = [str(Path(sys.executable).parent / "twine"), "upload", "--verbose", "--non-interactive"]
    env = {**os.environ, "TWINE_USERNAME": "__token__", "TWINE_PASSWORD": minted, "TWINE_REPOSITORY_URL": repository}
    return subprocess.run([*command, *map(str, sorted(Path("dist").iterdir()))], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
