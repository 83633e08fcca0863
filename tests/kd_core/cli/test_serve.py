import argparse
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from kd_core.cli import main, serve
from kd_core.errors import ConfigError

GOOD = {
    "host": "127.0.0.1", "port": 8501, "class_code": "heron-7", "teacher_token": "grey-heron-77",
    "base_path": "", "people": 60, "runs": 12, "run_minutes": 15, "upload_mb": 200,
}  # fmt: skip


def asked(**changes):
    return argparse.Namespace(**{**GOOD, **changes})


def test_the_words_go_into_the_environment_and_into_no_argument():
    found = serve.class_environment(asked(run_minutes=2), {"PATH": "p"})
    assert found[serve.CODE_ENV] == "heron-7"
    assert found[serve.TOKEN_ENV] == "grey-heron-77"
    assert (found["PATH"], found["KDLAB_CLASS_RUN_S"]) == ("p", "120")
    assert not any("heron" in word for word in serve.server_command(asked()))


def test_the_words_may_come_from_the_environment():
    given = {serve.CODE_ENV: "heron-7", serve.TOKEN_ENV: "grey-heron-77"}
    found = serve.class_environment(asked(class_code=None, teacher_token=None), given)
    assert (found[serve.CODE_ENV], found[serve.TOKEN_ENV]) == ("heron-7", "grey-heron-77")


@pytest.mark.parametrize(("changes", "code"), [
    ({"class_code": None}, "class_code_short"),
    ({"class_code": " ab "}, "class_code_short"),
    ({"teacher_token": "short"}, "teacher_token_short"),
    ({"class_code": "grey-heron-77"}, "teacher_token_short"),
])  # fmt: skip
def test_words_that_can_be_guessed_are_refused(changes, code):
    with pytest.raises(ConfigError) as caught:
        serve.class_environment(asked(**changes), {})
    assert caught.value.code == code


def test_a_base_path_is_given_to_the_server():
    assert "--server.baseUrlPath=kd/lab" in serve.server_command(asked(base_path="/kd/lab/"))
    for bad in ("kd lab", "../kd", "kd?x=1"):
        with pytest.raises(ConfigError, match="base_path_form"):
            serve.server_command(asked(base_path=bad))


def test_a_port_that_is_taken_is_told(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        words = ["--class-code", "heron-7", "--teacher-token", "grey-heron-77"]
        assert main(["serve", "--port", port, *words, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["error"]["code"] == "serve_port"


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
def test_a_polite_kill_ends_the_server_too(tmp_path):
    ready, ended = tmp_path / "ready", tmp_path / "ended"
    child = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        f"    pathlib.Path({str(ended)!r}).touch()\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(60)\n"
    )
    parent = (
        "import subprocess, sys\nfrom kd_core.cli import serve\n"
        f"sys.exit(serve._follow(subprocess.Popen([sys.executable, '-c', {child!r}])))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    while not ready.exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert ended.exists()
