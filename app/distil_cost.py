"""What a way of learning cost beside the student alone, and the student alone for as long."""

from __future__ import annotations

import streamlit as st

from app import distil_arms, readings
from app.form import Form
from app.readings import Reading
from app.services import services
from app.texts import say
from kd_core.study.grids import is_map
from kd_core.study.methods import alone_for_longer
from kd_core.study.records import TrainingRecord
from kd_core.study.results import Result, by_arm, results
from kd_core.study.training_costs import ALIKE, CostRatio, cost_ratio, spent
from kd_core.text import Msg, significant

BASELINE = "baseline"


def show(reading: Reading) -> None:
    """One line a kind of student; where one took longer, a baseline with as much is offered."""
    study = reading.study
    names = [arm.name for arm in study.settings.arms if arm.name in reading.arms]
    if is_map(study.settings) or not 0 < len(names) <= distil_arms.MOST:
        return
    if BASELINE not in reading.arms:
        return
    runs = tuple(sorted(r.run.id for r in reading.results))
    costs = _costs(study.id, runs, tuple(names))
    box = st.expander(say("cost.title"), icon=":material/timer:", key="cost-open")
    with box:
        for name, cost in costs.items():
            st.markdown(f"**{name}**: {say(_line(cost))}")
        st.caption(say("cost.about"))
        longest = max((cost.time or 0.0 for cost in costs.values()), default=0.0)
        if longest > ALIKE and not any(arm.train is not None for arm in study.settings.arms):
            _offer_longer(study.id, short(longest))


def of_run(reading: Reading, result: Result, trained: TrainingRecord) -> None:
    """What one run cost beside the student alone with the same seed."""
    if result.model.role != "student":
        return
    alone = [r for r in reading.arms.get(BASELINE, []) if r.run.seed == result.run.seed]
    record = services().store.record(alone[0].run.id).training if alone else None
    if record is not None:
        st.caption(say("cost.run", line=_line(cost_ratio(trained, record))))


def short(value: float | None) -> float:
    """Two significant digits, which is what times on a shared machine are good for; else NaN."""
    return float("nan") if value is None else significant(value, 2)


@st.cache_data(show_spinner=False, max_entries=100)
def _costs(study_id: str, runs: tuple[str, ...], names: tuple[str, ...]) -> dict[str, CostRatio]:
    arms = by_arm([r for r in results(services().store, study_id) if r.run.id in runs])
    alone = spent(BASELINE, arms)
    return {name: cost_ratio(spent(name, arms), alone) for name in names}


def _line(cost: CostRatio) -> Msg:
    """Time, energy, and how often teachers were asked."""
    energy = Msg("cost.energy.unknown")
    if cost.energy is not None:
        energy = Msg("cost.energy", {"ratio": short(cost.energy)})
    return Msg("cost.line", {"time": cost.msg, "energy": energy, "n": cost.teacher_images})


def _offer_longer(study_id: str, ratio: float) -> None:
    """A button that opens the form with this study and the student alone for as long."""
    if st.button(
        say("cost.longer", ratio=ratio),
        icon=":material/hourglass_bottom:",
        key="cost-longer",
        help=say("distil.longer.help"),
    ):
        study = readings.read_study(study_id)[0].settings
        document = study.to_json()
        arm = alone_for_longer(study, ratio, f"alone x{ratio:g}")
        distil_arms.put(document, arm.to_json())
        Form.load(distil_arms.FORM, document)
        st.session_state[distil_arms.CHOSEN] = len(document["arms"]) - 1
        st.session_state.pop("study", None)
        st.query_params.pop("study", None)
        st.switch_page("../pages/distil.py")
