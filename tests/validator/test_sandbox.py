"""An organization's own rules in the server: they refuse in their own words, and harm nobody, whatever they do."""

import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from registry.cli.rules import Rules
from tests.archives import sdist, wheel
from tests.legacy_client import upload
from tests.registry.web.site import Site, new_site
from tests.running import Server
from validator import sandbox

POLICY = "organization: acme\nadmins: [alice]\nrules: {upload: [AC, WB4]}\n"
HEAD = "from validator import rule, skip\n"
FINAL = """
@rule("AC101", on=["publish"])
def release_is_final(file, project, provenance, most=1):
    '''Releases are final ones.'''
    assert "rc" not in file.version, f"{file.version} by {provenance.principal} is a candidate; publish it elsewhere"
"""
WORDS = "AC101 release_is_final: 2.0rc1 by alice is a candidate; publish it elsewhere"
Own = Callable[[str], Site]


@pytest.fixture
def own(tmp_path: Path) -> Own:
    """Make a site whose organization has rules of its own, and whose operator lets them run."""
    site = new_site(tmp_path / "data")
    site.installation.checker = Rules(sys.executable)

    def write(text: str) -> Site:
        site._append("main", {"rules/own_rules.py": (HEAD + text).encode(), "waybill.yaml": POLICY.encode()})  # noqa: SLF001
        return site

    return write


def test_an_own_rule_refuses_an_upload_in_its_own_words(own: Own) -> None:
    site = own(FINAL)
    answer = site.publish(wheel("demo", "2.0rc1"))
    assert (answer.status_code, answer.text.strip()) == (400, WORDS)
    for archive in (wheel("demo", "2.0"), sdist("demo", "2.0")):
        assert site.publish(archive).status_code == 200


def test_an_own_rule_looks_into_the_archive_and_the_policy(own: Own) -> None:
    site = own("""
@rule("AC102")
def has_no_data(archive, metadata, policy, facts, registry):
    '''No data.'''
    assert policy.organization().organization == "acme"
    assert facts.people == ["alice"]
    assert registry.name == "python"
    assert not [name for name in archive.names if name.endswith(".csv")], metadata.name
    assert archive.read(archive.names[0])
""")
    assert site.publish(wheel("demo", "1.0")).status_code == 200
    answer = site.publish(wheel("demo", "1.1", files={"demo/x.csv": b"1,2"}))
    assert (answer.status_code, answer.text.strip()) == (400, "AC102 has_no_data: demo")


def test_a_crashing_rule_refuses_with_its_line(own: Own) -> None:
    answer = own("@rule('AC101')\ndef broken(file):\n    'X.'\n    file.nonsense\n").publish(wheel())
    assert answer.status_code == 400
    assert "AC101 broken: the rule crashed at rules/own_rules.py:5: AttributeError" in answer.text


def test_a_rule_file_that_cannot_be_loaded_refuses_with_its_line(own: Own) -> None:
    answer = own(f"import nothing_of_that_name\n{FINAL}").publish(wheel())
    assert answer.status_code == 400
    assert "rules/own_rules.py:2: the rule file cannot be loaded: No module named 'nothing_of_that_name'" in answer.text


@pytest.mark.parametrize("where", ["", "    "])
def test_a_hanging_rule_is_ended_and_the_upload_refused(own: Own, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validator.serving.SECONDS", 3.0)
    body = "@rule('AC101')\ndef hangs(file):\n    'X.'\n" if where else ""
    site = own(f"{body}{where}while True: pass\n{FINAL}")
    began = monotonic()
    answer = site.publish(wheel())
    assert answer.status_code == 400
    name = "AC101 hangs" if where else "rules/own_rules.py"
    assert answer.text.strip() == f"{name}: it did not end within 3 seconds; whoever owns rules/ has to mend it"
    assert monotonic() - began < 60
    assert site.drafts() == []
    assert own(FINAL).publish(wheel()).status_code == 200


def test_a_rule_that_eats_memory_refuses_the_upload_and_nothing_else(own: Own) -> None:
    site = own(
        "@rule('AC101')\ndef eats(file):\n    'X.'\n    held = []\n    while True: held.append(bytearray(2**24))\n"
    )
    answer = site.publish(wheel())
    assert answer.status_code == 400
    assert "AC101 eats: " in answer.text
    assert "MemoryError" in answer.text or "more than 512 MiB of memory" in answer.text
    assert own(FINAL).publish(wheel()).status_code == 200


MALICE = {
    "read": "open('/etc/passwd').read()",
    "environment": "open('/proc/1/environ').read()",
    "own environment": "open('/proc/self/environ').read()",
    "socket": "__import__('socket').socket()",
    "thread": "__import__('threading').Thread(target=print).start()",
    "native again": "__import__('importlib').reload(__import__('sys').modules['ctypes'])",
    "key": "__import__('pathlib').Path('{data}/waybill.git/HEAD').read_text()",
    "write": "open('{data}/evil', 'w').write('x')",
    "remove": "__import__('os').remove('{data}/waybill.git/HEAD')",
    "rename": "__import__('os').rename('{data}/waybill.git/HEAD', '{data}/x')",
    "shell": "__import__('os').system('touch {data}/evil')",
    "process": "__import__('subprocess').run(['touch', '{data}/evil'])",
    "fork": "__import__('os').fork()",
    "exec": "__import__('os').execv('/bin/sh', ['sh', '-c', 'touch {data}/evil'])",
    "network": "__import__('socket').create_connection(('127.0.0.1', 9))",
    "native": "__import__('ctypes').CDLL(None)",
    "kill": "__import__('os').kill(__import__('os').getppid(), 9)",
    "handle": "o = __import__('os'); o.pidfd_open(o.getppid())",
    "again": "m = __import__('sys').modules; m.pop('posix'); __import__('posix').pidfd_open(1)",
    "low": "__import__('os').open('{data}/evil', 0o101)",
    "archive": "open(archive._path, 'r+b').write(b'evil')",
}


HELD = ("rules cannot", "has no attribute 'pidfd_open'", "can't start new thread", "KeyError: 'ctypes'")


@pytest.mark.parametrize("malice", MALICE)
def test_a_malicious_rule_reaches_nothing(own: Own, malice: str, tmp_path: Path) -> None:
    line = MALICE[malice].replace("{data}", str(tmp_path / "data"))
    site = own(f"@rule('AC101')\ndef evil(archive):\n    'X.'\n    {line}\n")
    answer = site.publish(wheel())
    assert answer.status_code == 400
    assert "AC101 evil: the rule crashed" in answer.text
    assert any(word in answer.text for word in HELD), answer.text
    assert not (tmp_path / "data" / "evil").exists()
    assert (tmp_path / "data" / "waybill.git" / "HEAD").exists()


def test_a_rule_sees_no_environment_and_cannot_end_the_answer_early(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYBILL_TOKEN", "wb_secret")
    site = own(
        "@rule('AC101')\ndef looks(file):\n    'X.'\n    import os\n    assert not dict(os.environ), os.environ\n"
    )
    assert "wb_secret" not in site.publish(wheel("demo", "1.0")).text
    for leave in ("print('{}')", "__import__('os')._exit(0)", "__import__('sys').exit(0)"):
        broken = own(f"@rule('AC101')\ndef leaves(file):\n    'X.'\n    {leave}\n    assert False\n")
        assert broken.publish(wheel("demo", "2.0")).status_code == 400


def test_only_so_many_run_at_once(monkeypatch: pytest.MonkeyPatch, own: Own) -> None:
    monkeypatch.setattr("validator.serving.SECONDS", 0.05)
    monkeypatch.setattr(sandbox, "AT_ONCE", 0)
    monkeypatch.setattr(sandbox, "_places", type(sandbox._places)(1))  # noqa: SLF001
    with sandbox._places:  # noqa: SLF001
        answer = own(FINAL).publish(wheel())
    assert answer.status_code == 503
    assert "busy with other questions" in answer.text


def test_a_server_does_not_run_them_unless_its_operator_says_so(shared_server: Server) -> None:
    shared_server.set_policy({"rules/own_rules.py": HEAD + FINAL, "waybill.yaml": POLICY})
    answer = upload(shared_server.upload_url, shared_server.token, *wheel("unasked", "2.0rc1"))
    assert answer.status == 200
