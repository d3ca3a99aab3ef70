"""What an operator chose for `waybill serve --policy-remote`, and the secrets, which are on no command line."""

import argparse
import shutil
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.cli import data, values
from registry.errors import Invalid, Unavailable
from registry.following import Place, State
from registry.store.address import Login, shown
from registry.store.upkeep import OLDEST, Git

GRACE = timedelta(hours=1)
INTERVAL = timedelta(minutes=1)
SHORTEST = 16  # characters of a webhook's secret
TOKEN, KEY, HOOK = "WAYBILL_POLICY_TOKEN", "WAYBILL_POLICY_SSH_KEY", "WAYBILL_POLICY_HOOK_SECRET"
_LONGEST = 16 * 2**10  # characters of a secret
_NETWORK = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "GIT_SSL_CAINFO", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an operator chose."""

    url: str
    branch: str
    interval: timedelta
    grace: timedelta
    login: Login
    hook: str | None = field(repr=False)  # secret of the webhook; None: there is none
    git: str  # where C git is


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of `waybill serve`."""
    group = parser.add_argument_group(
        "policy from a forge",
        f"Credentials come from the environment: {TOKEN} (https), {KEY} (a file, for ssh), {HOOK} (of the webhook "
        "POST /-/hooks/policy); with _FILE at the end of a name, from the file that it names.",
    )
    group.add_argument("--policy-remote", type=values.remote, metavar="URL", help="main follows this git repository")
    group.add_argument("--policy-branch", type=values.branch, default="main", help="its branch (default: %(default)s)")
    group.add_argument(
        "--policy-interval", type=values.pause, default=INTERVAL, metavar="SPAN", help="between two looks (default: 1m)"
    )
    group.add_argument(
        "--policy-grace",
        type=values.pause,
        default=GRACE,
        metavar="SPAN",
        help="until writes are refused, if what the remote has cannot be taken or asked for (default: 1h)",
    )


def chosen(options: argparse.Namespace, environment: MutableMapping[str, str]) -> Chosen | None:
    """Read what to follow; None where `main` is made here.

    Args:
        options: of the command line.
        environment: secrets are taken out of it, so that no process we start inherits them.

    Raises:
        Invalid: something of it cannot be meant.
        Unavailable: there is no C git.
    """
    token, hook = secret(environment, TOKEN), secret(environment, HOOK)
    if hook is not None and len(hook) < SHORTEST:
        raise Invalid(f"{HOOK}: at least {SHORTEST} random characters, or somebody guesses it")
    if options.policy_remote is None:
        return None
    if options.policy_grace < 2 * options.policy_interval:
        raise Invalid("--policy-grace must be twice --policy-interval or more, or any hiccup would stop uploads")
    git = shutil.which("git")
    if git is None or Git(git, options.folder).version() < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise Unavailable(f"--policy-remote needs C git {oldest} or newer; install it and start again")
    key = environment.get(KEY)
    if key is not None and not Path(key).is_file():
        raise Invalid(f"{KEY}: there is no file {key!a}")
    login = Login(token, Path(key) if key else None, {n: environment[n] for n in _NETWORK if n in environment})
    return Chosen(
        options.policy_remote, options.policy_branch, options.policy_interval, options.policy_grace, login, hook, git
    )


def begin(folder: Path, found: Chosen) -> State:
    """Let everybody know what `main` follows; of the same branch, what is known stays known.

    Returns:
        What is known.
    """
    place = Place(shown(found.url), found.branch, found.grace)
    return data.following(folder).begin(place, datetime.now(UTC))


def secret(environment: MutableMapping[str, str], name: str) -> str | None:
    """Take a secret out of the environment, or read the file that it names.

    Raises:
        Invalid: it is none, or cannot be read.
    """
    given, file = environment.pop(name, None), environment.pop(f"{name}_FILE", None)
    if given is not None and file is not None:
        raise Invalid(f"{name} and {name}_FILE are both set; set one")
    if file is not None:
        try:
            with Path(file).open(encoding="utf-8") as stream:
                given = stream.read(_LONGEST + 1).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Invalid(f"{name}_FILE: {file!a} cannot be read ({why})") from None
    if given is not None and not (0 < len(given) <= _LONGEST and given.isascii() and given.isprintable()):
        raise Invalid(f"{name}: a secret is one line of plain characters")
    return given
