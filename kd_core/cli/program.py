"""The program ``kd-lab``: its arguments, its language, its errors and its exit codes."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kd_core import __version__
from kd_core.cli import (
    bundles,
    class_room,
    data,
    devices,
    mlflow,
    predict,
    runs,
    serve,
    study,
    upkeep,
)
from kd_core.cli.screen import Screen
from kd_core.errors import KDLabError
from kd_core.jobs.plugins import load_plugin
from kd_core.text import best_language, languages, load_catalogue

LOCALE = Path(__file__).parents[2] / "app" / "locale"
PROBLEM, USAGE, STOPPED = 1, 2, 130  # exit codes; 130 is what shells give for Ctrl-C

Command = Callable[[argparse.Namespace, Screen], Mapping[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    catalogue = load_catalogue(LOCALE, language(os.environ))
    screen = Screen(catalogue, "--json" in arguments, sys.stdout)
    try:
        parsed = build_parser(screen).parse_args(arguments)
    except SystemExit as stop:  # --help, --version, or wrong usage, which argparse has explained
        if stop.code == USAGE:
            screen.finish({"ok": False, "error": {"family": "usage", "code": "usage"}})
        return int(stop.code or 0)
    try:
        return _carry_out(parsed, screen)
    except KeyboardInterrupt:
        screen.finish({"ok": False, "error": {"family": "usage", "code": "stopped"}})
        return STOPPED
    except BrokenPipeError:  # "kd-lab list | head": nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PROBLEM


def _carry_out(parsed: argparse.Namespace, screen: Screen) -> int:
    try:
        # What a library prints on the way is not the answer.
        with contextlib.redirect_stdout(sys.stderr):
            for plugin in parsed.plugin:
                load_plugin(plugin)
            command: Command = parsed.command
            answer = {"ok": True, **command(parsed, screen)}
    except KDLabError as error:
        sentence = screen.text(error.msg)
        screen.note(error.msg)
        answer = {"ok": False, "error": {**error.to_json(), "message": sentence}}
    screen.finish(answer)
    return 0 if answer["ok"] else PROBLEM


def language(environment: Mapping[str, str]) -> str:
    """Language of the terminal, if there are texts in it; else English.

    >>> language({"LANG": "en_GB.UTF-8"}), language({"LC_ALL": "C", "LANG": "xx_XX"})
    ('en', 'en')
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next((environment[name] for name in names if environment.get(name)), "")
    return best_language(wanted, languages(LOCALE))


def build_parser(screen: Screen) -> argparse.ArgumentParser:
    """The parser of all commands, with its help in the reader's language."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help=screen.text("cli.option.json"))
    common.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE.py",
        help=screen.text("cli.option.plugin"),
    )
    parser = argparse.ArgumentParser("kd-lab", description=screen.text("cli.about"))
    parser.add_argument("--version", action="version", version=f"kd-lab {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Command) -> argparse.ArgumentParser:
        about = screen.text(f"cli.{name}.about")
        added = commands.add_parser(
            name, help=about, description=about, parents=[common], allow_abbrev=False
        )
        added.set_defaults(command=command)
        return added

    parts = (data, study, runs, predict, devices, upkeep, bundles, mlflow, serve, class_room)
    for module in parts:
        module.add_commands(add, screen)
    return parser
