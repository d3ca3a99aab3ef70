"""What is peculiar about a distribution, from filename and metadata alone: both stay in the ledger."""

import re

from registry.archives.fields import Fields
from registry.archives.members import shown
from registry.archives.standard import dependencies
from registry.names import Distribution

_LINUX = re.compile(r"linux_\w+", re.ASCII)
# Those that PyPI takes: what pip can ask for on the systems that CPython supports, and two boards older than manylinux.
_COMMON = re.compile(
    r"any|win32|win_(?:amd64|arm64|ia64)|macosx_\d+_\d+_\w+|ios_\d+_\d+_\w+|android_\d+_\w+"
    r"|manylinux(?:1|2010|2014|_\d+_\d+)_\w+|musllinux_\d+_\d+_\w+|linux_armv[67]l|py(?:odide|emscripten)_\d+_\d+_wasm32",
    re.ASCII,
)


def peculiarities(dist: Distribution, fields: Fields) -> dict[str, str]:
    """Find what PyPI would refuse and a private registry may accept.

    Args:
        dist: what the filename says.
        fields: the metadata.

    Returns:
        Of the words of `PECULIARITIES` those that hold, each with what it is about, as a message begins with it.

    Raises:
        Invalid: a dependency is none.
    """
    found: dict[str, str] = {}
    if "+" in dist.version:
        found["local-versions"] = f"Version {dist.version} has a local part"
    if dist.kind == "wheel":
        for platform in dist.filename.removesuffix(".whl").rpartition("-")[2].split("."):
            if not _COMMON.fullmatch(platform):
                word = "linux-tags" if _LINUX.fullmatch(platform) else "other-tags"
                found[word] = f"Platform tag '{platform}' is not one that PyPI knows"
    for text, url in dependencies(fields):
        if url:
            found["direct-urls"] = f"Dependency {shown(text)} is a URL"
    for classifier in fields.all("Classifier"):
        if classifier.lower().startswith("private ::"):
            found["private-classifiers"] = f"Classifier {shown(classifier)} keeps a package private"
    return found
