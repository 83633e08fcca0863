"""The form of the Compress page: which finished model, and the steps of its chain."""

from __future__ import annotations

import copy
from typing import Any

import streamlit as st

from app import readings
from app.controls import edit_params
from app.form import Form, read, write
from app.services import services
from app.texts import entry_about, entry_title, say
from kd_core.compress import COMPRESSORS
from kd_core.compress.presets import RECIPE, TEACHING
from kd_core.config import RUN_PREFIX, CompressStep
from kd_core.study.results import Result, results
from kd_core.study.rows import StudyRow
from kd_core.text import Msg

FORM = "compress"
KEPT = "compress-kept"
"""Session key of the document as it was drawn last, for buttons that change it."""

EVERY_SEED = "all"
MOST_STEPS = 12


def studies() -> dict[str, StudyRow]:
    """Studies that have a finished model, by id."""
    return {study.id: study for study in services().store.studies() if study.finished}


def origins(study: StudyRow) -> dict[str, list[Result]]:
    """What can be compressed: arms with their finished models, and the ends of chains by run."""
    _, found = readings.read_study(study.id)
    reading = readings.Reading(study, found, "val", "")
    choices: dict[str, list[Result]] = {}
    for arm, group in reading.shown_arms.items():
        if group[0].model.role != "compressed":
            choices[arm] = group
        else:
            last = {result.run.id: result for result in group}
            choices |= {RUN_PREFIX + run: [result] for run, result in last.items()}
    if study.settings.teacher.run and "teacher" not in choices:
        choices = {"teacher": _of_run(study.settings.teacher.run), **choices}
    return {origin: group for origin, group in choices.items() if group}


def _of_run(run_id: str) -> list[Result]:
    """The last model of a run, from whichever study shows it."""
    store = services().store
    shown = store.studies_of(run_id)
    found = results(store, shown[0]) if shown else []
    return [result for result in found if result.run.id == run_id][-1:]


def origin_name(origin: str, group: list[Result]) -> str:
    """What an origin is called in the box."""
    model = group[0].model
    return say(
        "compress.origin.line",
        name=group[0].label if origin.startswith(RUN_PREFIX) else readings.arm_name(origin, group),
        architecture=model.architecture,
        size=model.size_bytes,
        n=len(group),
    )


def choose_study(wanted: str) -> StudyRow | None:
    """The finished study of which a model is compressed."""
    known = studies()
    if not known:
        return None
    key = "compress-study"
    if st.session_state.get(key) not in known:
        st.session_state[key] = wanted if wanted in known else next(iter(known))
    chosen = st.selectbox(
        say("compress.study"),
        list(known),
        key=key,
        format_func=lambda name: say(
            "results.study.line",
            name=known[name].name,
            finished=known[name].finished,
            n=known[name].runs,
        ),
    )
    return known[chosen]


def start_document() -> dict[str, Any]:
    """What the form starts from: one step that everybody knows."""
    return {
        "name": "",
        "origin": "teacher",
        "seed": EVERY_SEED,
        "device": "",
        "steps": [new_step(usual_method())],
    }


def usual_method() -> str:
    """What a person tries first: the first method that takes channels away."""
    prunes = [name for name, spec in COMPRESSORS.items() if spec.family == "prune"]
    return prunes[0] if prunes else next(iter(COMPRESSORS))


def new_step(method: str) -> dict[str, Any]:
    """A step with usual parameters, and a recipe where it must have one."""
    spec = COMPRESSORS[method]
    tune = RECIPE if spec.tunes in ("may", "must") else None
    return CompressStep(method=method, params=spec.defaults(), tune=tune).to_json()


def choose_origin(form: Form, choices: dict[str, list[Result]]) -> list[Result]:
    """The model, and of which seeds."""
    left, right = st.columns([3, 1])
    with left:
        origin: str = form.edit(
            st.selectbox,
            "origin",
            say("compress.origin"),
            options=list(choices),
            format_func=lambda name: origin_name(name, choices[name]),
        )
    seeds = [result.run.seed for result in choices[origin]]
    with right:
        form.edit(
            st.selectbox,
            "seed",
            say("compress.seeds"),
            options=[EVERY_SEED, *seeds],
            format_func=lambda s: say("compress.seeds.all") if s == EVERY_SEED else str(s),
            help=say("compress.seeds.help"),
            disabled=len(seeds) < 2,
        )
    return choices[origin]


def edit_steps(form: Form, refused: dict[str, Msg | None]) -> None:
    """One box a step, and a button for another."""
    steps = form.document["steps"]
    for number in range(len(steps)):
        with st.container(border=True):
            _edit_step(form, number, len(steps), refused if number == 0 else {})
    st.session_state[KEPT] = copy.deepcopy(form.document)
    st.button(
        say("compress.add"),
        icon=":material/add:",
        on_click=_change,
        args=("add", 0),
        disabled=len(steps) >= MOST_STEPS,
    )


def _edit_step(form: Form, number: int, n: int, refused: dict[str, Msg | None]) -> None:
    path = f"steps.{number}"
    head, buttons = st.columns([5, 3], vertical_alignment="bottom")
    with head:
        method = _choose_method(form, number, refused)
    with buttons, st.container(horizontal=True, horizontal_alignment="right"):
        _step_buttons(number, n)
    why = refused.get(method)
    if why is not None:
        st.warning(say(why), icon=":material/block:")
    st.caption(entry_about(COMPRESSORS, method))
    edit_params(form, COMPRESSORS, method, f"{path}.params")
    spec = COMPRESSORS[method]
    if any(param.advanced for param in spec.params):
        with st.expander(say("compress.more"), icon=":material/tune:"):
            edit_params(form, COMPRESSORS, method, f"{path}.params", advanced=True)
    _edit_tuning(form, path, spec.tunes)


def _choose_method(form: Form, number: int, refused: dict[str, Msg | None]) -> str:
    """One of the methods; those that cannot be applied stand last, and say so."""
    names = sorted(COMPRESSORS, key=lambda name: refused.get(name) is not None)
    chosen: str = form.edit(
        st.selectbox,
        f"steps.{number}.method",
        say("compress.step", n=number + 1),
        options=names,
        format_func=lambda name: say(
            "compress.method" if refused.get(name) is None else "compress.method.refused",
            method=method_name(name),
        ),
    )
    return chosen


def _step_buttons(number: int, n: int) -> None:
    for what, icon, off in (
        ("up", ":material/arrow_upward:", number == 0),
        ("down", ":material/arrow_downward:", number == n - 1),
        ("remove", ":material/delete:", n == 1),
    ):
        st.button(
            " ",
            icon=icon,
            type="tertiary",
            help=say(f"compress.{what}"),
            key=f"step-{what}-{number}",
            on_click=_change,
            args=(what, number),
            disabled=off,
        )


def _edit_tuning(form: Form, path: str, tunes: str) -> None:
    """The recipe of the step's training, and whether a teacher helps."""
    if tunes == "no":
        form.document["steps"][int(path.rpartition(".")[2])] |= {"tune": None, "distil": None}
        return
    kept = read(form.document, f"{path}.tune") or RECIPE.to_json()
    taught = read(form.document, f"{path}.distil") or TEACHING.to_json()
    left, right = st.columns(2)
    if tunes == "must":
        write(form.document, f"{path}.tune", kept)
    else:
        with left:
            form.edit(
                st.toggle,
                f"{path}.tune",
                say("compress.tune"),
                show=lambda value: value is not None,
                store=lambda on: kept if on else None,
                help=say("compress.tune.help"),
            )
    if read(form.document, f"{path}.tune") is None:
        form.document["steps"][int(path.rpartition(".")[2])]["distil"] = None
        return
    with right:
        form.edit(
            st.toggle,
            f"{path}.distil",
            say("compress.distil"),
            show=lambda value: value is not None,
            store=lambda on: taught if on else None,
            help=say("compress.distil.help"),
        )
    _edit_recipe(form, path)


def _edit_recipe(form: Form, path: str) -> None:
    epochs, rate, alpha, heat = st.columns([3, 4, 4, 4])
    with epochs:
        form.edit(
            st.number_input,
            f"{path}.tune.epochs",
            say("compress.epochs"),
            min_value=1,
            max_value=2000,
            step=1,
        )
    with rate:
        form.edit(
            st.number_input,
            f"{path}.tune.lr",
            say("distil.lr"),
            min_value=1e-6,
            max_value=1.0,
            format="%.4f",
        )
    if read(form.document, f"{path}.distil") is None:
        return
    with alpha:
        form.edit(
            st.slider,
            f"{path}.distil.alpha",
            say("distil.alpha"),
            min_value=0.0,
            max_value=1.0,
            step=0.05,
            help=say("distil.alpha.help"),
        )
    with heat:
        form.edit(
            st.slider,
            f"{path}.distil.losses.0.params.T",
            say("param.T.title"),
            min_value=1.0,
            max_value=20.0,
            step=0.5,
        )


def _change(what: str, number: int) -> None:
    """Add, remove or move a step of the document as it was drawn last."""
    document = st.session_state[KEPT]
    steps = document["steps"]
    if what == "add":
        steps.append(new_step(steps[-1]["method"]))
    elif what == "remove":
        del steps[number]
    else:
        other = number - 1 if what == "up" else number + 1
        steps[number], steps[other] = steps[other], steps[number]
    Form.load(FORM, document)


def chosen(form: Form, group: list[Result]) -> Result:
    """The model of the seed that was chosen, the first where all are."""
    seed = form.document["seed"]
    return next((result for result in group if result.run.seed == seed), group[0])


def chain_name(document: dict[str, Any]) -> str:
    """The name that was given, or one made of the steps."""
    given: str = document["name"].strip()
    made = "+".join(step["method"] for step in document["steps"])
    return (given or f"{document['origin'].removeprefix(RUN_PREFIX)}+{made}")[:60]


def method_name(method: str) -> str:
    """Title of a method."""
    return entry_title(COMPRESSORS, method)
