"""What PyPI checks of an upload, row by row as its code has it (47), and what it is known to let through.

Each line says what is sent and what the answer is. `differs` gives the reason where we deliberately do otherwise; rows
that are refused only where a policy asks for it say `setting` or `rule` there.
"""

# ruff: noqa: E501 - a row is a line

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count

import pytest
from werkzeug.test import TestResponse

from registry.cli.rules import Rules
from registry.model import Status
from registry.policy.roles import Role, Scope
from tests import archives
from tests.archives import sdist, targz, wheel
from tests.rawtar import Item, tar_bytes
from tests.rawzip import Part, end_record, extra_field, zip_bytes
from tests.registry.web.site import Archive, Field, Site, new_site

WHEEL = wheel("demo", "1.0")
SDIST = sdist("demo", "1.0")
FILES = archives.wheel_files("demo", "1.0")[1]
INFO = "demo-1.0.dist-info"
ITEMS = archives.sdist_items("demo", "1.0")[1]
Send = Callable[[Site], TestResponse]
ROWS = range(1, 48)
GAPS = ("RECORD hashes", "form and METADATA", "tar bombs", "PKG-INFO", "tar links", "member count")


@dataclass(frozen=True)
class Row:
    """One line of the table; without `send`, what stands in the place of the check."""

    row: int | str
    what: str
    send: Send | None = None
    status: int = 400
    says: str = ""
    differs: str = ""


def form(archive: Archive = WHEEL, **said: str) -> Send:
    """Send a good file and say something about it."""
    return lambda site: site.publish(archive, said=said)


def file(archive: Archive) -> Send:
    return lambda site: site.publish(archive)


def fields(*sent: Field) -> Send:
    return lambda site: site.send(sent)


def named(filename: str) -> Send:
    return file((filename, WHEEL[1]))


def metadata(*headers: str, version: str = "2.4", body: str = "", python: str | None = None) -> Send:
    """Send a file with more fields in its metadata."""
    return file(wheel("demo", "1.0", headers=headers, metadata_version=version, body=body, requires_python=python))


def after(*before: Send, then: Send) -> Send:
    """Send something when others were accepted."""

    def send(site: Site) -> TestResponse:
        for each in before:
            answer = each(site)
            assert answer.status_code == 200, answer.text
        return then(site)

    return send


def where(lines: str, send: Send) -> Send:
    """Send to a registry that says something about itself."""

    def sent(site: Site) -> TestResponse:
        projects = "" if lines.startswith("projects") else "projects: open\n"
        site.policy(registries__python__registry=f"kind: source\n{projects}{lines}\n")
        return send(site)

    return sent


def ruled(send: Send) -> Send:
    """Send to an installation whose policy selects the rules of distributions."""

    def sent(site: Site) -> TestResponse:
        site.installation.checker = Rules()
        site.policy(waybill="organization: acme\nadmins: [alice]\nrules: {upload: [WB4]}\n")
        return send(site)

    return sent


def frozen(site: Site) -> TestResponse:
    site.policy(waybill="organization: acme\nadmins: [alice]\nfrozen: true\n")
    return site.publish(WHEEL)


def small(site: Site) -> TestResponse:
    site.policy(waybill="organization: acme\nadmins: [alice]\nlimits: {file_mb: 1}\n")
    return site.publish((WHEEL[0], hashlib.shake_128().digest(2**20 + 1)))


def closed(site: Site) -> TestResponse:
    site.publish(WHEEL)
    site.set_status("demo", Status.ARCHIVED, "moved")
    return site.publish(SDIST)


def deleted(site: Site) -> TestResponse:
    site.publish(WHEEL)
    site.delete(WHEEL[0])
    return site.publish((WHEEL[0], wheel("demo", "1.0", body="other")[1]))


def stranger(site: Site) -> TestResponse:
    return site.publish(WHEEL, person=None)


def without_right(site: Site) -> TestResponse:
    site.policy(people="alice: {}\nbob: {}\n")
    return site.publish(WHEEL, person="bob")


def narrow_token(site: Site) -> TestResponse:
    site.secrets["alice"] = site.limited("alice", Scope(Role.PUBLISH, (), ("other",)))
    return site.publish(WHEEL)


def zipped(*parts: Part, **end: int) -> Send:
    return file((WHEEL[0], zip_bytes([*archives.parts(FILES), *parts], **end)))


def spoiled(**local: int | bytes) -> Send:
    first, *others = archives.parts(FILES)
    return file((WHEEL[0], zip_bytes([replace(first, local=local), *others])))


def member(path: str, data: bytes | None) -> Send:
    """Send the wheel with one member replaced or (None) gone, and RECORD to match."""
    files = {name: old for name, old in FILES.items() if name not in (path, f"{INFO}/RECORD")}
    files |= {} if data is None else {path: data}
    files[f"{INFO}/RECORD"] = archives.record(files, f"{INFO}/RECORD")
    return file((WHEEL[0], zip_bytes(archives.parts(files))))


def record(text: bytes | None) -> Send:
    files = FILES | ({} if text is None else {f"{INFO}/RECORD": text})
    if text is None:
        del files[f"{INFO}/RECORD"]
    return file((WHEEL[0], zip_bytes(archives.parts(files))))


def tarred(items: Iterable[Item]) -> Send:
    return file((SDIST[0], targz(items)))


BY_URL = "Requires-Dist: other @ https://example.org/other-1.0.tar.gz"
NOT_OURS = "rights are reviewed files, and say who publishes; accounts and their proofs are for whoever reviews them"

TABLE = [
    Row(1, "a field UNKNOWN", form(name="UNKNOWN", version="UNKNOWN"), 200),
    Row(1, "a NUL in a field", form(name="de\0mo"), says="is not a project name"),
    Row(1, "a field sent as a file", fields(("name", ("x", b"demo")), ("content", WHEEL)), says="name: was sent as a"),
    Row(2, "uploads stopped", frozen, 403, "frozen"),
    Row(2, "nobody", stranger, 401, "", "401, so that clients ask for credentials; 403 says that those sent do not do"),
    Row(3, "protocol version", form(protocol_version="2"), says="protocol_version: '2' is unknown"),
    Row(4, "a name that is none", form(name="-demo"), says="is not a project name"),
    Row(4, "a name beyond ASCII", form(name="de\u212ao"), says="is not a project name"),
    Row(4, "no name", fields(("file", WHEEL)), 200, "", "a lone file is enough: it says all that is asked here itself"),
    Row(5, "an egg", form(filetype="bdist_egg"), says="filetype: the form says 'bdist_egg'"),
    Row(6, "a digest that is none", form(sha256_digest="zz"), says="sha256_digest: the digest does not match"),
    Row(6, "no digest", form(), 200, "", "curl sends none; the RECORD of a wheel and the gzip checksum are verified"),
    Row(7, "pyversion", form(SDIST, pyversion="py3"), 200, "", "not asked: Flit and Poetry send others; tags decide"),
    Row(8, "a single field twice", metadata("Summary: a", "Summary: b"), says="has Summary more than once"),
    Row(8, "a field twice in the form", fields(("name", "a"), ("name", "b"), ("content", WHEEL)), says="name: given 2"),
    Row(9, "metadata of version 3", metadata(version="3.0"), says="clients must refuse Metadata-Version '3.0'"),
    Row(9, "metadata that is no version", metadata(version="two"), says="is not a version like 2.4"),
    Row(9, "metadata of 2.9", metadata(version="2.9"), 200, "", "a newer minor version is readable, says PEP 426"),
    Row(10, "version", form(version="dog"), says="'dog' is not a PEP 440 version"),
    Row(10, "a local version", file(wheel("demo", "1.0+x")), 200, "", "setting: accepts local-versions"),
    Row(10, "so, not accepted", where("accepts: []", file(wheel("demo", "1.0+x"))), says="Version 1.0+x has a local part"),
    Row(11, "a summary of two lines", metadata("Summary: a", "  b"), says="Summary must be a single line"),
    Row(11, "a summary of 513", metadata("Summary: " + "x" * 513), 200, "", "a limit of PyPI's database, not a standard"),
    Row(12, "a private classifier", metadata("Classifier: Private :: No"), 200, "", "setting: accepts private-classifiers"),
    Row(12, "so", where("accepts: []", metadata("Classifier: Private :: No")), says="Classifier 'Private :: No' keeps"),
    Row(12, "an unknown classifier", metadata("Classifier: Topic :: X"), 200, "", "a list of them would refuse new ones"),
    Row(12, "an odd address", metadata("Author-email: ann"), 200, "", "nothing is sent to it; names of the house are used"),
    Row(13, "a script as link", metadata("Home-page: javascript:alert(1)"), says="is not the address of a page"),
    Row(13, "a link without label", metadata("Project-URL: https://a.example"), says="must be a label of at most 32"),
    Row(13, "a label of 33", metadata("Project-URL: " + "x" * 33 + ", https://a.example"), says="must be a label of at"),
    Row(14, "no dependency", metadata("Requires-Dist: a b"), says="Requires-Dist 'a b' is not a dependency"),
    Row(14, "a dependency by URL", metadata(BY_URL), says="Dependency 'other @ https://example.org/other-1.0.tar.gz' is"),
    Row(14, "so, accepted", where("accepts: [direct-urls]", metadata(BY_URL)), 200, "", "setting: accepts direct-urls"),
    Row(14, "what it provides", metadata("Provides-Dist: a @ file:///a"), says="is a URL, and registry python takes none"),
    Row(15, "a dynamic name", metadata("Dynamic: Name"), says="Dynamic may not name 'Name'"),
    Row(15, "two licences", ruled(metadata("License: MIT", "License-Expression: MIT")), says="WB405", differs="rule: WB405"),
    Row(16, "no file", fields(("name", "demo")), says="content: the upload carries no file"),
    Row(17, "a pipeline and a new project", differs="it may where a reviewed publisher of the registry says so"),
    Row(18, "proven address, rate of new projects", differs=NOT_OURS),
    Row(19, "no name", named("-demo-1.0-py3-none-any.whl"), says="is not a distribution filename"),
    Row(19, "a module's name", file(wheel("json", "1.0")), 200, "", "setting: accepts stdlib-names"),
    Row(19, "so", where("accepts: []", file(wheel("json", "1.0"))), says="Project json has the name of a module"),
    Row(19, "an undeclared name", where("projects: declared", file(WHEEL)), 403, "registries/python/projects/demo.yaml"),
    Row(19, "a similar name", after(file(WHEEL), then=file(wheel("d-emo", "1.0"))), 200, "", "`projects: declared` lets people look; colleagues name things alike"),
    Row(20, "typosquatting", differs="reports to admins: the log has every new project, `projects: declared` its review"),
    Row(21, "no right", without_right, 403, "bob"),
    Row(21, "a token for another project", narrow_token, 403, "token"),
    Row(22, "the account again", differs=NOT_OURS),
    Row(23, "a token although a pipeline is trusted", differs="`protected: true` refuses it instead of sending mail"),
    Row(24, "a README that does not render", ruled(metadata("Description-Content-Type: text/x-rst", body="a\n=\n`b", python=">=3")), says="WB408", differs="rule: WB408"),
    Row(25, "control characters", named("demo-1.0\x07-py3-none-any.whl"), says="is not a distribution filename"),
    Row(25, "a folder", named("a/demo-1.0-py3-none-any.whl"), says="is not a distribution filename"),
    Row(25, "an .exe", named("demo-1.0.exe"), says="is neither a wheel (.whl) nor an sdist (.tar.gz)"),
    Row(26, "an image", differs="the type of the part is not asked, curl guesses it; the file is looked into"),
    Row(27, "a large file", small, 413, "File too large: at most 1 MB"),
    Row(27, "a large project", differs="there is no quota; a disk that fills up refuses uploads with 503 and goes on reading"),
    Row(28, "another digest", form(sha256_digest="0" * 64), says="sha256_digest: the digest does not match"),
    Row(28, "another md5", form(md5_digest="0" * 32), says="md5_digest: the digest does not match"),
    Row(28, "another blake2", form(blake2_256_digest="0" * 64), says="blake2_256_digest: the digest does not match"),
    Row(29, "the same again", after(file(WHEEL), then=file(WHEEL)), 200, "nothing was written"),
    Row(30, "other bytes", after(file(WHEEL), then=file((WHEEL[0], wheel(body="x")[1]))), says="File already exists: 'demo"),
    Row(30, "another name", after(file(WHEEL), then=named("demo-1.0-1-py3-none-any.whl")), says="File already exists: "),
    Row(30, "another case", after(file(WHEEL), then=file(wheel("demo", "1.0", tag="PY3-none-any"))), says="File already e"),
    Row(31, "a deleted name", deleted, says="File already exists in history"),
    Row(32, "an old release", differs="a setting of its own closes releases after some days; see what is said of releases"),
    Row(33, "a second sdist", named("demo-1.0.zip"), says="is neither a wheel", differs="there is one name for an sdist"),
    Row(34, "zip and tar", file((WHEEL[0], tar_bytes([Item(b"x")])[:512] + WHEEL[1])), says="both a zip and a tar"),
    Row(34, "no zip", file((WHEEL[0], SDIST[1])), says="is not a zip archive"),
    Row(34, "no tar", file((SDIST[0], WHEEL[1])), says="is not gzip"),
    Row(35, "a zip bomb", zipped(Part(b"zeros", bytes(70 * 2**20))), 413, "more than 50 times its size"),
    Row(35, "bzip2 in zip", zipped(Part(b"x", b"", method=12)), says="compression method 12 is not accepted"),
    Row(36, "two top folders", tarred([*ITEMS, Item(b"other/x")]), says="two top-level members"),
    Row(36, "no PKG-INFO", tarred(ITEMS[1:]), says="has no demo-1.0/PKG-INFO"),
    Row(36, "no WHEEL", member(f"{INFO}/WHEEL", None), says=f"has no {INFO}/WHEEL"),
    Row(37, "a sparse member", tarred([*ITEMS, Item(b"demo-1.0/x", kind=b"S")]), says="is a sparse file"),
    Row(37, "no tar inside", file((SDIST[0], gzip.compress(b"x" * 1024))), says="not a tar header"),
    Row(38, "known malware", differs="not promised (SECURITY.md); a rule of one's own may look into every member"),
    Row(39, "a twin", zipped(Part(b"demo.py", b"")), says="is in the archive twice"),
    Row(39, "a member of one directory only", zipped(Part(b"x", central=None)), says="its central directory does not list"),
    Row(39, "a size that differs", spoiled(size=1), says="disagree about its size"),
    Row(39, "a data descriptor", zipped(Part(b"x", flags=8)), says="its size follows in a data descriptor"),
    Row(39, "a second name", zipped(Part(b"x", extra=extra_field(0x7075, b"x"))), says="gives the member a second name"),
    Row(39, "a name that is not UTF-8", zipped(Part(b"\xff")), says="is not UTF-8"),
    Row(39, "another count", zipped(count=3), says="larger than its members need"),
    Row(39, "something behind", file((WHEEL[0], WHEEL[1] + b"x")), says="Data follows"),
    Row(39, "a second end", file((WHEEL[0], WHEEL[1] + end_record(count=0, size=0, offset=0))), says="disagrees with where"),
    Row(40, "another spelling", file(("Demo-1.0.tar.gz", SDIST[1])), says="should be named 'demo-1.0.tar.gz'"),
    Row(41, "a licence that is not there", ruled(metadata("License-File: LICENSE", python=">=3")), says="WB406", differs="rule: WB406"),
    Row(41, "a licence elsewhere", metadata("License-File: ../LICENSE"), says="License-File '../LICENSE' leaves the"),
    Row(42, "a tag for Linux", file(wheel(tag="py3-none-linux_x86_64")), 200, "", "setting: accepts linux-tags"),
    Row(42, "so", where("accepts: []", file(wheel(tag="py3-none-linux_x86_64"))), says="Platform tag 'linux_x86_64' is not"),
    Row(42, "another platform", file(wheel(tag="py3-none-aix_7")), 200, "", "setting: accepts other-tags"),
    Row(42, "so", where("accepts: [linux-tags]", file(wheel(tag="py3-none-aix_7"))), says="Platform tag 'aix_7' is not"),
    Row(42, "tags that are not inside", named("demo-1.0-py2-none-any.whl"), says="do not say py2-none-any"),
    Row(43, "no RECORD", record(None), says=f"has no {INFO}/RECORD"),
    Row(43, "not in RECORD", record(b""), says="does not list"),
    Row(44, "a script elsewhere", member(f"{INFO}/entry_points.txt", b"[console_scripts]\n../x = a:b\n"), says="cannot name"),
    Row(45, "no METADATA", member(f"{INFO}/METADATA", None), says=f"has no {INFO}/METADATA"),
    Row(45, "a long name", named("demo-1.0-py3-none-" + "x" * 230 + ".whl"), says="characters long; at most 230"),
    Row(46, "attestations that are none", form(attestations="[1]"), says="attestation"),
    Row(47, "blob before commit", differs="the same order; tests/faults kills and cuts the power in between"),
    Row("RECORD hashes", "another hash", record(FILES[f"{INFO}/RECORD"].replace(b"sha256=", b"sha256=A", 1).replace(b"=,", b",")), says="sha256"),
    Row("RECORD hashes", "a changed module", file((WHEEL[0], zip_bytes(archives.parts(FILES | {"demo.py": b"pass\n"})))), says="RECORD says"),
    Row("form and METADATA", "another name inside", file((WHEEL[0], wheel("other", "1.0")[1])), says="asks for demo-1.0.dist"),
    Row("form and METADATA", "another name in METADATA", file(wheel(metadata=b"Metadata-Version: 2.4\nName: x\nVersion: 1.0\n")), says="Name is 'x'"),
    Row("form and METADATA", "another name in the form", form(name="other"), says="name: the form says 'other'"),
    Row("form and METADATA", "another summary", form(summary="x"), 200, "", "only the file's own metadata is ever kept or served"),
    Row("tar bombs", "zeros", tarred([*ITEMS, Item(b"demo-1.0/x", bytes(70 * 2**20))]), 413, "more than 50 times its size"),
    Row("PKG-INFO", "another version", file(("demo-1.0.tar.gz", targz([Item(b"demo-1.0/PKG-INFO", archives.core_metadata("demo", "2.0"))]))), says="Version is '2.0'"),
    Row("tar links", "symbolic", tarred([*ITEMS, Item(b"demo-1.0/x", kind=b"2", raw={"link": b"/etc"})]), says="symbolic link"),
    Row("tar links", "hard", tarred([*ITEMS, Item(b"demo-1.0/x", kind=b"1", raw={"link": b"y"})]), says="is a hard link"),
    Row("tar links", "absolute", tarred([*ITEMS, Item(b"/demo-1.0/x")]), says="is absolute"),
    Row("tar links", "up", tarred([*ITEMS, Item(b"demo-1.0/../x")]), says="climbs out of its folder"),
    Row("member count", "too many", tarred([*ITEMS, *(Item(b"demo-1.0/%d" % n) for n in range(50_000))]), 413, "more than 50000 members"),
]  # fmt: skip


def test_the_table_has_a_line_for_every_row_and_gap_and_a_reason_for_every_difference() -> None:
    assert {line.row for line in TABLE} == {*ROWS, *GAPS}
    assert [
        line for line in TABLE if not line.differs and (line.send is None or (line.status >= 400 and not line.says))
    ] == []
    assert [line for line in TABLE if line.status == 200 and not line.differs and line.row not in (1, 29)] == []


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Site]:
    """Give a site that has seen refusals at most: a new one after whatever wrote something."""
    last: list[tuple[Site, str]] = []
    numbers = count()

    def state(site: Site) -> str:
        return site.head() + site.installation.policy().commit + str(site.installation.checker) + str(site.secrets)

    def give() -> Site:
        if not last or state(last[-1][0]) != last[-1][1]:
            site = new_site(tmp_path_factory.mktemp("untouched") / str(next(numbers)))
            last[:] = [(site, state(site))]
        return last[-1][0]

    return give


@pytest.mark.parametrize("line", [line for line in TABLE if line.send], ids=lambda line: f"{line.row}: {line.what}")
def test_an_upload_is_answered_as_the_table_says_in_all_places_where_clients_look(
    untouched: Callable[[], Site], line: Row
) -> None:
    assert line.send
    site = untouched()
    answer = line.send(site)
    assert answer.status_code == line.status, answer.text
    assert line.says in answer.text
    if line.status >= 400:
        assert line.says in answer.status.replace('"', "'")
    assert site.drafts() == []


def test_a_refusal_is_the_code_of_a_client_that_takes_json(site: Site) -> None:
    answer = site.publish(wheel("demo", "1.0", headers=[BY_URL]), headers={"Accept": "application/json"})
    assert json.loads(answer.data)["code"].startswith("400 Dependency 'other @ https://example.org")
