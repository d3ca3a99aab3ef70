"""A server that is told to stop does so, whatever it is doing; whoever waits longer than that kills it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.running import CLEAN, new_server

PATIENCE = 20  # seconds; gunicorn kills after 60 what missed the signal

# The server, with a worker that takes long from its fork to its first line of its own, as on a busy machine.
_SLOW_TO_BEGIN = """
import sys, time
from pathlib import Path
from registry.cli.wsgi import Server

def begin(master, worker):
    print("forked", flush=True)
    time.sleep(1)

server = Server(Path(sys.argv[1]), sys.argv[2], 1, 2)
server.cfg.set("post_fork", begin)
server.run()
"""


def test_a_worker_that_is_told_to_stop_as_it_begins_does_not_miss_it(tmp_path: Path) -> None:
    server = new_server(tmp_path)
    command = [sys.executable, "-c", _SLOW_TO_BEGIN, str(server.data), f"127.0.0.1:{server.port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=CLEAN) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"forked\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_a_server_told_to_stop_as_it_replaces_workers_stops_at_once(tmp_path: Path) -> None:
    server = new_server(tmp_path, workers=4)
    server.start()
    for worker in server.worker_pids():
        os.kill(int(worker), signal.SIGKILL)
    assert server.stop() == 0
