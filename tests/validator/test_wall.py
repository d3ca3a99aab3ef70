"""What Linux keeps from a process of rules, also from one that got around Python's audit hook."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from registry.cli import rules
from tests.registry.web.site import new_site
from validator.wall import Wall, offered

# Each is tried by a process that has the wall and nothing else: no hook, no limits.
ATTACKS = {
    "socket": "import socket; socket.socket()",
    "unix socket": "import socket; socket.socket(socket.AF_UNIX)",
    "pair": "import socket; socket.socketpair()",
    "fork": "os.fork()",
    "thread": "import _thread; _thread.start_new_thread(print, ())",
    "exec": "os.execv('/bin/true', ['true'])",
    "kill": "os.kill(os.getppid(), 0)",
    "end oneself": "os.kill(os.getpid(), 9)",
    "handle": "os.pidfd_open(os.getppid())",
    "priority": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)",
    "limits": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))",
    "environment": "open('/proc/self/environ').read()",
    "another's environment": "open(f'/proc/{os.getppid()}/environ').read()",
    "another's memory": "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "data": "open(DATA).read()",
    "list": "os.listdir(os.path.dirname(DATA))",
    "write": "open(DATA + '.new', 'w')",
    "append": "open(DATA, 'a')",
    "truncate": "os.truncate(DATA, 0)",
    "remove": "os.unlink(DATA)",
    "rename": "os.rename(DATA, DATA + '.old')",
    "link": "os.link(DATA, DATA + '.link')",
    "symlink": "os.symlink(DATA, DATA + '.link')",
    "folder": "os.mkdir(DATA + '.d')",
    "mode": "os.chmod(DATA, 0o777)",
    "pipe": "os.mkfifo(DATA + '.pipe')",
    "shared memory": "os.memfd_create('x')",
    "place": "os.chdir('/')",
    "native fork": "libc.syscall(FORK) < 0 and fail()",
    "native socket": "libc.socket(2, 1, 0) < 0 and fail()",
    "native namespaces": "libc.unshare(0x10000000) < 0 and fail()",
    "native tracing": "libc.ptrace(16, os.getppid(), 0, 0) < 0 and fail()",
}
FILES = {"environment", "another's environment", "another's memory", "data", "list"}  # which seccomp alone lets be
BOTH = {"write", "append", "truncate", "remove", "rename", "link", "symlink", "folder", "pipe"}
PROGRAM = """
import ctypes, errno, json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
DATA, attacks = sys.argv[2], json.loads(sys.argv[3])
FORK = {"x86_64": 57, "aarch64": 220}.get(os.uname().machine, -1)
libc = ctypes.CDLL(None, use_errno=True)
import csv, socket, resource
from validator import wall
def fail():
    raise OSError(ctypes.get_errno(), "refused")
built = wall.build([Path(sys.base_prefix), Path("/lib"), Path("/usr/lib")])
held = {}
for name, code in attacks.items():
    try:
        exec(code)
        held[name] = "it worked"
    except OSError as error:
        held[name] = errno.errorcode.get(error.errno, "?")
    except (RuntimeError, ValueError):  # what Python makes of EPERM for threads and limits
        held[name] = "EPERM"
print(json.dumps([str(built), held, len(open(os.__file__).read()) > 0]))
"""
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    data = tmp_path_factory.mktemp("data") / "secret"
    data.write_text("secret")
    command = [sys.executable, "-I", "-c", PROGRAM, str(ROOT), str(data), json.dumps(ATTACKS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    built, held, reads = json.loads(done.stdout or "[]") or pytest.fail(done.stderr)
    assert reads, "Python's own files can still be read"
    assert data.read_text() == "secret"
    assert [path.name for path in data.parent.iterdir()] == ["secret"]
    return built, held


def test_what_stands_is_what_is_said_to_stand(outcome: tuple[str, dict[str, str]]) -> None:
    assert outcome[0] == str(offered())


def test_ci_has_the_whole_wall() -> None:
    if platform.system() != "Linux" or os.environ.get("CI") != "true":
        pytest.skip("only CI must have both: elsewhere the kernel decides, and the server says which wall stands")
    assert offered().landlock
    assert offered().seccomp


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_held_by_the_system_itself(outcome: tuple[str, dict[str, str]], attack: str) -> None:
    wall = offered()
    holds = (wall.landlock and attack in FILES | BOTH) or (wall.seccomp and attack not in FILES)
    if not holds:
        pytest.skip(f"this kernel offers {wall}, which does not hold this; in CI, a test demands all")
    assert outcome[1][attack] in {"EPERM", "EACCES"}


@pytest.mark.parametrize(
    ("wall", "said"),
    [
        (Wall(7, seccomp=True), "landlock and seccomp"),
        (Wall(7, seccomp=False), "only Python itself keeps rules from network and processes"),
        (Wall(0, seccomp=True), "only Python itself keeps rules from reading other files"),
        (Wall(0, seccomp=False), "neither landlock nor seccomp"),
    ],
)
def test_health_says_which_wall_stands_to_who_is_signed_in(wall: Wall, said: str, tmp_path: Path) -> None:
    assert said in str(wall)
    site = new_site(tmp_path / "data")
    answers = []
    for allowed in (False, True):
        rules.choose(site.folder, allowed=allowed)
        site.installation.checker = rules.chosen(site.folder, None)
        answers.append((site.ask("/-/health").json or {}).get("policy_rules"))
    assert answers == ["not run", f"run behind {offered()}"]
    assert "policy_rules" not in (site.ask("/-/health", None).json or {})
