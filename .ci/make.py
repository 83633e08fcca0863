#!/usr/bin/env python3
"""Set up KD Lab, then run it or test it: ``python .ci/make.py run`` or ``test``.

    run                 set up .venv, choose a free port on 127.0.0.1, start the dashboard
    test [ARGUMENT...]  set up .venv with the test tools, then ruff, mypy and pytest (ARGUMENT...)

    TORCH=cpu           install PyTorch's CPU build (200 MB instead of 3 GB of GPU libraries)
    KDLAB_ADDRESS       address to serve on; 0.0.0.0 lets the whole network in (default 127.0.0.1)
    KDLAB_PORT          first port to try (default 8501)

The Makefile calls this file; Windows, which has no make, calls it directly. It uses the standard
library only and still parses on Python 3.6, so that an old Python gets a sentence, not a traceback.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
OLDEST = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PORTS = 100  # how many ports are tried, from the first one on


class Problem(Exception):
    """One sentence for the person, printed without a traceback."""


def main(arguments):
    """Run the command; returns the exit code."""
    try:
        check_python(sys.version_info)
        if arguments[:1] == ["run"] and len(arguments) == 1:
            set_up("run")
            return run()
        if arguments[:1] == ["test"]:
            set_up("test")
            return test(arguments[1:])
    except Problem as problem:
        say(str(problem))
        return 1
    print(__doc__)
    return 2


def say(text):
    """Print a line at once, also where the output is a file."""
    print("kd-lab: " + text, flush=True)


# ---------------------------------------------------------------- set-up


def check_python(version):
    """Raise a Problem that names the command to use where this Python is too old."""
    if tuple(version[:2]) >= OLDEST:
        return
    newer = next((n for n in newer_pythons() if shutil.which(n)), None)
    if newer and WINDOWS:
        hint = "Run: {} .ci\\make.py run".format(newer)
    elif newer:
        hint = "Run: make run PYTHON={}".format(newer)
    elif WINDOWS:
        hint = "Run: winget install Python.Python.3.12"
    elif sys.platform == "darwin":
        hint = "Run: brew install python@3.12, then: make run PYTHON=python3.12"
    else:
        hint = "Run: sudo apt install python3.12 python3.12-venv, then: make run PYTHON=python3.12"
    raise Problem(
        "KD Lab needs Python 3.11 or newer, and this is {}.{}. {}".format(*version[:2], hint)
    )


def newer_pythons():
    """Names of commands that would be new enough, the best tested first."""
    return ["python3.{}".format(minor) for minor in (12, 11, 13, 14)]


def set_up(target):
    """Make ``.venv`` fit requirements.txt and pyproject.toml; does nothing if it already does."""
    stamp = VENV / "kdlab-{}.stamp".format(target)
    wanted = fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    started = time.monotonic()
    if not python().exists():
        make_venv()
    install_torch()
    what = ".[test]" if target == "test" else "."
    say("installing the packages of requirements.txt into .venv (minutes the first time)")
    pip("install", "--editable", what)
    for done in ("run", "test") if target == "test" else ("run",):
        (VENV / "kdlab-{}.stamp".format(done)).write_text(wanted)
    say("set up in {:.0f} s; the next time this is skipped".format(time.monotonic() - started))


def fingerprint():
    """Hash of all that decides what is installed, and where."""
    digest = hashlib.sha256((sys.version + str(ROOT)).encode())
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def python():
    """The interpreter of ``.venv``."""
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")


def make_venv():
    """Create ``.venv``; it sees the packages of this Python if that has a fitting PyTorch."""
    command = [sys.executable, "-m", "venv", str(VENV)]
    if sys.prefix == sys.base_prefix and torch_fits(sys.executable):
        say("keeping the PyTorch that this Python already has")
        command.append("--system-site-packages")
    say("creating .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
    if subprocess.call(command, cwd=str(ROOT)) != 0:
        shutil.rmtree(str(VENV), ignore_errors=True)
        raise Problem(
            "Python could not create .venv. On Debian and Ubuntu run: "
            "sudo apt install python{}.{}-venv".format(*sys.version_info[:2])
        )


def install_torch():
    """Install PyTorch's CPU build where it is asked for, unless a fitting one is there."""
    if torch_fits(str(python())):
        say("keeping the PyTorch in .venv")
        return
    if os.environ.get("TORCH", "").lower() != "cpu":
        if sys.platform != "darwin" and not shutil.which("nvidia-smi"):
            say(
                "no NVIDIA driver seen; TORCH=cpu would install a PyTorch without its 3 GB for GPUs"
            )
        return  # pip takes PyPI's build with the other packages
    if not reachable(CPU_INDEX + "/torch/"):
        say("TORCH=cpu: {} cannot be reached; PyPI's build is used instead".format(CPU_INDEX))
        return
    say("installing PyTorch's CPU build from {}".format(CPU_INDEX))
    try:
        pip("install", "--index-url", CPU_INDEX, *torch_requirements())
    except Problem:
        say("TORCH=cpu: this build cannot be installed here; PyPI's build is used instead")


def torch_requirements():
    """The lines of requirements.txt about torch and torchvision."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line.startswith(("torch>", "torchvision>"))]


def torch_fits(interpreter):
    """True if this Python has torch and torchvision in the versions of requirements.txt."""
    return subprocess.call([interpreter, "-c", FITS] + torch_requirements()) == 0


# Runs in the other interpreter. Bounds are ">=a,<b" only, so comparing the digits is enough.
FITS = """
import re, sys
from importlib import metadata
def digits(text): return [int(part) for part in re.findall(r"\\d+", text.partition("+")[0])[:3]]
for line in sys.argv[1:]:
    name, low, high = re.fullmatch(r"([a-z]+)>=([\\d.]+),<([\\d.]+)", line).groups()
    try:
        version = digits(metadata.version(name))
    except metadata.PackageNotFoundError:
        sys.exit(1)
    if not digits(low) <= version < digits(high):
        sys.exit(1)
"""


def reachable(url):
    """True if the address answers within ten seconds."""
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except (urllib.error.URLError, OSError):
        return False


def pip(*arguments):
    """Run pip in ``.venv`` and show what it does."""
    command = [str(python()), "-m", "pip", *arguments, "--disable-pip-version-check"]
    if subprocess.call(command, cwd=str(ROOT)) != 0:
        raise Problem("pip failed, see above. Mend the cause and run the same command again.")


# ---------------------------------------------------------------- run


def run():
    """Serve the dashboard until Ctrl-C; returns the exit code."""
    address = os.environ.get("KDLAB_ADDRESS", "127.0.0.1")
    first = os.environ.get("KDLAB_PORT", "8501")
    if not first.isdigit() or not 0 < int(first) <= 65535 - PORTS:
        raise Problem("KDLAB_PORT must be a port such as 8501, but is {}.".format(first))
    port = free_port(address, int(first))
    if str(port) != first:
        say("port {} is taken, the next free one is {}".format(first, port))
    shared = address != "127.0.0.1"
    if shared:
        say("everyone who can reach this machine can start runs on it")
    environment = child_environment()
    # Which device is used takes seconds to find out, so the server does not wait for it.
    report = subprocess.Popen(
        [str(python()), "-m", "kd_core.cli", "device"], cwd=str(ROOT), env=environment
    )
    server = [str(python()), "-m", "streamlit", "run", "app/main.py", "--server.headless=true"]
    server += ["--server.address=" + address, "--server.port={}".format(port)]
    server += ["--client.showErrorDetails=none"] if shared else []
    child = subprocess.Popen(server, cwd=str(ROOT), env=environment)
    say("the dashboard is at http://{}:{} (Ctrl-C stops it)".format(shown(address), port))
    code = follow(child)
    report.wait()
    return code


def child_environment():
    """This environment with the repository on the module path, so that reloads see ``kd_core``."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in paths if path))


def shown(address):
    """What a browser on this machine can open."""
    return "127.0.0.1" if address == "0.0.0.0" else address


def free_port(address, first):
    """The first port from ``first`` on that nobody listens on."""
    for port in range(first, first + PORTS):
        with socket.socket() as probe:
            if not WINDOWS:  # else a port that was closed a second ago would count as taken
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise Problem(
        "No port from {} to {} is free on {}; choose another with KDLAB_PORT.".format(
            first, first + PORTS - 1, address
        )
    )


def follow(child):
    """Wait for the server and pass Ctrl-C and a polite kill on to it; returns its exit code."""

    def stop(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        return child.wait()
    except KeyboardInterrupt:
        say("stopping")
    try:
        # A terminal sends Ctrl-C to the server as well; only if it did not is it told here.
        child.wait(2)
    except subprocess.TimeoutExpired:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    return 0


# ---------------------------------------------------------------- test


def test(arguments):
    """Run all checks, also after one failed; returns 0 if all passed."""
    workers = str(min(4, os.cpu_count() or 1))
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["pytest", "-n", workers, "--dist", "loadgroup", *arguments],
    ]
    # One thread a process: the tests run side by side and their networks are tiny.
    environment = dict(child_environment(), OMP_NUM_THREADS="1")
    failed = []
    for check in checks:
        say(" ".join(check))
        command = [str(python()), "-m", *check]
        if subprocess.call(command, cwd=str(ROOT), env=environment) != 0:
            failed.append(" ".join(check[:2]))
    say("failed: {}".format(", ".join(failed)) if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
