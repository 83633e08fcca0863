"""How long work says how far it is, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable

from kd_core.errors import JobError

Tick = Callable[[int, int], bool | None]
"""Called with (done, total) while work goes on; the work stops when it returns ``False``."""


def tell(tick: Tick | None, done: int, total: int) -> None:
    """Report progress; ``None`` reports to nobody.

    Raises:
        JobError: ``explain_stopped`` when whoever listens wants no more.

    >>> tell(None, 1, 2)
    >>> tell(lambda done, total: print(done, "of", total), 1, 2)
    1 of 2
    """
    if tick is not None and tick(done, total) is False:
        raise JobError("explain_stopped", done=done, total=total)
