"""The class board: who has the most accurate small model, within the teacher's budget.

Figures are copied from the record of a finished run, never typed in: accuracy on validation data
and the bytes of the exported file. One entry a person; a new one takes the old one's place.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from pydantic import Field

from kd_core.errors import AccessError, StoreError
from kd_core.settings import Settings
from kd_core.study.people import People
from kd_core.study.rights import Person
from kd_core.study.store import Store

METRIC = "accuracy"
_SETTING = "board"


class Rules(Settings):
    """What the teacher set.

    Attributes:
        is_open: Whether people may enter.
        dataset: The data set whose models are compared.
        data_hash: Its content, so that equal names are not enough.
        budget_bytes: Largest exported file; 0 is no limit.
    """

    is_open: bool = False
    dataset: str = ""
    data_hash: str = ""
    budget_bytes: int = Field(default=0, ge=0)

    def allows(self, size_bytes: int) -> bool:
        """Whether a file fits the budget."""
        return not self.budget_bytes or size_bytes <= self.budget_bytes


class Place(NamedTuple):
    """One line of the board.

    Attributes:
        rank: 1 is best; 0 where the model does not fit the budget (any more).
    """

    rank: int
    person: str
    nickname: str
    run: str
    model: str
    accuracy: float
    size_bytes: int


class Board:
    """The board of one home's class.

    Args:
        people: Where entries are kept.
        store: Where the runs are.
    """

    def __init__(self, people: People, store: Store) -> None:
        self.people = people
        self.store = store

    @property
    def rules(self) -> Rules:
        """What the teacher set; closed before anything was."""
        return Rules.from_json(self.people.setting(_SETTING) or {})

    def set_rules(self, **changes: object) -> Rules:
        """Open or close it, or change the data set or the budget.

        Raises:
            ConfigError: ``config_value``.
        """
        rules = Rules.from_json({**self.rules.to_json(), **changes})
        self.people.set(_SETTING, rules.to_json())
        return rules

    def reset(self) -> int:
        """Take everybody off the board; how many there were."""
        with self.people.db.write() as db:
            return int(db.execute("DELETE FROM board").rowcount)

    def enter(self, person: Person, run_id: str, model: str) -> None:
        """Put a finished model of one's own on the board.

        Raises:
            AccessError: ``board_closed``, ``not_yours``, ``board_data`` or ``board_budget``.
            StoreError: ``run_unknown``, ``run_unfinished``, ``board_no_accuracy``.
        """
        rules = self.rules
        if not rules.is_open:
            raise AccessError("board_closed")
        run = self.store.run(run_id)
        if not person.owns(run.owner):
            raise AccessError("not_yours")
        if run.status != "finished":
            state = {"id": f"status.{run.status}", "params": {}}
            raise StoreError("run_unfinished", run=run.key, state=state)
        record = self.store.record(run_id)
        other_part = record.settings.data.fold is not None  # validated on images of its own
        if other_part or record.data.hash != rules.data_hash:
            raise AccessError("board_data", dataset=rules.dataset)
        row = next((row for row in self.store.models(run=run_id) if row.name == model), None)
        accuracy = None if row is None else row.values.get(METRIC)
        if row is None or accuracy is None:
            raise StoreError("board_no_accuracy", run=run.key)
        if not rules.allows(row.size_bytes):
            raise AccessError("board_budget", size=row.size_bytes, budget=rules.budget_bytes)
        with self.people.db.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO board VALUES (?, ?, ?, ?, ?, ?)",
                [person.id, run_id, model, accuracy, row.size_bytes, time.time()],
            )

    def leave(self, person: Person) -> None:
        """Take one's own entry off the board."""
        with self.people.db.write() as db:
            db.execute("DELETE FROM board WHERE person = ?", [person.id])

    def places(self) -> list[Place]:
        """Best first: by accuracy, then the smaller file, then who was first; others last."""
        rows = self.people.db.rows(
            "SELECT b.person, COALESCE(p.nickname, ''), b.run, b.model, b.accuracy, b.size_bytes"
            " FROM board b LEFT JOIN people p ON p.id = b.person"
            " ORDER BY b.accuracy DESC, b.size_bytes, b.at"
        )
        rules = self.rules
        fits = [row for row in rows if rules.allows(row[5])]
        ranked = [Place(rank, *row) for rank, row in enumerate(fits, 1)]
        return ranked + [Place(0, *row) for row in rows if not rules.allows(row[5])]
