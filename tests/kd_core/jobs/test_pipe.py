import json
import os
import subprocess
import sys

from tests.helpers_code import ROOT

# A worker's end of the pipe in a process of its own: it cannot be undone in this one.
CHILD = """
import subprocess, sys, time
from kd_core.jobs.pipe import Pipe
pipe = Pipe()
print("printed by python")
subprocess.run(["echo", "printed by a child"])
pipe.send("ready")
pipe.send(pipe.job())
while pipe.requested() is None:
    time.sleep(0.01)
pipe.send(pipe.requested())
child = subprocess.Popen(["sleep", "600"])
pipe.send(str(child.pid))
time.sleep(600)
"""


def start():
    return subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_only_our_lines_go_out_and_the_end_of_input_ends_all():
    with start() as child:
        assert child.stdout.readline() == b"ready\n"
        job = json.dumps({"home": "/x" * 50_000}).encode()  # longer than a pipe holds
        child.stdin.write(job + b"\n")
        child.stdin.flush()
        assert child.stdout.readline() == job + b"\n"
        child.stdin.write(b'{"request": "pause"}\n')
        child.stdin.flush()
        assert child.stdout.readline() == b"paused\n"
        grandchild = int(child.stdout.readline())
        assert not gone(grandchild)
        child.stdin.close()
        child.wait()
        assert child.stderr.read().splitlines() == [b"printed by python", b"printed by a child"]
        while not gone(grandchild):
            pass


def test_a_worker_that_cannot_report_ends():
    with start() as child:
        child.stdout.close()
        child.wait()
        assert child.returncode != 0
