"""Who is next: turn by turn between owners, needs first. Pure functions, no clock, no database.

Thirty people may submit at once. Each owner's runs keep their order of submission; owners take
turns, those with the fewest running runs first and then whoever was served longest ago, so one
person's sweep of two hundred runs delays the others by one run, not by two hundred.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from kd_core.study.rows import QueuedRun

SHORT_S = 30.0
"""A run that is expected to take no longer, with one thread of a CPU, is short."""


def is_short(device: str, threads: int, expected_s: float | None) -> bool:
    """Whether a run may be carried out beside a long one, and after others in one process.

    >>> is_short("cpu", 1, 9.0), is_short("cpu", 1, None), is_short("auto", 1, 9.0)
    (True, False, False)
    """
    return device == "cpu" and threads == 1 and expected_s is not None and expected_s <= SHORT_S


def fair_order(
    queued: Sequence[QueuedRun],
    served: Mapping[str, tuple[int, float]] | None = None,
    running: Collection[str] = (),
) -> list[str]:
    """Ids in the order in which they will start.

    A run comes after the runs in ``queued`` that it needs. A run that needs something that is
    neither here nor finished (a paused run, say) cannot be placed and is left out.

    Args:
        queued: Runs with the needs that are not finished yet.
        served: For each owner the number of runs that run now, and when the last one started.
        running: Ids of the runs that run now; what needs them can be placed.

    >>> ana = [QueuedRun(f"a{i}", "ana", i) for i in range(3)]
    >>> fair_order([*ana, QueuedRun("b0", "ben", 9)])
    ['a0', 'b0', 'a1', 'a2']
    """
    by_owner: dict[str, list[QueuedRun]] = {}
    for run in sorted(queued, key=lambda run: run.position):
        by_owner.setdefault(run.owner, []).append(run)
    past = served or {}
    # dict order breaks ties: the owner whose first run was submitted first
    owners = sorted(by_owner, key=lambda owner: past.get(owner, (0, 0.0)))
    order: list[str] = []
    placed = set(running)
    moved = True
    while moved:
        moved = False
        for owner in owners:
            for run in by_owner[owner]:
                if run.needs <= placed:
                    by_owner[owner].remove(run)
                    order.append(run.id)
                    placed.add(run.id)
                    moved = True
                    break
    return order


def expected_starts(
    order: Sequence[str],
    runs: Mapping[str, QueuedRun],
    running: Mapping[str, float | None],
    slots: int,
) -> dict[str, float | None]:
    """Seconds until each run starts, by letting the queue run in thought.

    Args:
        order: From :func:`fair_order`.
        runs: The queued runs by id.
        running: Seconds left of each running run; ``None`` where unknown.
        slots: How many runs can run at once.

    Returns:
        ``None`` for a run that starts after one whose duration nobody knows.

    >>> a, b = QueuedRun("a", "ana", 0, expected_s=60), QueuedRun("b", "ben", 1)
    >>> expected_starts(["a", "b"], {"a": a, "b": b}, {"x": 30.0}, slots=1)
    {'a': 30.0, 'b': 90.0}
    """
    unknown = float("inf")
    ends = {run: unknown if left is None else left for run, left in running.items()}
    free = sorted([*ends.values(), *[0.0] * max(0, slots - len(ends))])[: max(1, slots)]
    starts: dict[str, float | None] = {}
    for run_id in order:
        run = runs[run_id]
        free.sort()
        start = max([free[0], *(ends.get(need, 0.0) for need in run.needs)])
        ends[run_id] = start + (unknown if run.expected_s is None else run.expected_s)
        free[0] = ends[run_id]
        starts[run_id] = None if start == unknown else start
    return starts
