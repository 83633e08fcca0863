"""The class as a service: the board, answers, who is here, wiping; each asks who acts first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from app.class_room import room
from app.services import services
from app.visitor import allowed
from kd_core.study.board import Board, Place, Rules
from kd_core.study.people import Count
from kd_core.study.rights import Person, of_class
from kd_core.study.rows import ACTIVE, ModelRow, RunRow
from kd_core.study.wipe import Wiped, wipe


@dataclass(frozen=True)
class Here:
    """Somebody who is in, for the teacher.

    Attributes:
        person: Who.
        runs: How many runs they made.
        active: How many of them wait or run.
        upload_bytes: What they keep on the server.
    """

    person: Person
    runs: int
    active: int
    upload_bytes: int


def _board() -> Board:
    return Board(room().people, services().store)


# --- the board ----------------------------------------------------------------------------------


def rules() -> Rules:
    """What the teacher set.

    Raises:
        AccessError: ``class_code_needed``.
    """
    allowed("look")
    return _board().rules


def places() -> list[Place]:
    """The board, best first.

    Raises:
        AccessError: ``class_code_needed``.
    """
    allowed("look")
    return _board().places()


def enter(run_id: str, model: str) -> None:
    """Put a finished model of one's own on the board.

    Raises:
        AccessError: Without the right ``start``, and as :meth:`kd_core.study.board.Board.enter`.
    """
    _board().enter(allowed("start"), run_id, model)


def leave() -> None:
    """Take one's own entry off the board.

    Raises:
        AccessError: Without the right ``start``.
    """
    _board().leave(allowed("start"))


def my_models() -> dict[tuple[str, str], tuple[RunRow, ModelRow]]:
    """Finished models of this visitor's own on the board's data set, by run and name."""
    me, store = allowed("look"), services().store
    wanted = _board().rules
    mine = {
        run.id: run
        for run in store.runs(status=("finished",), dataset=wanted.dataset or None)
        if me.owns(run.owner)
    }
    return {
        (run_id, model.name): (run, model)
        for run_id, run in mine.items()
        for model in store.models(run=run_id)
    }


def set_rules(*, is_open: bool, dataset: str, budget_bytes: int) -> Rules:
    """Open or close the board, and say what it compares.

    Raises:
        AccessError: Without the right ``board``.
        DataError: ``dataset_unknown``.
        ConfigError: ``config_value``.
    """
    allowed("board")
    data_hash = services().library.info(dataset).hash
    return _board().set_rules(
        is_open=is_open, dataset=dataset, data_hash=data_hash, budget_bytes=budget_bytes
    )


def reset() -> int:
    """Take everybody off the board; how many there were.

    Raises:
        AccessError: Without the right ``board``.
    """
    allowed("board")
    return _board().reset()


# --- the people ---------------------------------------------------------------------------------


def here() -> list[Here]:
    """Who is in, with what they started and brought.

    Raises:
        AccessError: Without the right ``board``.
    """
    allowed("board")
    people, runs = room().people, services().store.runs()
    started = Counter(run.owner for run in runs)
    active = Counter(run.owner for run in runs if run.status in ACTIVE)
    return [
        Here(
            one,
            sum(n for owner, n in started.items() if one.owns(owner)),
            sum(n for owner, n in active.items() if one.owns(owner)),
            people.upload_bytes(one.id),
        )
        for one in people.present(room().marks)
    ]


def remove_person(person: str) -> bool:
    """Let one person out, so that their place is free; whether they were in.

    Raises:
        AccessError: Without the right ``board``.
    """
    allowed("board")
    return room().people.remove(person)


def class_runs() -> list[RunRow]:
    """All runs of the class's visitors.

    Raises:
        AccessError: Without the right ``board``.
    """
    allowed("board")
    return [run for run in services().store.runs() if of_class(run.owner)]


def wipe_class() -> Wiped:
    """Remove all that the class's visitors made and brought, and forget them.

    Raises:
        AccessError: Without the right ``board``.
        JobError: As :func:`kd_core.study.wipe.wipe`.
    """
    allowed("board")
    return wipe(services().store, room().people)


def used_bytes() -> int:
    """What this visitor keeps on the server."""
    return room().people.upload_bytes(allowed("look").id)


# --- lessons ------------------------------------------------------------------------------------


def keep_answer(lesson: str, question: str, answer: str, *, is_right: bool) -> None:
    """Keep this visitor's answer to a question; a later one takes its place.

    Raises:
        AccessError: Without the right ``start``.
    """
    room().people.answer(allowed("start").id, lesson, question, answer, is_right)


def my_answers(lesson: str) -> dict[str, str]:
    """This visitor's answers to the questions of a lesson.

    Raises:
        AccessError: ``class_code_needed``.
    """
    return room().people.answers(allowed("look").id, lesson)


def answer_counts(lesson: str) -> list[Count]:
    """How often each answer was given, without who gave it.

    Raises:
        AccessError: Without the right ``board``.
    """
    allowed("board")
    return room().people.counts(lesson)
