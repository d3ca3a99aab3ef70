"""Wheels and sdists that no registry may take: each rule spoils one thing of a good one."""

import gzip
import hashlib
import stat
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests import archives
from tests.rawtar import Item, pax, pax_record, tar_bytes
from tests.rawzip import STORED, Part, end_record, extra_field, zip_bytes
from tests.uploads.grammar import Make, Upload

MIB = 1 << 20
BAD_PATHS = (
    "../{}",
    "/{}",
    "a/../../{}",
    "C:/{}",
    "c:{}",
    "a\\{}",
    "./{}",
    "a//{}",
    "a/./{}",
    "..",
    ".",
    "\\\\host\\{}",
    "a\n{}",
    "\x00{}",
    "{}\x1b[2J",
    "a\u2028{}",
    "../../../../../../etc/{}",
    "~/../{}",
    "{}/..",
    "//{}",
)


@cache
def bombs() -> dict[str, bytes]:
    """Compress what is costly to make once."""
    zeros = bytes(70 * MIB)
    return {"deflate": zlib.compress(zeros, 9, wbits=-15), "gzip": gzip.compress(zeros, 9, mtime=0)}


def bad_path(make: Make) -> str:
    return make.one(*BAD_PATHS).format(make.one("x", "x.py", "passwd"))


def any_part(make: Make, parts: list[Part], **changes: object) -> list[Part]:
    """Change one member."""
    at = make.r.randrange(len(parts))
    parts[at] = replace(parts[at], **changes)  # type: ignore[arg-type]
    return parts


def wheel_path(make: Make) -> Upload:
    return make.zipped(archives.parts(make.with_record(make.files() | {bad_path(make): b"x"})))


def wheel_twin(make: Make) -> Upload:
    files = make.files()
    name = make.r.choice([*files])
    other = (
        make.one(name, name.upper(), name.title()) if name != name.lower() or make.r.random() < 0.5 else name.upper()
    )
    twins = {"caf\u00e9": "cafe\u0301", "stra\u00dfe": "strasse", "\ufb01": "fi"}
    if make.r.random() < 0.3:
        name, other = make.r.choice([*twins.items()])
        files = make.with_record(files | {name: b"x"})
    return make.zipped([*archives.parts(files), Part(other.encode(), make.noise())])


def wheel_two_headers(make: Make) -> Upload:
    """Let the two descriptions of a member disagree."""
    which = make.one("local", "central")
    field = make.r.choice(["crc", "size", "packed", "method", "name"])
    others: dict[str, int | bytes] = {"method": 0, "name": b"other"}
    other = others.get(field, make.r.randrange(1000, 2**31))
    return make.zipped(any_part(make, archives.parts(make.files()), **{which: {field: other}}))


def wheel_hidden(make: Make) -> Upload:
    extra = Part(b"hidden.py", make.noise(), **{make.one("local", "central"): None})  # type: ignore[arg-type]
    parts = archives.parts(make.files())
    parts.insert(make.r.randrange(len(parts) + 1), extra)
    return make.zipped(parts)


def wheel_gap(make: Make) -> Upload:
    return make.zipped(any_part(make, archives.parts(make.files()), before=make.noise()))


def wheel_overlap(make: Make) -> Upload:
    parts = archives.parts(make.files())
    return make.zipped([*parts, Part(b"again.py", parts[0].data, local=None, central={"offset": make.r.randrange(40)})])


def wheel_end(make: Make) -> Upload:
    field = make.one("count", "size", "offset", "disk", "here", "comment")
    return make.zipped(archives.parts(make.files()), **{field: make.r.randrange(300, 65_000)})


def wheel_around(make: Make) -> Upload:
    data = make.wheel()[1]
    more = make.r.choice([make.noise(), zip_bytes([Part(b"x")]), end_record(count=0, size=0, offset=0)])
    return make.form((make.wheel_name, make.r.choice([more + data, data + more])))


def wheel_truncated(make: Make) -> Upload:
    data = make.wheel()[1]
    return make.form((make.wheel_name, data[: make.r.randrange(len(data))]))


def wheel_kind(make: Make) -> Upload:
    kind = make.r.choice([stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFSOCK])
    files = make.with_record(make.files() | {"link": b"/etc/passwd"})
    return make.zipped([replace(p, mode=kind | 0o777) if p.name == b"link" else p for p in archives.parts(files)])


def wheel_features(make: Make) -> Upload:
    changes = make.r.choice(
        [
            {"method": make.r.choice([1, 6, 9, 12, 14, 93, 95, 98, 99]), "packed": b"x"},
            {"flags": 0x0800 | make.r.choice([0x1, 0x8, 0x20, 0x40, 0x2000])},
            {"central": {"comment": b"hi"}},
            {"central": {"disk": 1}},
            {"central": {"needed": make.r.choice([46, 51, 63])}},
            {"extra": extra_field(0x7075, b"\1" + make.noise())},
            {"extra": extra_field(0x5455, b"x") * 2},
            {"extra": extra_field(1, make.r.randbytes(make.r.choice([4, 8, 9, 24])))},
            {"extra": b"\1\0\xff"},
            {"name": b"caf\xe9.py"},
            {"name": "é.py".encode(), "flags": 0},
        ]
    )
    return make.zipped(any_part(make, archives.parts(make.files()), **changes))  # type: ignore[arg-type]


def wheel_damaged(make: Make) -> Upload:
    """Change a byte of a stored member: neither its checksum nor RECORD hold."""
    files = make.files(files={"module.py": b"x" * 99, "other.py": make.noise()})
    data = bytearray(zip_bytes([Part(name.encode(), content, STORED) for name, content in files.items()]))
    at = data.index(b"x" * 99) + make.r.randrange(99)
    data[at] ^= 1 << make.r.randrange(8)
    return make.form((make.wheel_name, bytes(data)))


def wheel_bomb(make: Make) -> Upload:
    packed = bombs()["deflate"]
    size = make.r.choice([70 * MIB, 1000, 0, 2**32 - 2])
    fields = {"size": size, "crc": 0}
    bomb = Part(b"zeros", packed=packed, local=fields, central=fields)
    return make.zipped([*archives.parts(make.files()), bomb])


def nested_bomb(make: Make) -> Upload:
    return make.form(make.either(files={"data/zeros.gz": bombs()["gzip"]}))


def wheel_record(make: Make) -> Upload:
    """Let RECORD say something else than what is there."""
    files, own = make.files(), f"{make.info}/RECORD"
    lines = files[own].splitlines(keepends=True)
    at = make.r.randrange(len(lines) - 1)
    name = lines[at].split(b",")[0]
    data = files[name.decode()]
    worse = make.r.choice(
        [
            b"",
            lines[at] * 2,
            lines[at] + b"gone.py,sha256=x,1\n",
            name + b",,\n",
            name + b",sha256=" + b"A" * 43 + b",\n",
            name + b",md5=%b,\n" % hashlib.md5(data, usedforsecurity=False).hexdigest().encode(),
            name + b"\n",
            lines[at].rstrip() + b"7\n",
            lines[at].replace(b"sha256", b"sha1"),
            b'"' + lines[at],
            lines[at][:-1] + b",x\n",
            b"\xff" + lines[at],
            lines[at].replace(b",", b",,", 1),
            b"x" * 5000 + lines[at],
            b"../" + lines[at],
            name + b",sha256=%b,\n" % hashlib.sha256(data).hexdigest().encode(),
        ]
    )
    files[own] = b"".join([*lines[:at], worse, *lines[at + 1 :]])
    return make.zipped(archives.parts(files))


def wheel_inside(make: Make) -> Upload:
    """Leave out, repeat or spoil what describes the wheel."""
    files, info = make.files(), make.info
    choice = make.r.randrange(8)
    if choice < 3:
        del files[f"{info}/{('METADATA', 'WHEEL', 'RECORD')[choice]}"]
        return make.zipped(archives.parts(files if choice == 2 else make.with_record(files)))
    if choice == 3:
        files = make.with_record(files | {"other-1.0.dist-info/METADATA": b"x"})
    elif choice == 4:
        files = {
            name.replace(info, make.one("other-1.0.dist-info", "x.dist-info")): data for name, data in files.items()
        }
    else:
        wheel = {
            5: b"Wheel-Version: %d.0\nTag: %b\n" % (make.r.randrange(2, 99), make.tag.encode()),
            6: b"Wheel-Version: 1.0\nTag: py2-none-any\nTag: cp27-none-any\n",
            7: make.noise() + b"\xff",
        }[choice]
        files = make.with_record(files | {f"{info}/WHEEL": wheel})
    return make.zipped(archives.parts(files))


def wheel_scripts(make: Make) -> Upload:
    script = make.one("../x", "a/b", "/bin/sh", "a b", "..", "x\ty", "dömo", "a\\b", "-x;rm", "a\n ../b")
    text = make.one(f"[console_scripts]\n{script} = a:b\n", f"[gui_scripts]\n{script} = a:b\n", "[x", "a = b:c\n")
    return make.zipped(
        archives.parts(make.with_record(make.files() | {f"{make.info}/entry_points.txt": text.encode()}))
    )


def other_kind(make: Make) -> Upload:
    """Send something that the filename does not promise."""
    wheel, sdist = make.wheel(), make.sdist()
    noise = make.r.choice(
        [make.noise(5000), b"", b"PK\3\4", b"PK\5\6" + bytes(18), b"\x1f\x8b\x08" + make.noise(), b"MZ"]
    )
    return make.form(make.r.choice([(wheel[0], sdist[1]), (sdist[0], wheel[1]), (wheel[0], noise), (sdist[0], noise)]))


def tar_path(make: Make) -> Upload:
    path = bad_path(make)
    if make.r.random() < 0.5 and ":" not in path:  # which is a drive only at the beginning
        path = f"{make.stem}/{path}"
    name = path.encode()
    if b"\0" in name or make.r.random() < 0.3:
        renamed = make.one("/etc/x", "../x", f"{make.stem}/../x")
        return make.tarred([*make.items(), pax({"path": renamed}), Item(b"x")])
    return make.tarred([*make.items(), Item(name, make.noise())])


def tar_kind(make: Make) -> Upload:
    kind = make.r.choice([b"1", b"2", b"3", b"4", b"6", b"7", b"S", b"K", b"V", b"M", b"D", b"A", b"z", b"\xff"])
    raw = {"link": make.r.choice([b"/etc/passwd", b"../x", b"x"])}
    return make.tarred([*make.items(), Item(f"{make.stem}/x".encode(), b"", kind, raw)])


def tar_twin(make: Make) -> Upload:
    items = make.items()
    again = make.r.choice(items)
    name = make.r.choice([again.name, again.name.upper(), again.name + b"/x"])
    return make.tarred([*items, Item(name, make.noise())])


def tar_header(make: Make) -> Upload:
    field, value = make.r.choice(
        [
            ("checksum", b"000001\0 "),
            ("size", b"\x80" + bytes(10) + b"\1"),
            ("size", b"-0000000001\0"),
            ("mode", b"garbage\0"),
            ("magic", b"USTAR\00000"),
            ("mtime", b"99999999999\0"),
            ("uid", b"zzzzzzz\0"),
            ("size", b"77777777777\0"),
            ("devmajor", b"xxxxxxx\0"),
            ("magic", bytes(8)),
        ]
    )
    items = make.items()
    at = make.r.randrange(len(items))
    items[at] = replace(items[at], raw={field: value})
    return make.tarred(items)


def tar_extended(make: Make) -> Upload:
    member = Item(f"{make.stem}/x".encode(), b"1234")
    more = make.r.choice(
        [
            [pax({"size": "9"}), member],
            [pax({"GNU.sparse.size": "9"}), member],
            [pax({"linkpath": "/etc"}), member],
            [pax({"hdrcharset": "BINARY"}), member],
            [pax({"path": f"{make.stem}/y"}), pax({"path": f"{make.stem}/z"}), member],
            [Item(b"x", pax_record(b"path", b"a") * 2, b"x"), member],
            [Item(b"x", b"99 path=a\n", b"x"), member],
            [Item(b"x", b"junk", b"x"), member],
            [Item(b"x", pax_record(b"path", b"\xff"), b"x"), member],
            [pax({"comment": "x"}, b"g"), member],
            [Item(b"././@LongLink", b"a" * 200, b"L"), member],
            [pax({"path": f"{make.stem}/y"})],
            [Item(b"x", bytes(70_000), b"x"), member],
        ]
    )
    return make.tarred([*make.items(), *more])


def tar_place(make: Make) -> Upload:
    """Put PKG-INFO, or anything, where it does not belong."""
    items = make.items()
    other = make.r.choice(
        [
            items[1:],
            [],
            [*items, Item(b"other/x")],
            [*items, Item(b"setup.py")],
            [Item(item.name.replace(make.stem.encode(), b"x-1"), item.data) for item in items],
            [Item(f"{make.stem}/PKG-INFO".encode(), kind=b"5"), *items[1:]],
            [Item(f"{make.stem}/sub/PKG-INFO".encode(), items[0].data), *items[1:]],
        ]
    )
    return make.tarred(other)


def tar_around(make: Make) -> Upload:
    good, tar = make.sdist()[1], tar_bytes(make.items())
    return make.form(
        (
            make.sdist_name,
            make.r.choice(
                [
                    good + gzip.compress(b"x"),
                    good + make.noise(),
                    good[: make.r.randrange(len(good))],
                    tar,
                    gzip.compress(tar + make.noise() + b"x" * 512),
                    gzip.compress(tar[:-700]),
                    gzip.compress(b""),
                    gzip.compress(make.noise()),
                    good[:-8] + make.r.randbytes(8),
                    good + end_record(count=0, size=0, offset=0),
                    gzip.compress(good),
                    zlib.compress(tar),
                    b"BZh9" + good,
                ]
            ),
        )
    )


def tar_bomb(make: Make) -> Upload:
    return make.form((make.sdist_name, bombs()["gzip"]))


RULES: dict[Callable[[Make], Upload], float] = {
    wheel_path: 6,
    wheel_twin: 4,
    wheel_two_headers: 4,
    wheel_hidden: 3,
    wheel_gap: 2,
    wheel_overlap: 2,
    wheel_end: 3,
    wheel_around: 3,
    wheel_truncated: 3,
    wheel_kind: 3,
    wheel_features: 5,
    wheel_damaged: 3,
    wheel_record: 8,
    wheel_inside: 5,
    wheel_scripts: 4,
    other_kind: 4,
    tar_path: 5,
    tar_kind: 4,
    tar_twin: 3,
    tar_header: 4,
    tar_extended: 5,
    tar_place: 4,
    tar_around: 5,
    wheel_bomb: 0.2,
    nested_bomb: 0.2,
    tar_bomb: 0.2,
}
