"""The forms of text that policy files use: names, addresses, identities of other systems."""

from urllib.parse import urlsplit

from registry import names
from registry.errors import Invalid
from registry.policy.shapes import Text

_NAME = "[a-z0-9][a-z0-9._-]*"
_HOST = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])"

NAME = Text("a name of lower-case ASCII letters, digits, '.', '_' and '-'", _NAME, 64)
ACCOUNT = Text(  # the log calls who runs commands on the host "operator", and must not mean a person by it
    "an account id like alice, other than everyone, anyone and operator",
    f"(?!(?:everyone|anyone|operator)$){_NAME}",
    64,
)
OWNER = Text("an account id like alice or a team like team:platform", f"(?!(?:everyone|anyone)$)(?:team:)?{_NAME}", 69)
PRINCIPAL = Text("an account id like alice, a team like team:platform, everyone or anyone", f"(?:team:)?{_NAME}", 69)
GLOB = Text("a pattern over normalised project names, like payments-*", "[a-z0-9*?-]+", 100)
PREFIX = Text("the beginning of normalised project names, like acme-payments", "[a-z0-9]+(?:-[a-z0-9]+)*", 100)
REGISTRY = Text("the name of a registry", "[a-z0-9-]+", names.LONGEST_NAME, check=names.registry_name)

LINE = Text("one line of text without spaces around it", r"\S(?:[^\n]*\S)?", 500)
EMAIL = Text("an e-mail address like alice@acme.example", r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", 254)
AUDIENCE = Text("a host name or URL without spaces", "[!-~]+", 150)  # 150: what Bitbucket accepts


def _check_url(text: str) -> None:
    """Refuse hosts and ports that only look like some: whoever takes the URL apart later could not."""
    try:
        parts = urlsplit(text)
        found = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        found = False
    if not found:
        raise Invalid("the host or port is none; write it like https://host.example:8443/path")


URL = Text(
    "a URL like https://host.example/path, without user name, password, '?' and '#'",
    rf"https?://{_HOST}(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~%!$&'()*+,;=:@/-]*)?",
    500,
    echo=False,
    check=_check_url,
)

DECIMAL = Text('a number in quotes, like "123456"', "[0-9]{1,20}", 20)
UUID = Text(
    'a UUID with braces and quotes, like "{0b2d6a52-90f5-4a4b-8b5a-3c9d5f1e7a10}"',
    r"\{[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}",
    38,
)
IDENTIFIER = Text("an id of letters, digits, '.', '_' and '-'", "[A-Za-z0-9._-]+", 100)
PATH = Text("a path like acme/payments", "[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+", 300)
WORKFLOW = Text("the name of a workflow file without folders, like release.yml", r"[A-Za-z0-9._-]+\.ya?ml", 100)
CLAIM = Text("the name of a claim", "[A-Za-z0-9._:/-]+", 200)
