"""Forms that no registry may take: no forms at all, contradictions, names and attestations that are none."""

import json
from collections.abc import Callable
from dataclasses import replace

from tests.uploads.grammar import Make, Upload, part


def contradiction(make: Make) -> Upload:
    """Say something else than the file."""
    archive = make.either()
    field, value = make.r.choice(
        [
            ("name", "other"),
            ("name", "../x"),
            ("name", "a b"),
            ("name", make.name + "\0"),
            ("name", "x" * 5000),
            ("name", "дело"),
            ("version", "9.9.9"),
            ("version", "dog"),
            ("version", "1" * 5000),
            ("version", "1.0\r\nX: y"),
            ("version", "\u0661.0"),
            ("filetype", "bdist_egg"),
            ("filetype", "sdist" if archive[0].endswith("whl") else "bdist_wheel"),
            ("filetype", "\0"),
            ("md5_digest", "0" * 32),
            ("sha256_digest", "0" * 64),
            ("blake2_256_digest", "f" * 64),
            ("sha256_digest", "é"),
            ("sha256_digest", "x" * 100_000),
            ("protocol_version", "2"),
            ("protocol_version", "1.0"),
            (":action", "submit"),
            (":action", "doc_upload"),
            (":action", "FILE_UPLOAD"),
            (":action", "\u202efile_upload"),
        ]
    )
    return make.form(archive, (field, value))


def given_twice(make: Make) -> Upload:
    field = make.one("name", "version", "filetype", ":action", "sha256_digest", "attestations")
    return make.form(make.either(), (field, "one"), (field, "two"))


def no_file(make: Make) -> Upload:
    filename, data = make.either()
    heads = make.r.choice(
        [
            [part("name", make.name)],
            [],
            [part("content", data)],
            [part("attachment", data, filename)],
            [part("content", data, filename), part("content", data, filename)],
            [part("content", data, filename), part("file", b"", "x")],
            [(f'Content-Disposition: form-data; filename="{filename}"', data)],
            [(f'Content-Disposition: attachment; name="content"; filename="{filename}"', data)],
            [part("name", make.name, "name.txt"), part("content", data, filename)],
            [part("Content", data, filename)],
            [part("content", data, filename), part("sha256_digest", "0" * 64, "x")],
        ]
    )
    return make.sent(heads)


def no_form(make: Make) -> Upload:
    """Break the form itself."""
    whole = make.form(make.either())
    body, kind = whole.body, whole.content_type
    return make.r.choice(
        [
            replace(whole, body=body[: make.r.randrange(1, len(body) - 3)]),
            replace(
                whole,
                content_type=make.one(
                    "application/json",
                    "text/plain",
                    "",
                    "application/x-www-form-urlencoded",
                    "application/octet-stream",
                    "multipart/mixed; boundary=----boundary",
                    "multipart/form-data",
                    "multipart/form-data; boundary=",
                    "multipart/form-data; boundary=other",
                    "multipart/form-data; boundary=" + "x" * 300,
                ),
            ),
            replace(whole, body=b""),
            replace(whole, body=make.noise(3000)),
            replace(whole, body=body.replace(b"----boundary", b"----boundarx")),
            replace(whole, body=body.replace(b"\r\n\r\n", b"\r\n", 1)),
            replace(whole, body=body.replace(b"\r\n", b"\n")),
            replace(whole, body=body.replace(b"Content-Disposition", b"Content Disposition", 1)),
            replace(whole, body=body.replace(b"Content-Disposition: form-data", b"X: " + b"y" * 20_000, 1)),
            replace(whole, body=body.replace(b"form-data; ", b"", 1)),
            replace(whole, content_type=kind.replace("----boundary", "----bound\u00e4ry")),
            replace(whole, body=body.replace(b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 40 + b"\r\n", 1)),
        ]
    )


def filename(make: Make) -> Upload:
    """Call the file what no distribution is called."""
    name, data = make.either()
    stem, tail = (make.stem, name[len(make.stem) :])
    one, two = make.stem.split("-", 1)
    wrong = make.one(
        "",
        name.upper() if name != name.upper() else "X",
        f"../{name}",
        f"/{name}",
        f"a\\{name}",
        f"{name}/",
        f"{name}.metadata",
        f"{name}.zip",
        f"{stem}.egg",
        f"{stem}.exe",
        f"{stem}.zip",
        f"{stem}.tar.bz2",
        f"{stem}-py3-none.whl",
        f"{one}-0{two}{tail}",
        f"{one}-{two}.0{tail}",
        f"{one}{tail}",
        f"-{name}",
        f".{name}",
        f"{name}\u200b",
        name.replace("e", "\u0435").replace("a", "\u0430") + "\u0435",
        f"{one}-v{two}{tail}",
        "x" * 231 + tail,
        f"{one}_x-{two}{tail}",
        f"{one}-{two}.post99{tail}",
        f"{one.title()}-{two}{tail}",
        f"{one.replace('_', '.')}.y-{two}{tail}",
        f"{one}-1!{two.rpartition('!')[2]}.7{tail}",
        f"{one}-{two.partition('+')[0]}+other.9{tail}",
        f"{stem}-1-2-py3-none-any.whl",
        f"{stem}%00{tail}",
        f"{stem}-py3-none-any;x.whl",
        f"{stem}-py3-none-any.whl\x00.txt",
        f"{stem}\u202e{tail}",
        "CON",
        "nul.tar.gz",
        f"{stem}$(id){tail}",
    )
    return make.form((wrong, data))


def smuggled_head(make: Make) -> Upload:
    """Play with the head of the file's part."""
    name, data = make.either()
    head = make.one(
        f'Content-Disposition: form-data; name="content"; filename="../{name}"',
        f'Content-Disposition: form-data; name="content"; filename="x"; filename="{name}"',
        'Content-Disposition: form-data; name="content"\r\n'
        f'Content-Disposition: form-data; name="x"; filename="{name}"',
        f'Content-Disposition: form-data; name="x"; name="content"; filename="{name}"',
        f'Content-Disposition: form-data; name="content"; filename="{name}\r\nX: y"',
        f'Content-Disposition: form-data; name="content\0"; filename="{name}"',
        f'X: y\r\n Content-Disposition: form-data; name="content"; filename="{name}"',
        f"Content-Disposition: form-data; name=\"content\"; filename*=UTF-8''..%2F{name}",
    )
    return make.sent([(head, data)])


def attestations(make: Make) -> Upload:
    envelope = {
        "version": 1,
        "verification_material": {"certificate": "MIIB", "transparency_entries": [{}]},
        "envelope": {"statement": "e30=", "signature": "AA=="},
    }
    text = make.one(
        "",
        "x",
        "null",
        "1",
        '"x"',
        "{}",
        "[1]",
        "[[]]",
        "[NaN]",
        '[{"a": 1, "a": 2}]',
        "[" * 100_000,
        "[{}]",
        json.dumps([envelope]),
        json.dumps([envelope] * 99),
        json.dumps([envelope | {"version": 2}]),
        json.dumps([envelope | {"more": "x" * 2_000_000}]),
        "[" + "{}," * 50_000 + "{}]",
        "\ud800".encode("utf-8", "replace").decode(),
        '[{"version": 1e999}]',
        json.dumps([{**envelope, "envelope": None}]),
    )
    return make.form(make.either(), ("attestations", text))


def flood(make: Make) -> Upload:
    """Send more than any honest client."""
    name, data = make.either()
    heads = make.r.choice(
        [
            [part("classifiers", "x")] * 8_001,
            [part("description", "x" * (17 << 20))],
            [part("x" * 70_000, "y")],
            [part(f"f{n}", "x" * 9000) for n in range(2000)],
            [part("content", b"x", f"{n}.whl") for n in range(3000)],
        ]
    )
    return make.sent([*heads, part("content", data, name)])


RULES: dict[Callable[[Make], Upload], float] = {
    contradiction: 8,
    given_twice: 3,
    no_file: 5,
    no_form: 8,
    filename: 10,
    smuggled_head: 4,
    attestations: 4,
    flood: 0.15,
}
