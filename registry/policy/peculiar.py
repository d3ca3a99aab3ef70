"""What PyPI refuses and private packages may well be: each registry says which of it it accepts.

Other private registries refuse none of it, and what only one's own house sees harms nobody: it is accepted where a
registry says nothing. Dependencies by URL are not: what they install comes past the registry, where no right, yank or
log reaches it, and uv installs no release that has one.
"""

from collections.abc import Mapping

PECULIARITIES: Mapping[str, str] = {
    "local-versions": "versions with a local part, such as 1.0+acme.1",
    "linux-tags": "wheels for linux_x86_64 and the like, which promise nothing about other machines",
    "other-tags": "wheels for platforms that PyPI does not know, such as freebsd",
    "private-classifiers": "classifiers that begin with Private ::, made to keep a package out of PyPI",
    "direct-urls": "dependencies that are URLs instead of versions",
    "stdlib-names": "new projects named like a module of the standard library",
}
USUAL = tuple(word for word in PECULIARITIES if word != "direct-urls")
