"""Born again: each generation learns from the one before, with the same architecture.

    baseline-s0 ─► <arm>-gen1-s0 ─► <arm>-gen2-s0 ─► … ─► <arm>-s0

Each generation is a run of its own, distilled offline (Furlanello et al. 2018). There every
generation starts from other random weights; here all start from the baseline's, as all students of
a comparison do, so that a difference to the baseline is due to the method alone.
"""

from __future__ import annotations

from kd_core.config import RunSettings
from kd_core.registry import Param
from kd_core.train.modes import MODES, ModeSpec, Planning
from kd_core.train.offline import Offline

BASELINE = "baseline"


def generations(planning: Planning) -> tuple[RunSettings, ...]:
    """One run a generation, the arm's own last; each says which generation it is."""
    last = planning.params["generations"]
    before = f"{BASELINE}-s{planning.run.seed}"
    runs: list[RunSettings] = []
    for number in range(1, last + 1):
        distil = planning.distil.change(params={"generations": number})
        key = planning.run.key if number == last else planning.key(f"gen{number}")
        runs.append(planning.run.change(key=key, distil=distil, needs={"teacher": before}))
        before = key
    return tuple(runs)


MODES.add(
    "born_again",
    ModeSpec(
        build=Offline,
        needs_teacher=True,
        source="Furlanello et al. 2018",
        params=(Param("generations", "int", 2, low=1, high=8),),
        plan=generations,
    ),
)
