"""Teacher assistants: a chain of sizes, where the step from teacher to student is too large.

    teacher ─► <arm>-ta1-s0 ─► <arm>-ta2-s0 ─► … ─► <arm>-s0

Each assistant is a run of its own, distilled offline from the one before with the arm's own losses
(Mirzadeh et al. 2020).
"""

from __future__ import annotations

from kd_core.config import RunSettings
from kd_core.train.modes import MODES, ModeSpec, Planning
from kd_core.train.offline import Offline


def chain_of_sizes(planning: Planning) -> tuple[RunSettings, ...]:
    """One run an assistant, in the order in which they are listed, then the student."""
    before, runs = planning.teacher, []
    own = planning.distil.change(peers=())
    for number, model in enumerate(planning.distil.peers, start=1):
        key = planning.key(f"ta{number}")
        needs = {"teacher": before}
        # No assistant knows how long the chain is that it stands in, so chains can share it.
        run = planning.run.change(key=key, model=model, distil=own.change(mode="offline"))
        runs.append(run.change(needs=needs))
        before = key
    return (*runs, planning.run.change(needs={"teacher": before}))


MODES.add(
    "assistants",
    ModeSpec(
        build=Offline,
        needs_teacher=True,
        source="Mirzadeh et al. 2020",
        peers=(1, 6),
        plan=chain_of_sizes,
    ),
)
