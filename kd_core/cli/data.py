"""``kd-lab import``, ``doctor`` and ``fetch``: images in, looked at, and ahead of time."""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_core.cli.screen import Screen
from kd_core.errors import ConfigError
from kd_core.study.folders import Home, open_home
from kd_core.text import Msg

if TYPE_CHECKING:  # these import torch, which takes seconds
    from kd_core.data.draft import Draft

DOCTOR_SIZE = 64  # pixels; the checks are made for it
ALL_WEIGHTS = "all-weights"


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``import``, ``doctor`` and ``fetch``."""
    command = add("import", import_data)
    command.add_argument("path", type=Path, metavar="PATH", help=screen.text("cli.import.path"))
    command.add_argument("--name", required=True, help=screen.text("cli.import.name"))
    _add_source(command, screen)
    command = add("doctor", doctor)
    command.add_argument("data", metavar="PATH|NAME", help=screen.text("cli.doctor.data"))
    _add_source(command, screen)
    command = add("fetch", fetch)
    command.add_argument("names", nargs="*", metavar="NAME", help=screen.text("cli.fetch.names"))


def _add_source(command: argparse.ArgumentParser, screen: Screen) -> None:
    command.add_argument("--source", metavar="KIND", help=screen.text("cli.import.source"))
    command.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=screen.text("cli.import.option"),
    )


def import_data(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Store a data set in the library.

    Raises:
        DataError: What is wrong with the images or the table; ``dataset_exists``.
        UploadError: What is wrong with an archive.
        ConfigError: ``option_form``, or an option that the source does not have.
    """
    from kd_core.data.library import Library

    home = open_home()
    options = parse_options(arguments.option)
    with opened(arguments.path, home, screen) as path:
        new = _draft(path, arguments.source, options, screen)
        with screen.bar(arguments.name, unit="image") as bar:
            dataset = Library(home.root).add(new, arguments.name, _counter(bar))
    screen.line("cli.import.done", name=dataset.name, n=len(dataset), classes=list(dataset.classes))
    for part, n in dataset.part_sizes.items():
        screen.line("cli.import.counts", part=part, n=n)
    _tell_unreadable(new, screen)
    return {
        "dataset": dataset.info.to_json(),
        "images": len(dataset),
        "parts": dataset.part_sizes,
        "counts": dataset.counts(),
        "unreadable": {name: msg.to_json() for name, msg in new.unreadable.items()},
    }


def doctor(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Examine a data set; findings are no errors, so the exit code stays 0.

    Raises:
        DataError: The data cannot be read, or ``dataset_unknown``.
    """
    from kd_core.data import cache
    from kd_core.data.doctor import SourceFacts, examine
    from kd_core.data.library import Library

    home = open_home()
    library = Library(home.root)
    with contextlib.ExitStack() as stack:
        path = Path(arguments.data)
        unreadable: Mapping[str, str] = {}
        if arguments.data in library and not path.exists():
            dataset = library.get(arguments.data)
            unreadable = dict.fromkeys(dataset.info.unreadable, "")
        else:
            path = stack.enter_context(opened(path, home, screen))
            new = _draft(path, arguments.source, parse_options(arguments.option), screen)
            dataset = new.dataset
            unreadable = {
                name: msg.id.removeprefix("error.") for name, msg in new.unreadable.items()
            }
        with screen.bar(arguments.data, unit="image") as bar:
            data = cache.load(dataset, DOCTOR_SIZE, home.cache, _counter(bar))
        facts = SourceFacts(unreadable, len(dataset) + len(unreadable))
        with screen.bar(arguments.data, unit="check") as bar:
            findings = examine(data, facts, _counter(bar))
    told = [finding for finding in findings if finding.severity != "ok"]
    for finding in told:
        severity = screen.text(f"severity.{finding.severity}")
        screen.write(f"{severity}: {screen.text(finding.msg)}")
        screen.write(f"    {screen.text(finding.consequence)}")
    if not told:
        screen.line("cli.doctor.clean")
    return {
        "hash": dataset.hash,
        "findings": [
            {**finding.to_json(), "message": screen.text(finding.msg)} for finding in findings
        ],
    }


def fetch(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Download ImageNet weights, and public sets into the library; without names, list them.

    Raises:
        ConfigError: ``fetch_unknown``.
        DownloadError: The network is not there, or the file is not the right one.
    """
    from kd_core.data.public import PUBLIC_SETS
    from kd_core.models import MODELS, get_spec
    from kd_core.models.weights import fetch_imagenet

    weights = [name for name, entry in MODELS.items() if entry.weights]
    wanted = [*arguments.names]
    if ALL_WEIGHTS in wanted:
        wanted = [*weights, *(name for name in wanted if name != ALL_WEIGHTS)]
    for name in wanted:
        if name not in weights and name not in PUBLIC_SETS and not name.startswith("timm:"):
            raise ConfigError("fetch_unknown", name=name)
    if not wanted:
        rows = [(name, screen.text("cli.fetch.weights")) for name in weights]
        rows += [
            (name, screen.text("cli.fetch.set", licence=entry.licence))
            for name, entry in PUBLIC_SETS.items()
        ]
        screen.table(["cli.column.name", "cli.column.what"], rows)
    for name in wanted:
        if name in PUBLIC_SETS:
            _fetch_set(name, screen)
        else:
            with screen.bar(name, unit="B") as bar:
                fetch_imagenet(name, get_spec(name), _counter(bar))
        screen.line("cli.fetch.done", name=name)
    return {"fetched": wanted, "weights": weights, "sets": PUBLIC_SETS.names()}


def _fetch_set(name: str, screen: Screen) -> None:
    """Download a public set and store it in the library under its own name."""
    from kd_core.data.library import Library
    from kd_core.data.public import PUBLIC_SETS, download_set

    home, entry = open_home(), PUBLIC_SETS[name]
    library = Library(home.root)
    if name in library:
        return
    with screen.bar(name, unit="B") as bar:
        file = download_set(name, home.cache / "public", _counter(bar))
    with opened(file, home, screen) as path:
        new = _draft(path, entry.reader, entry.options, screen)
        with screen.bar(name, unit="image") as bar:
            library.add(
                new,
                name,
                _counter(bar),
                licence=entry.licence,
                citation=entry.citation,
                url=entry.homepage,
            )


@contextlib.contextmanager
def opened(path: Path, home: Home, screen: Screen) -> Iterator[Path]:
    """What a source can read: the path itself, or the files of a zip in a folder for the moment.

    Raises:
        UploadError: The archive is unsafe.
    """
    if not path.is_file() or path.suffix.lower() == ".npz" or not zipfile.is_zipfile(path):
        yield path
        return
    from kd_core.data.uploads import safe_unzip

    with tempfile.TemporaryDirectory(dir=home.uploads) as folder:
        target = Path(folder) / path.stem
        with screen.bar(path.name, unit="B") as bar:
            safe_unzip(path, target, progress=_counter(bar))
        yield target


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Options of a source from ``name=value``; a value that is JSON is read as such.

    Raises:
        ConfigError: ``option_form``.

    >>> parse_options(["val_share=0.2", "patient_pattern=^(P[0-9]+)"])
    {'val_share': 0.2, 'patient_pattern': '^(P[0-9]+)'}
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not name or not separator:
            raise ConfigError("option_form", got=text)
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def _draft(path: Path, source: str | None, options: Mapping[str, Any], screen: Screen) -> Draft:
    from kd_core.data.draft import draft

    with screen.bar(path.name, unit="image") as bar:
        new = draft(path, source, progress=_counter(bar), **options)
    for note in new.notes:
        screen.note(note)
    return new


def _tell_unreadable(new: Draft, screen: Screen) -> None:
    for name, msg in list(new.unreadable.items())[:10]:
        screen.note("cli.import.unreadable", name=name, why=msg)
    if len(new.unreadable) > 10:
        screen.note(Msg("cli.import.unreadable_more", {"n": len(new.unreadable) - 10}))


def _counter(bar: Any) -> Callable[[int, int | None], None]:
    """Progress as the engine reports it, drawn on a bar."""

    def show(done: int, total: int | None) -> None:
        bar.total = total
        bar.n = done
        bar.refresh()

    return show
