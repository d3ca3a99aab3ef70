"""Uploads that look odd and are legal: what real backends and clients write, at the edges of the standards."""

import gzip
import hashlib
import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace

from tests import archives
from tests.rawtar import Item, pax, tar_bytes
from tests.rawzip import STORED, Part, extra_field, zip_bytes
from tests.uploads.grammar import Make, Upload, part


def plain(make: Make) -> Upload:
    return make.form(make.either())


def spelling(make: Make) -> Upload:
    """Spell name and version inside in another way than the filename."""
    inside = make.one(
        make.name.upper(),
        make.name.replace("-", "."),
        make.name.replace("-", "__"),
        make.name.title().replace("-", "-_."),
    )
    version = make.one("v", "") + make.version.replace(".", ".", 1)
    metadata = archives.core_metadata(inside, version)
    return make.form(make.either(metadata=metadata), ("name", inside), ("version", version))


def old_metadata(make: Make) -> Upload:
    version = make.one("1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.17")
    headers = [
        "Summary: UNKNOWN",
        "Home-page: UNKNOWN",
        "Author: Ünï Cödé",
        "License: GPL\n        with\n        \x0c a page break",
        "Platform: UNKNOWN",
        "Description: One\n        two\n        |three",
        "Requires: old",
        "Provides: old",
        "X-Invented: yes",
        "Classifier: Topic :: Nothing Real",
    ]
    return make.form(
        make.either(metadata_version=version, headers=make.r.sample(headers, make.r.randrange(len(headers))))
    )


def new_metadata(make: Make) -> Upload:
    headers = [
        "License-Expression: MIT OR Apache-2.0",
        "License-File: LICENSE",
        "Import-Name: demo",
        "Import-Namespace: acme",
        "Dynamic: Requires-Dist",
        "Provides-Extra: a.b",
        'Requires-Dist: x[y]>=1,<2; extra == "a.b" and python_version < "4"',
        "Requires-Dist: x (>=1.0)",
        "Requires-Dist:  spaced >= 1 ",
        "Project-URL: Docs, docs.acme/x",
        "Project-URL: Höme, https://a.example/?a=1,2",
        "Author-email: Ann <ann@acme.example>, bob",
        "Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM",
        "Keywords: " + "k," * 500,
        "Summary: " + "s" * 900,
        "Requires-External: libx (>=1)",
        "Supported-Platform: any",
    ]
    text = archives.core_metadata(
        make.name,
        make.version,
        headers=make.r.sample(headers, make.r.randrange(len(headers))),
        body=make.one("", "# Hi\n", "Name: other\n", "\r\r\0", "é" * 5000),
    )
    return make.form(make.either(metadata=text.replace(b"\n", make.r.choice([b"\n", b"\r\n"]))))


def requires_python(make: Make) -> Upload:
    return make.form(
        make.either(requires_python=make.one(">=3.8", "!=3.0.*,>=2.7", "~=3.9", ">=3.8,<4", "", "==3.*", "===3.11.0"))
    )


def dependencies(make: Make) -> Upload:
    return make.form(make.either(headers=[f"Requires-Dist: d{n}>={n}.0" for n in range(make.r.randrange(1500))]))


def peculiar(make: Make) -> Upload:
    """Be what PyPI refuses and a private registry accepts."""
    make.tag = make.one(
        "cp311-cp311-linux_x86_64", "py3-none-freebsd_14_0_release_amd64", "py3-none-any", "cp311-cp311-linux_ppc64le"
    )
    make.version = make.one("1.0+local.1", "0+unknown", "1!2.0.post3.dev4+g12ab", "1.0")
    return make.form(make.wheel(headers=["Classifier: Private :: Do Not Upload"]))


def version(make: Make) -> Upload:
    make.version = make.one(
        "0",
        "1",
        "99999999999999",
        "0.0.0.0.0.1",
        "1a0",
        "1rc99.post0.dev0",
        "1!0",
        "20261121235959",
        "1.0+1.2.3.abc",
        ".".join("1" * 40),
    )
    return make.form(make.either(), ("version", make.version))


def build_number(make: Make) -> Upload:
    build = make.one("1", "99", "1local", "2_x", "0")
    return make.form(archives.wheel(make.name, make.version, tag=make.tag, build=build, files=make.content()))


def members(make: Make) -> Upload:
    """Have names and contents at the edges."""
    some = {
        "data/ä ö.txt": b"x",
        "data/a, b.txt": b"y",
        'data/"quoted".txt': b"z",
        "data/日本語.txt": b"",
        "x/" * 40 + "deep.py": b"",
        "empty": b"",
        "a.b.c..d": b"1",
        "nested.zip": zip_bytes([Part(b"x", b"y")]),
        "nested.tar.gz": gzip.compress(b"x"),
        "CON": b"",
        ".hidden": b"",
        "~x": b"",
        "x" * 200: b"",
        "-rf": b"",
        "PK\3\4".replace("\3", "3").replace("\4", "4"): b"",
    }
    chosen = dict(make.r.sample([*some.items()], make.r.randrange(1, len(some))))
    return make.form(make.wheel(files=make.content() | chosen) if make.r.random() < 0.6 else make.sdist(files=chosen))


def many(make: Make) -> Upload:
    return make.form(make.either(files={f"m/{n}.py": b"" for n in range(make.r.randrange(1000))}))


def wheel_container(make: Make) -> Upload:
    """Write the zip as different tools do."""
    files = make.files()
    choice = make.r.randrange(6)
    if choice < 3:
        file = io.BytesIO()
        with zipfile.ZipFile(
            file, "w", (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[choice % 2], strict_timestamps=False
        ) as archive:
            for name, data in files.items():
                info = zipfile.ZipInfo(name, (make.r.randrange(1980, 2107), 1, 1, 0, 0, 0))
                info.external_attr = make.r.choice([0, 0o644 << 16, (stat.S_IFREG | 0o755) << 16, 0o600 << 16])
                with archive.open(info, "w", force_zip64=choice == 2) as member:
                    member.write(data)
        return make.form((make.wheel_name, file.getvalue()))
    parts = archives.parts(files)
    if choice == 3:
        parts = [Part(b"some-dir/", mode=stat.S_IFDIR | 0o755, attributes=0x10, method=STORED), *parts]
    elif choice == 4:
        at = make.r.randrange(len(parts))
        one = replace(parts[at], method=STORED)
        parts[at] = replace(one, local={"extra": extra_field(1, struct.pack("<QQ", len(one.data), len(one.data)))})
    else:
        parts = [
            replace(each, flags=make.r.choice([0x800, 0x802, 0x804]), extra=extra_field(0x5455, b"\1" + bytes(4)))
            for each in parts
        ]
    return make.zipped(parts)


def wheel_record(make: Make) -> Upload:
    """Write RECORD as different tools do."""
    files, own = make.files(), f"{make.info}/RECORD"
    line = f"{own},,\n".encode()
    files[own] = make.r.choice(
        [
            files[own].replace(b"\n", b"\r\n"),
            files[own].replace(line, b""),
            files[own].rstrip(b"\n"),
            b"".join(reversed(files[own].splitlines(keepends=True))),
            b"\n".join(row.rpartition(b",")[0] + b"," for row in files[own].splitlines()) + b"\n",
        ]
    )
    more = {f"{own}.jws": b"{}", f"{own}.p7s": b"x"} if make.r.random() < 0.3 else {}
    return make.zipped(archives.parts(files | more))


def wheel_inside(make: Make) -> Upload:
    more = {
        f"{make.info}/entry_points.txt": b"# x\n[console_scripts]\n a-b.c = d:e [f]\n[g]\nh i/j = k\n",
        f"{make.info}/top_level.txt": b"x\n",
        f"{make.info}/zip-safe": b"\n",
        f"{make.info}/licenses/sub/LICENSE": b"MIT",
        f"{make.info}/sboms/x.cdx.json": b"{}",
        f"{make.stem}.data/scripts/run": b"#!python\n",
        f"{make.stem}.data/purelib/x.py": b"",
        "vendored/other-2.0.dist-info/METADATA": b"Name: other\n",
        "x.libs/lib.so.1": b"\x7fELF",
        f"{make.info}/direct_url.json": b"{}",
    }
    return make.zipped(archives.parts(make.with_record(make.files() | dict(make.r.sample([*more.items()], 4)))))


def sdist_container(make: Make) -> Upload:
    """Write the tar as different tools do."""
    items, stem = make.items(), make.stem.encode()
    choice = make.r.randrange(6)
    if choice < 3:
        file = io.BytesIO()
        with tarfile.open(
            fileobj=file,
            mode="w:gz",
            format=(tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)[choice],
            compresslevel=make.r.randrange(1, 10),
        ) as archive:
            for item in [*items, Item(stem + b"/" + (b"long/" * 12 + b"x" * 30 if choice < 2 else b"short"), b"y")]:
                info = tarfile.TarInfo(item.name.decode())
                info.size, info.mtime, info.mode = (
                    len(item.data),
                    make.r.choice([0, 2**33 - 1, 1e9]),
                    make.r.choice([0o644, 0o7777]),
                )
                info.uid, info.uname = make.r.choice(
                    [(0, "root"), (2**21 - 1, "ünï" if choice < 2 else "u"), (1000, "")]
                )
                archive.addfile(info, io.BytesIO(item.data))
        return make.form((make.sdist_name, file.getvalue()))
    if choice == 3:
        items = [pax({"comment": "0123456789abcdef" * 2}, b"g"), Item(stem + b"/", kind=b"5"), *items]
    elif choice == 4:
        items = [
            *items,
            pax({"path": f"{make.stem}/é" + "x" * 200, "mtime": "1.5", "SCHILY.xattr.user.x": "y"}),
            Item(b"x", b"z"),
        ]
    else:
        items = [
            replace(item, kind=b"\0", raw={"mtime": b"\x80" + bytes(7) + b"\1\0\0\0", "mode": b"   644 \0"})
            for item in items
        ]
    return make.form(
        (make.sdist_name, gzip.compress(tar_bytes(items) + bytes(make.r.choice([0, 512, 10240])), make.r.randrange(10)))
    )


def clients(make: Make) -> Upload:
    """Send the form as some client does."""
    filename, data = make.either()
    said = {
        ":action": "file_upload",
        "protocol_version": "1",
        "name": make.name,
        "version": make.version,
        "md5_digest": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256_digest": hashlib.sha256(data).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(data, digest_size=32).hexdigest().upper(),
        "summary": "UNKNOWN",
        "requires_python": "",
        "metadata_version": "2.3",
        "pyversion": make.one("py3", "source", "cp311", ""),
        "attestations": "[]",
        "keywords": "a,b",
        "comment": "x",
        "favourite": "blue",
        "author": "Ünï",
        "home_page": "UNKNOWN",
        "description": "--" + "x\r\n" * 50,
        "name2": "other",
    }
    chosen = make.r.sample([*said.items()], make.r.randrange(len(said)))
    heads = [part(name, value) for name, value in (*chosen, *make.r.sample(chosen, min(2, len(chosen))))]
    heads += [part("classifiers", f"Topic :: {n}") for n in range(make.r.randrange(3))]
    if make.r.random() < 0.2:
        heads.append(part("gpg_signature", b"signed", f"{filename}.asc"))
    kind = make.one(
        "",
        "\r\nContent-Type: application/octet-stream",
        "\r\nContent-Type: image/png",
        "\r\nContent-Type: text/plain; charset=x",
        "\r\nX-More: yes",
    )
    heads.insert(
        make.r.randrange(len(heads) + 1),
        (f'Content-Disposition: form-data; name="{make.one("content", "file")}"; filename="{filename}"{kind}', data),
    )
    return make.sent(
        heads, make.one("y7", "-" * 40 + "ab12", "Boundary.9_=", "A" * 70, "(a) b?,/:+"), chunked=make.r.random() < 0.2
    )


def folder_spelling(make: Make) -> Upload:
    """Name the folder inside as older backends do."""
    folder = make.name.title() if "-" not in make.name else make.name.replace("-", ".")
    version = make.version
    if make.r.random() < 0.5:
        files = {
            name.replace(make.stem, f"{folder.replace('-', '_')}-{version}"): data
            for name, data in make.files().items()
        }
        own = next(name for name in files if name.endswith("/RECORD"))
        rest = {name: data for name, data in files.items() if name != own}
        return make.zipped(archives.parts(rest | {own: archives.record(rest, own)}))
    return make.tarred(
        [
            replace(item, name=item.name.replace(make.stem.encode(), f"{folder}-{version}".encode(), 1))
            for item in make.items()
        ]
    )


RULES: dict[Callable[[Make], Upload], float] = {
    plain: 3,
    spelling: 4,
    old_metadata: 5,
    new_metadata: 6,
    requires_python: 2,
    dependencies: 1,
    peculiar: 4,
    version: 4,
    build_number: 3,
    members: 5,
    many: 1,
    wheel_container: 6,
    wheel_record: 4,
    wheel_inside: 4,
    sdist_container: 6,
    clients: 8,
    folder_spelling: 3,
}
