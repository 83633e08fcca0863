"""``kd-lab class``: ready for a class, who is in it, and cleaning up after it."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from kd_core.cli.class_prepare import prepare
from kd_core.cli.screen import Screen
from kd_core.study.people import People
from kd_core.study.rights import of_class
from kd_core.study.store import Store


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``class``."""
    command = add("class", class_room)
    command.add_argument(
        "what", choices=("prepare", "show", "wipe"), help=screen.text("cli.class.what")
    )
    command.add_argument("--study", default="", help=screen.text("cli.class.study"))
    command.add_argument("--people", type=int, default=30, help=screen.text("cli.class.expected"))
    command.add_argument(
        "--upload-mb", type=int, default=200, help=screen.text("cli.serve.upload_mb")
    )
    command.add_argument(
        "--only", nargs="*", default=[], metavar="NAME", help=screen.text("cli.class.only")
    )
    command.add_argument("--yes", action="store_true", help=screen.text("cli.class.yes"))


def class_room(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Make everything ready for a class, show the class, or wipe it.

    Raises:
        ConfigError, StoreError: As :func:`prepare`.
        JobError: ``run_active``, ``dataset_in_use``, ``run_needed``.
    """
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(Store()))
        if arguments.what == "prepare":
            return prepare(arguments, screen, store)
        people = stack.enter_context(contextlib.closing(People(store.home.root)))
        if arguments.what == "wipe":
            return _wipe(arguments, screen, store, people)
        return _show(screen, store, people)


def _show(screen: Screen, store: Store, people: People) -> Mapping[str, Any]:
    known = people.everybody()
    runs = Counter(run.owner for run in store.runs())
    found = [
        {
            "nickname": one.nickname,
            "role": one.role,
            "runs": sum(n for owner, n in runs.items() if one.owns(owner)),
            "upload_bytes": people.upload_bytes(one.id),
        }
        for one in known
    ]
    screen.line("cli.class.people", n=len(found))
    for one in found:
        screen.line(
            "cli.class.person",
            nickname=one["nickname"],
            runs=one["runs"],
            size=one["upload_bytes"],
        )
    return {"people": found}


def _wipe(
    arguments: argparse.Namespace, screen: Screen, store: Store, people: People
) -> Mapping[str, Any]:
    from kd_core.study.wipe import wipe

    runs = sum(of_class(run.owner) for run in store.runs())
    if not arguments.yes:
        screen.note("cli.class.sure", runs=runs, uploads=len(people.uploads()))
        if sys.stdin.readline().strip().lower() != "yes":
            screen.note("cli.class.kept")
            return {"wiped": False}
    found = dataclasses.asdict(wipe(store, people))
    size = found.pop("freed_bytes")
    screen.line("class.wiped", size=size, **found)
    return {"wiped": True, **found, "freed_bytes": size}
