"""What one takes along: a deploy pack of one model, a bench bundle of several, the calibration."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.devices_choose import Chosen, root
from app.services import services
from app.services_devices import issue_bundle, prepare_calibration
from app.texts import catalogue, number, say, show_error
from app.visitor import may_change, visitor
from kd_core.errors import KDLabError
from kd_core.latency.bundle_tools import TOOLS
from kd_core.study.calibration import state
from kd_core.study.results import Result, results

ONNX_RUNTIME = "onnxruntime"
POLL = "1s"


def show(chosen: Chosen) -> None:
    """Models of a study, then pack and bundle; the calibration below."""
    found = _models()
    if found:
        _pack(found)
        _bundle(chosen, found)
    _calibration(chosen)


def _models() -> dict[str, Result]:
    """The models of the study that is chosen here, by a name for a person."""
    studies = {study.id: study for study in services().store.studies() if study.finished}
    if not studies:
        st.info(say("devices.no_models"))
        return {}
    wanted = st.query_params.get("study", "")
    if st.session_state.get("devices-study") not in studies:
        st.session_state["devices-study"] = wanted if wanted in studies else next(iter(studies))
    study = st.selectbox(
        say("devices.study"),
        list(studies),
        key="devices-study",
        format_func=lambda key: studies[key].name,
    )
    st.session_state["study"] = study
    st.query_params["study"] = study
    return {_label(result): result for result in results(services().store, study)}


def _label(result: Result) -> str:
    several = result.model.step or result.model.parent
    return f"{result.run.key} · {result.model.name}" if several else result.run.key


def _first_student(found: dict[str, Result]) -> int:
    roles = [result.model.role for result in found.values()]
    return next((n for n, role in enumerate(roles) if role not in ("teacher", "baseline")), 0)


def _pack(found: dict[str, Result]) -> None:
    with st.container(border=True):
        st.subheader(say("devices.pack"))
        st.markdown(say("devices.pack.about"))
        label = st.selectbox(
            say("devices.model"), list(found), index=_first_student(found), key="devices-pack"
        )
        images = _images_box("pack")
        result = found[label]

        def make() -> tuple[bytes, str]:
            from kd_core.study import devices  # torch and onnxruntime take seconds

            store = services().store
            return devices.pack(store, result.run.id, catalogue().render, result.model.name, images)

        _prepare("pack", (result.run.id, result.model.name, images), make)


def _bundle(chosen: Chosen, found: dict[str, Result]) -> None:
    with st.container(border=True):
        st.subheader(say("devices.bundle", device=chosen.title))
        st.markdown(say("devices.bundle.about"))
        mine = {label: r for label, r in found.items() if may_change(r.run.owner)}
        if not mine:
            st.info(say("devices.bundle.not_yours"))
            return
        default = list(mine)[min(_first_student(mine), len(mine) - 1)]
        labels = st.multiselect(
            say("devices.models"), list(mine), default=[default], key="devices-bundle"
        )
        runtime, precision = _how(chosen)
        images = _images_box("bundle")
        models = [(mine[label].run.id, mine[label].model.name) for label in labels]

        def make() -> tuple[bytes, str]:
            from kd_core.latency.bundle import Bench
            from kd_core.study import devices

            store = services().store
            sources = [devices.bundle_model(store, run, name, images) for run, name in models]
            gpu = chosen.spec.on_gpu(runtime)
            bench = Bench(chosen.name, runtime, precision, owner=visitor(), gpu=gpu)
            content, issued = issue_bundle(sources, bench, catalogue().render, chosen.title)
            return content, f"{issued.bundle}-{chosen.name}.zip"

        if models:
            _prepare("bundle", (chosen.name, runtime, precision, images, *models), make)


def _how(chosen: Chosen) -> tuple[str, str]:
    """Runtime, and what a maker's tool shall compute in."""
    there = [choice.name for choice in chosen.spec.runtimes]
    names = [name for name in (ONNX_RUNTIME, *TOOLS) if name in there] or [ONNX_RUNTIME]
    left, right = st.columns(2)
    runtime = left.selectbox(
        say("devices.runtime"),
        names,
        format_func=lambda name: say(f"runtime.{name}"),
        help=say("devices.runtime.help"),
        key=f"devices-runtime-{chosen.name}",
    )
    choice = chosen.spec.runtime(runtime)
    if runtime not in TOOLS or choice is None:
        return runtime, ""
    usable = [name for name in choice.precisions if name in ("fp32", "fp16", "int8")]
    precision = right.selectbox(
        say("devices.precision"),
        usable or ["fp32"],
        format_func=lambda name: say(f"precision.{name}"),
        key=f"devices-precision-{chosen.name}-{runtime}",
    )
    return runtime, precision


def _images_box(name: str) -> bool:
    """Ticked only where somebody wants images of the data set to leave, for this export alone."""
    return st.checkbox(
        say("devices.images"), help=say("devices.images.help"), key=f"devices-images-{name}"
    )


def _prepare(name: str, what: tuple[object, ...], make: Callable[[], tuple[bytes, str]]) -> None:
    """A button that makes the file, then one that hands it out."""
    made = st.session_state.get(f"devices-made-{name}")
    with st.container(horizontal=True):
        if st.button(say(f"devices.{name}.make"), key=f"devices-make-{name}", type="primary"):
            try:
                with st.spinner(say("devices.making")):
                    made = (what, *make())
            except KDLabError as error:
                show_error(error)
                return
            st.session_state[f"devices-made-{name}"] = made
        if made and made[0] == what:
            _, content, file_name = made
            st.download_button(
                say("devices.download", size=number(len(content), "bytes")),
                content,
                file_name,
                "application/zip",
                icon=":material/download:",
                key=f"devices-download-{name}",
            )


# --- the calibration networks -------------------------------------------------------------------


def _calibration(chosen: Chosen) -> None:
    with st.container(border=True):
        st.subheader(say("devices.calibration", device=chosen.title))
        st.markdown(say("devices.calibration.about"))
        if not chosen.may_teach:
            st.info(say("devices.calibration.not_yours"))
            return
        if chosen.spec.runtime(ONNX_RUNTIME) is None:
            st.info(say("devices.calibration.no_onnxruntime"))
            return
        _calibration_bundle(chosen)


@st.fragment(run_every=POLL)
def _waiting() -> None:
    done, total = _ready()
    st.progress(done / total, text=say("devices.calibration.exporting", done=done, n=total))
    if done == total or not _exporting():
        st.rerun()


def _calibration_bundle(chosen: Chosen) -> None:
    done, total = _ready()
    if done < total:
        if _exporting():
            _waiting()
        elif st.button(say("devices.calibration.prepare"), key="devices-prepare"):
            try:
                st.session_state["devices-export"] = prepare_calibration()
            except KDLabError as error:
                show_error(error)
                return
            st.rerun()
        return

    def make() -> tuple[bytes, str]:
        from kd_core.latency.bundle import Bench, BundleModel
        from kd_core.latency.own_networks import calibration_files

        files = calibration_files(services().store.home.cache)
        models = [BundleModel(path, name) for name, path in files.items()]
        bench = Bench(chosen.name, owner=visitor(), gpu=chosen.spec.on_gpu(ONNX_RUNTIME))
        content, issued = issue_bundle(models, bench, catalogue().render, chosen.title)
        return content, f"{issued.bundle}-calibration-{chosen.name}.zip"

    _prepare("calibration", (chosen.name,), make)


def _ready() -> tuple[int, int]:
    from kd_core.latency.own_networks import calibration_ready

    return calibration_ready(services().store.home.cache)


def _exporting() -> bool:
    process = st.session_state.get("devices-export")
    return (process is not None and process.poll() is None) or state(root()).running
