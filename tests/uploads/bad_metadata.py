"""Metadata that no registry may take: what contradicts the filename, and what clients read in different ways."""

from collections.abc import Callable

from tests import archives
from tests.uploads.grammar import Make, Upload


def sent(make: Make, metadata: bytes) -> Upload:
    return make.form(make.either(metadata=metadata))


def good(make: Make, *headers: str) -> bytes:
    return archives.core_metadata(make.name, make.version, headers=headers, body="A readme.\n")


def other_identity(make: Make) -> Upload:
    text = good(make)
    name, version = make.name.encode(), make.version.encode()
    before, after = make.r.choice(
        [
            (b"Name: " + name, b"Name: other"),
            (b"Name: " + name, b"Name: " + name + b"-x"),
            (b"Name: " + name, b"Name: "),
            (b"\nVersion: " + version, b"\nVersion: 9.9.9"),
            (b"\nVersion: " + version, b"\nVersion: " + version + b".1"),
            (b"\nVersion: " + version, b"\nVersion: dog"),
            (b"\nVersion: " + version, b"\nVersion: 7!" + version.rpartition(b"!")[2]),
            (b"\nVersion: " + version, b""),
            (b"Name: " + name + b"\n", b""),
            (b"Name: " + name, b"Name: " + name.replace(b"e", "\u0435".encode()) + "\u0430".encode()),
            (b"\nVersion: " + version, "\nVersion: \u0661.\u0660".encode()),
            (b"Name: " + name, b"Name: ../" + name),
        ]
    )
    assert before in text
    return sent(make, text.replace(before, after, 1))


def twice(make: Make) -> Upload:
    field = make.one(
        "Name", "Version", "Metadata-Version", "Requires-Python", "Summary", "License", "Author-email", "Home-page"
    )
    values = {"Name": make.name, "Version": make.version, "Metadata-Version": "2.4", "Requires-Python": ">=3.9"}
    value = values.get(field, "same")
    spelled = make.one(field, field.lower(), field.upper())
    return sent(make, good(make, f"{field}: {value}", f"{spelled}: {value}"))


def smuggled(make: Make) -> Upload:
    """Hide a field from some readers."""
    text = good(make)
    evil = make.one("Requires-Dist: evil", "Name: other", "Requires-Python: <3", "Home-page: x").encode()
    first = b"Metadata-Version: 2.4\n"
    return sent(
        make,
        make.r.choice(
            [
                text.replace(b"\n", b"\r" + evil + b"\n", 1),
                text.replace(b"\n", b"\rX: y\n", 1),
                text.replace(b"\n", b"\0\n", 1),
                text.replace(first, first + b"X: a\0" + evil + b"\n"),
                text.replace(first, first + b"From me\n"),
                b"From me\n" + text,
                text.replace(first, first + evil.replace(b":", b" :") + b"\n"),
                b"\xef\xbb\xbf" + text,
                b" " + evil + b"\n" + text,
                text.replace(first, first + b"no field\n"),
                text.replace(first, first + b":" + evil + b"\n"),
                text.decode().encode("utf-16"),
                text.replace(first, first + b"Summary: caf\xe9\n"),
                b"\n" + text,
                b"\r\n" + text,
                text.replace(b": ", b":\x0b", 1),
                b"",
                b"\n\n",
                make.noise(),
            ]
        ),
    )


def no_standard(make: Make) -> Upload:
    digits = "9" * make.r.randrange(4300, 9000)
    header = make.one(
        "Requires-Dist: a b",
        "Requires-Dist: ",
        "Requires-Dist: >=1",
        "Requires-Dist: a; python_version",
        f"Requires-Dist: a=={digits}",
        "Requires-Dist: a; " + "(" * 3000,
        "Requires-Dist: a[",
        "Requires-Dist: a >= ",
        "Requires-Dist: ../a",
        "Requires-Dist: a==1.*.1",
        "Requires-Python: snake",
        "Requires-Python: 3",
        f"Requires-Python: >={digits}",
        "Requires-Python: >=3\x07",
        "Provides-Extra: a b",
        "Provides-Extra: ",
        "Provides-Extra: ../x",
        "Dynamic: Name",
        "Dynamic: VERSION",
        "Dynamic: metadata-version",
        "Summary: one\n  two",
        "Summary: \x1b]0;owned\x07",
        "Author: a\x08b",
        "Home-page: javascript:alert(1)",
        "Project-URL: x, DATA:text/html,x",
        "Project-URL: nothing",
        "Project-URL: , https://a.example",
        "License-File: ../../x",
        "License-File: /etc/passwd",
        "License-File: a/../../b",
        "Download-URL: vbscript:x",
        f"Project-URL: {'x' * 33}, https://a.example",
    )
    return sent(make, good(make, header))


def by_url(make: Make) -> Upload:
    where = make.one(
        "https://a.example/x.whl",
        "git+ssh://git@a.example/x",
        "file:///etc/passwd",
        "git+https://a.example/x@main",
        "./x",
        "x:y",
    )
    field = make.one("Requires-Dist", "Provides-Dist", "Obsoletes-Dist")
    return sent(make, good(make, f"{field}: other @ {where}", *["Requires-Dist: more"] * make.r.randrange(3)))


def format_of_the_future(make: Make) -> Upload:
    version = make.one(
        "3.0", "10.1", "two", "2", "2.4.1", "", "2.", ".4", "-2.4", "2.4\x07", "0x2.4", "2,4", "9999.0", "٢.٤"
    )
    return sent(make, good(make).replace(b"2.4", version.encode(), 1))


def large(make: Make) -> Upload:
    """Cost more to read than any honest file."""
    header, body = make.r.choice(
        [
            ("X: y\n" * 200_001, ""),
            ("Requires-Dist: a\n" * 10_001, ""),
            ("X: y", "x" * (16 << 20)),
            ("Name: " + "x" * 2000, ""),
        ]
    )
    return make.form(
        make.wheel(metadata=archives.core_metadata(make.name, make.version, headers=[header.strip()], body=body))
    )


RULES: dict[Callable[[Make], Upload], float] = {
    other_identity: 8,
    twice: 4,
    smuggled: 8,
    no_standard: 10,
    by_url: 3,
    format_of_the_future: 3,
    large: 0.1,
}
