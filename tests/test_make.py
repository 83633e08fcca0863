"""The set-up script, without installing anything."""

import ast
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "make.py"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A fresh copy of the script as a module, with a ``.venv`` of its own and no pip."""
    spec = importlib.util.spec_from_file_location("kdlab_make", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.VENV = tmp_path / ".venv"
    module.pipped = []
    module.fits = False

    def make_venv():
        module.python().parent.mkdir(parents=True)
        module.python().touch()

    monkeypatch.setattr(module, "pip", lambda *arguments: module.pipped.append(arguments))
    monkeypatch.setattr(module, "make_venv", make_venv)
    monkeypatch.setattr(module, "torch_fits", lambda interpreter: module.fits)
    monkeypatch.setattr(module, "reachable", lambda url: False)
    monkeypatch.delenv("TORCH", raising=False)
    monkeypatch.delenv("KDLAB_ADDRESS", raising=False)
    monkeypatch.delenv("KDLAB_PORT", raising=False)
    return module


def test_the_script_parses_on_old_pythons():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))


def test_the_script_needs_nothing_installed():
    tree = ast.parse(SCRIPT.read_text())
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("found", "platform", "windows", "hint"),
    [
        ("python3.12", "linux", False, "make run PYTHON=python3.12"),
        ("python3.13", "linux", False, "make run PYTHON=python3.13"),
        (None, "linux", False, "sudo apt install python3.12"),
        (None, "darwin", False, "brew install python@3.12"),
        ("python3.11", "win32", True, "python3.11 .ci\\make.py run"),
        (None, "win32", True, "winget install Python.Python.3.12"),
    ],
)
def test_an_old_python_gets_the_command_that_helps(
    make, monkeypatch, found, platform, windows, hint
):
    monkeypatch.setattr(make.shutil, "which", lambda name: name if name == found else None)
    monkeypatch.setattr(make.sys, "platform", platform)
    monkeypatch.setattr(make, "WINDOWS", windows)
    with pytest.raises(make.Problem) as caught:
        make.check_python((3, 9, 2))
    assert "3.11 or newer, and this is 3.9." in str(caught.value)
    assert hint in str(caught.value)


def test_a_new_python_is_welcome(make):
    make.check_python((3, 11, 0))
    make.check_python((4, 0, 0))


def test_a_problem_is_one_line_and_exit_code_one(make, monkeypatch, capsys):
    monkeypatch.setattr(make, "OLDEST", (99, 0))
    assert make.main(["run"]) == 1
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["build"], ["run", "fast"]])
def test_an_unknown_command_shows_the_usage(make, capsys, arguments):
    assert make.main(arguments) == 2
    assert "TORCH=cpu" in capsys.readouterr().out


def test_set_up_runs_once(make):
    make.set_up("run")
    assert make.pipped == [("install", "--editable", ".")]
    make.set_up("run")
    assert len(make.pipped) == 1


def test_the_test_tools_are_a_second_set_up_that_covers_the_first(make):
    make.set_up("test")
    assert make.pipped == [("install", "--editable", ".[test]")]
    make.set_up("run")
    assert len(make.pipped) == 1


def test_set_up_runs_again_after_a_change_of_the_lists(make, monkeypatch):
    make.set_up("run")
    monkeypatch.setattr(make, "fingerprint", lambda: "other")
    make.set_up("run")
    assert len(make.pipped) == 2


def test_a_failed_install_is_tried_again(make, monkeypatch):
    def fail(*arguments):
        raise make.Problem("pip failed")

    with monkeypatch.context() as patch:
        patch.setattr(make, "pip", fail)
        with pytest.raises(make.Problem):
            make.set_up("run")
    make.set_up("run")
    assert len(make.pipped) == 1


def test_cpu_build_comes_from_pytorchs_own_index(make, monkeypatch):
    monkeypatch.setenv("TORCH", "cpu")
    monkeypatch.setattr(make, "reachable", lambda url: True)
    make.install_torch()
    (call,) = make.pipped
    assert call[:3] == ("install", "--index-url", "https://download.pytorch.org/whl/cpu")
    assert [line.partition(">")[0] for line in call[3:]] == ["torch", "torchvision"]


def test_an_index_out_of_reach_is_said_and_pypi_used(make, monkeypatch, capsys):
    monkeypatch.setenv("TORCH", "cpu")
    make.install_torch()
    assert make.pipped == []
    assert "cannot be reached" in capsys.readouterr().out


def test_an_existing_torch_is_kept(make, monkeypatch, capsys):
    monkeypatch.setenv("TORCH", "cpu")
    monkeypatch.setattr(make, "reachable", lambda url: True)
    make.fits = True
    make.install_torch()
    assert make.pipped == []
    assert "keeping" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("torch", "torchvision", "fits"),
    [
        ("2.14.1", "0.29.2", True),
        ("2.14.1+cpu", "0.29.2+cpu", True),
        ("2.14.10a0+nv25", "0.29.2", True),
        ("2.13.0", "0.28.0", False),
        ("2.15.0", "0.30.0", False),
        ("2.14.1", "0.28.9", False),
        ("2.14.1", None, False),
    ],
)
def test_which_torch_fits(tmp_path, torch, torchvision, fits):
    spec = importlib.util.spec_from_file_location("kdlab_make", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, version in {"torch": torch, "torchvision": torchvision}.items():
        if version:
            info = tmp_path / f"{name}-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            )
    lines = module.torch_requirements()
    assert len(lines) == 2
    # an interpreter that sees this folder and none of its own packages
    command = [sys.executable, "-S", "-c", module.FITS, *lines]
    code = subprocess.call(command, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (code == 0) is fits


def test_the_next_free_port_is_taken(make):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert make.free_port("127.0.0.1", port) > port


def test_no_free_port_is_a_problem(make, monkeypatch):
    monkeypatch.setattr(make, "PORTS", 1)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(make.Problem, match="KDLAB_PORT"):
            make.free_port("127.0.0.1", busy.getsockname()[1])


@pytest.mark.parametrize("port", ["abc", "0", "65500", "-1"])
def test_a_port_that_is_none_is_a_problem(make, monkeypatch, port):
    monkeypatch.setenv("KDLAB_PORT", port)
    with pytest.raises(make.Problem, match="KDLAB_PORT"):
        make.run()


@pytest.mark.parametrize(
    ("address", "shown"), [(None, "http://127.0.0.1:8600"), ("0.0.0.0", "http://127.0.0.1:8600")]
)
def test_run_serves_on_this_machine_and_prints_the_address(
    make, monkeypatch, capsys, address, shown
):
    commands = []

    class Child:
        def __init__(self, command, cwd, env):
            commands.append((command, env))

        def wait(self, timeout=None):
            return 0

    monkeypatch.setattr(make.subprocess, "Popen", Child)
    monkeypatch.setattr(make, "free_port", lambda address, first: 8600)
    if address:
        monkeypatch.setenv("KDLAB_ADDRESS", address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert make.run() == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    out = capsys.readouterr().out
    assert shown in out
    assert ("everyone" in out) is bool(address)
    device, server = commands
    assert device[0][-2:] == ["kd_core.cli", "device"]
    assert f"--server.address={address or '127.0.0.1'}" in server[0]
    assert "--server.port=8600" in server[0]
    assert ("--client.showErrorDetails=none" in server[0]) is bool(address)
    assert server[1]["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_reaches_the_server(tmp_path, number):
    ready = tmp_path / "ready"
    child = f"import pathlib, time; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    program = (
        f"import importlib.util as u, subprocess, sys\n"
        f"spec = u.spec_from_file_location('m', {str(SCRIPT)!r})\n"
        f"m = u.module_from_spec(spec); spec.loader.exec_module(m)\n"
        f"c = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        f"print(c.pid, flush=True)\n"
        f"sys.exit(m.follow(c))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    while not ready.exists():
        time.sleep(0.02)
    parent.send_signal(number)
    assert parent.wait(30) == 0
    parent.stdout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_all_checks_run_even_if_one_fails(make, monkeypatch, capsys):
    ran = []

    def call(command, cwd, env):
        ran.append((command[2], env["OMP_NUM_THREADS"]))
        return 1 if command[2] == "mypy" else 0

    monkeypatch.setattr(make.subprocess, "call", call)
    assert make.test([]) == 1
    assert ran == [("ruff", "1"), ("ruff", "1"), ("mypy", "1"), ("pytest", "1")]
    assert "failed: mypy" in capsys.readouterr().out


def test_requirements_are_bounded_and_read_by_pyproject():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["dependencies"]
    assert project["tool"]["setuptools"]["dynamic"]["dependencies"]["file"] == ["requirements.txt"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert all(">=" in line for line in lines if line and not line.startswith("#"))
