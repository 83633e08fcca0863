"""The seal of a study's test part: whose test figures may be seen, and who asked when.

Opening is one act. It says which models were chosen before anybody saw a test figure; figures of
the others are shown on request only, and are marked for good. A model that was finished after the
opening is marked too: it may have been made with the test figures in mind.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from kd_core.errors import StoreError
from kd_core.study.entries import Unsealed, read_study
from kd_core.study.store import Store

Mark = Literal["sealed", "chosen", "asked", "later"]


@dataclass(frozen=True)
class Seal:
    """How a study's test part stands.

    Attributes:
        at: Unix time of the opening; ``None`` while it is sealed.
        runs: Finished runs at that time.
        by: Who opened it.
        chosen: Arms whose figures were to be seen; empty: all (no choice was made).
        asked: Unix time at which another arm's figures were asked for.
    """

    at: float | None = None
    runs: int = 0
    by: str = ""
    chosen: frozenset[str] = frozenset()
    asked: dict[str, float] = field(default_factory=dict)

    @property
    def opened(self) -> bool:
        """Whether it is open at all."""
        return self.at is not None

    def allows(self, arm: str) -> bool:
        """Whether test figures of this arm may be seen.

        >>> Seal().allows("kd"), Seal(at=1.0).allows("kd"), Seal(at=1.0,
        ...     chosen=frozenset({"ab"})).allows("kd")
        (False, True, False)
        """
        return self.opened and (not self.chosen or arm in self.chosen or arm in self.asked)

    def mark(self, arm: str, ended: float | None = None) -> Mark:
        """How an arm came to be seen; ``later`` where its run ended after the opening."""
        if not self.allows(arm):
            return "sealed"
        if self.at is not None and ended is not None and ended > self.at:
            return "later"
        return "asked" if self.chosen and arm not in self.chosen else "chosen"


SEALED = Seal()
OPEN = Seal(at=0.0)


def seal_of(store: Store, study_id: str) -> Seal:
    """The seal of a study.

    Raises:
        StoreError: ``study_unknown``.
    """
    row = store.study(study_id)
    if row.test_opened_at is None:
        return SEALED
    found = _unsealed(store, study_id)
    return Seal(
        at=row.test_opened_at,
        runs=row.test_opened_runs or 0,
        by=row.test_opened_by or "",
        chosen=frozenset(found.chosen) if found else frozenset(),
        asked=dict(found.asked) if found else {},
    )


def open_chosen(store: Store, study_id: str, chosen: Iterable[str], by: str = "") -> Seal:
    """Unseal a study for some arms first; one that is open already stays as it is.

    Raises:
        StoreError: ``study_unknown``, ``disk_full``.
    """
    store.open_test(study_id, by=by, chosen=tuple(chosen))
    return seal_of(store, study_id)


def ask(store: Store, study_id: str, arms: Iterable[str]) -> Seal:
    """Show test figures of further arms, on record.

    Raises:
        StoreError: ``study_unknown``; ``test_sealed`` while nothing is open.
    """
    seal = seal_of(store, study_id)
    found = _unsealed(store, study_id)
    if found is None:
        raise StoreError("test_sealed", part="test")
    new = {arm: time.time() for arm in arms if not seal.allows(arm)}
    if new:
        changed = found.change(asked={**found.asked, **new})
        with store.db.write():
            store.change_study_file(study_id, test_opened=changed.to_json())
    return seal_of(store, study_id)


def _unsealed(store: Store, study_id: str) -> Unsealed | None:
    path = store.home.study(study_id)
    return read_study(path).test_opened if path.is_file() else None
