"""The README's first command: the main job, end to end, with the real clients."""

import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

from tests.running import CLEAN, WAYBILL


def play(*options: str) -> str:
    done = subprocess.run(
        [*WAYBILL, "demo", *options], capture_output=True, text=True, env=CLEAN, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_publishes_installs_and_shows_who_did_it() -> None:
    shown = play()
    assert "hello from waybill-hello 1.1.0" in shown
    for step in ("$ waybill init", "$ twine upload", "$ uv publish", "$ fresh/bin/pip install", "log -n 4 ledger"):
        assert step in shown
    assert shown.count("Waybill-Event: publish") == 4
    assert "Allowed-By: waybill.yaml#admins/0" in shown
    assert not re.search(r"wb_[a-z0-9]{10}_", shown), "a token was shown"


def test_the_demo_can_leave_its_server_running_with_configuration_that_works() -> None:
    shown = play("--keep")
    pid, folder = re.search(r"Stop: kill (\d+) && rm -r (\S+)", shown).groups()  # type: ignore[union-attr]  # else it fails here
    try:
        index = re.search(r"^index-url = (\S+)$", shown, re.MULTILINE)
        assert index, shown
        scheme, rest = index[1].split("://")
        userinfo, host = rest.split("@")
        request = urllib.request.Request(f"{scheme}://{host}waybill-hello/")
        request.add_header("Authorization", f"Bearer {userinfo.split(':')[1]}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert b"waybill_hello-1.1.0" in answer.read()
        for section in ("[global]", "[[tool.uv.index]]", "[distutils]", "poetry source add"):
            assert section in shown
    finally:
        os.kill(int(pid), signal.SIGTERM)
        assert Path(folder).name.startswith("waybill-demo-")
        subprocess.run(["rm", "-r", folder], check=True)
