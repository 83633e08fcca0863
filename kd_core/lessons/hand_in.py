"""What a student hands in: answers, place on the board, and the settings of their own runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from kd_core import __version__
from kd_core.text import Msg

Say = Callable[[Msg], str]


@dataclass(frozen=True)
class Answer:
    """One answered question, in the words in which it was asked.

    Attributes:
        lesson: Name of the lesson.
        question: Name of the question.
        asked: The question.
        answer: What was answered, as it was read.
        is_right: Whether it was right.
    """

    lesson: str
    question: str
    asked: str
    answer: str
    is_right: bool


@dataclass(frozen=True)
class OwnRun:
    """One run of the student's own.

    Attributes:
        id: Of the run.
        key: Its place in its study.
        status: What became of it.
        settings: All of its settings.
        scores: Validation scores of its model; empty where it has none.
    """

    id: str
    key: str
    status: str
    settings: dict[str, Any]
    scores: dict[str, float]


@dataclass(frozen=True)
class HandIn:
    """One student's file.

    Attributes:
        nickname: What they chose to be called; empty outside a class.
        study: Name of the study that the lessons showed.
        answers: In the order of the lessons.
        board: Rank, accuracy and bytes of their entry on the class board; empty where none.
        runs: Their own runs, oldest first.
        made: When, in seconds since 1970.
    """

    nickname: str
    study: str
    answers: tuple[Answer, ...] = ()
    board: dict[str, Any] | None = None
    runs: tuple[OwnRun, ...] = ()
    made: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a program."""
        return {"program": "KD Lab", "version": __version__, **asdict(self)}

    def to_text(self, say: Say) -> str:
        """Lines, for a person."""
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.made))
        right = sum(answer.is_right for answer in self.answers)
        head = {"nickname": self.nickname or "–", "study": self.study, "day": day}
        lines = [say(Msg("learn.hand_in.head", head)), ""]
        lines.append(
            say(Msg("learn.hand_in.answers", {"right": right, "total": len(self.answers)}))
        )
        lines += [self._line(answer, say) for answer in self.answers]
        if self.board is None:
            lines += ["", say(Msg("learn.hand_in.no_board"))]
        else:
            lines += ["", say(Msg("learn.hand_in.board", self.board))]
        lines += ["", say(Msg("learn.hand_in.runs", {"total": len(self.runs)}))]
        lines += [run_line(run, say) for run in self.runs]
        return "\n".join(lines) + "\n"

    def _line(self, answer: Answer, say: Say) -> str:
        mark = say(Msg("learn.hand_in.right" if answer.is_right else "learn.hand_in.wrong"))
        title = say(Msg(f"lesson.{answer.lesson}.title"))
        return f"- {title}: {answer.asked}\n  {answer.answer} ({mark})"


def run_line(run: OwnRun, say: Say) -> str:
    """One run on a line: its key, what it distils with, and how right it became."""
    distil: dict[str, Any] = run.settings.get("distil") or {}
    told = [say(Msg("learn.hand_in.alpha", {"alpha": distil["alpha"]}))] if distil else []
    for loss in distil.get("losses", ()):
        numbers = [
            say(Msg("learn.hand_in.number", {"name": name, "value": value}))
            for name, value in loss.get("params", {}).items()
        ]
        told.append(" ".join([say(Msg(f"loss.{loss['name']}.title")), *numbers]))
    told += [
        say(Msg("learn.hand_in.score", {"metric": Msg(f"metric.{name}.title"), "value": value}))
        for name, value in run.scores.items()
    ]
    return f"- {run.key} [{say(Msg(f'status.{run.status}'))}] " + "; ".join(told)
