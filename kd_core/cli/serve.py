"""``kd-lab serve``: the dashboard, open for a class."""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.cli.screen import Screen
from kd_core.errors import ConfigError, JobError

ROOT = Path(__file__).parents[2]
CODE_ENV, TOKEN_ENV = "KDLAB_CLASS_CODE", "KDLAB_TEACHER_TOKEN"
CODE_CHARS, TOKEN_CHARS = 4, 10
_BASE = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
STOP_S = 20.0


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``serve``."""
    command = add("serve", serve)
    text = screen.text
    command.add_argument("--host", default="127.0.0.1", help=text("cli.serve.host"))
    command.add_argument("--port", type=int, default=8501, help=text("cli.serve.port"))
    command.add_argument("--class-code", metavar="CODE", help=text("cli.serve.class_code"))
    command.add_argument("--teacher-token", metavar="TOKEN", help=text("cli.serve.teacher_token"))
    command.add_argument("--base-path", default="", help=text("cli.serve.base_path"))
    for name, start, about in (
        ("--people", 60, "cli.serve.people"),
        ("--runs", 12, "cli.serve.runs"),
        ("--run-minutes", 15, "cli.serve.run_minutes"),
        ("--upload-mb", 200, "cli.serve.upload_mb"),
    ):
        command.add_argument(name, type=_count, default=start, metavar="N", help=text(about))


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError(text)
    return int(text)


def serve(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Serve until Ctrl-C.

    Raises:
        ConfigError: ``class_code_short``, ``teacher_token_short``, ``base_path_form``.
        JobError: ``serve_port``.
    """
    environment = class_environment(arguments, os.environ)
    command = server_command(arguments)
    _check_port(arguments.host, arguments.port)
    if arguments.class_code or arguments.teacher_token:
        screen.note("cli.serve.seen")
    host = "127.0.0.1" if arguments.host in ("0.0.0.0", "::") else arguments.host
    address = f"http://{host}:{arguments.port}/{arguments.base_path.strip('/')}"
    screen.note("cli.serve.open", address=address)
    child = subprocess.Popen(command, cwd=ROOT, env=environment)
    return {"address": address, "exit_code": _follow(child)}


def class_environment(
    arguments: argparse.Namespace, environment: Mapping[str, str]
) -> dict[str, str]:
    """The server's environment: the words, which no argument of it shows, and the limits.

    Raises:
        ConfigError: ``class_code_short``, ``teacher_token_short``.
    """
    code = (arguments.class_code or environment.get(CODE_ENV, "")).strip()
    token = (arguments.teacher_token or environment.get(TOKEN_ENV, "")).strip()
    if len(code) < CODE_CHARS:
        raise ConfigError("class_code_short", low=CODE_CHARS)
    if len(token) < TOKEN_CHARS or token == code:
        raise ConfigError("teacher_token_short", low=TOKEN_CHARS)
    paths = (str(ROOT), environment.get("PYTHONPATH", ""))
    return {
        **environment,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        CODE_ENV: code,
        TOKEN_ENV: token,
        "KDLAB_CLASS_PEOPLE": str(arguments.people),
        "KDLAB_CLASS_QUEUED": str(arguments.runs),
        "KDLAB_CLASS_RUN_S": str(60 * arguments.run_minutes),
        "KDLAB_CLASS_UPLOAD_MB": str(arguments.upload_mb),
    }


def server_command(arguments: argparse.Namespace) -> list[str]:
    """How the server is started; an upload is held in memory, so each is limited there, too.

    Raises:
        ConfigError: ``base_path_form``.
    """
    base = arguments.base_path.strip("/")
    if base and not _BASE.fullmatch(base):
        raise ConfigError("base_path_form", path=arguments.base_path[:80])
    options = {
        "server.headless": "true",
        "server.address": arguments.host,
        "server.port": arguments.port,
        "server.baseUrlPath": base,
        "server.maxUploadSize": arguments.upload_mb,
        "server.disconnectedSessionTTL": 600,
        "client.showErrorDetails": "none",
    }
    program = [sys.executable, "-m", "streamlit", "run", "app/main.py"]
    return program + [f"--{name}={value}" for name, value in options.items()]


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name != "nt":  # else a port that was closed a second ago would count as taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            detail = getattr(error, "strerror", None) or str(error)
            raise JobError("serve_port", host=host, port=port, detail=detail) from None


def _follow(child: subprocess.Popen[bytes]) -> int:
    """Wait for the server; a Ctrl-C or a polite kill ends it, too."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
