"""Which study, which teacher and students, which device, and what is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import demo_models, demo_pictures
from app.demo_models import MOST_STUDENTS, Contender
from app.demo_pictures import UPLOAD_MB, Picture
from app.demo_present import presenting
from app.services import services, upload_mb
from app.texts import say
from kd_core.slides.read import open_slide
from kd_core.study.records import RunRecord

UPLOAD_TYPES = (
    *("png", "jpg", "jpeg", "tif", "tiff", "bmp", "svs", "ndpi", "scn", "qptiff"),
    *("dcm", "dicom", "ima", "zip"),
)


@dataclass(frozen=True)
class Chosen:
    """Who is asked.

    Attributes:
        study: Id of the study.
        name: Name of the study.
        record: The teacher's run: data, classes, size.
        models: The teacher, then the students.
    """

    study: str
    name: str
    record: RunRecord
    models: tuple[Contender, ...]

    @property
    def teacher(self) -> Contender:
        """The first model, which the others are compared with."""
        return self.models[0]

    @property
    def files(self) -> tuple[str, ...]:
        """Hashes of the files, which name the set of models in caches."""
        return tuple(one.sha256 for one in self.models)


def choose_models() -> Chosen | None:
    """Study, teacher and students; the embedded study unless the address names another."""
    studies = {study.id: study for study in services().store.studies() if study.finished}
    if not studies:
        return None
    wanted = st.query_params.get("study", "")
    if wanted in studies:
        st.session_state["demo-study"] = wanted
    elif st.session_state.get("demo-study") not in studies:
        embedded = demo_models.embedded_study()
        st.session_state["demo-study"] = embedded if embedded in studies else next(iter(studies))
    with st.popover(say("demo.models"), icon=":material/tune:"):
        study: str = st.selectbox(
            say("demo.study"),
            list(studies),
            key="demo-study",
            on_change=_remember,
            format_func=lambda key: studies[key].name,
        )
        models = _choose(study)
    if not models:
        return None
    record = services().store.record(models[0].result.run.id)
    return Chosen(study, studies[study].name, record, models)


def none_yet() -> None:
    """Nothing to show: no finished study, or one without files."""
    some = any(study.finished for study in services().store.studies())
    st.info(say("demo.no_models" if some else "demo.no_study"), icon=":material/school:")
    st.page_link("../pages/distil.py", label=say("page.distil"), icon=":material/school:")


def _remember() -> None:
    st.session_state["study"] = st.session_state["demo-study"]
    st.query_params["study"] = st.session_state["demo-study"]


def _choose(study: str) -> tuple[Contender, ...]:
    found = demo_models.contenders(study)
    if not found:
        return ()
    names = list(found)
    left, right = st.columns(2)
    with left:
        key = f"demo-teacher-{study}"
        if st.session_state.get(key) not in found:
            st.session_state[key] = demo_models.default_teacher(found)
        teacher: str = st.selectbox(
            say("demo.teacher"),
            names,
            key=key,
            persist_state="session",
            format_func=lambda name: demo_models.title(found[name]),
        )
    with right:
        key = f"demo-students-{study}"
        if key not in st.session_state:
            st.session_state[key] = demo_models.default_students(found, teacher)
        kept = [name for name in st.session_state[key] if name in found and name != teacher]
        st.session_state[key] = kept
        students: Sequence[str] = st.multiselect(
            say("demo.students"),
            [name for name in names if name != teacher],
            key=key,
            persist_state="session",
            max_selections=MOST_STUDENTS,
            format_func=lambda name: demo_models.title(found[name]),
            help=say("demo.students.help"),
        )
    return tuple(found[name] for name in (teacher, *students))


# --- what is looked at --------------------------------------------------------------------------


def choose_pictures(chosen: Chosen) -> list[Picture]:
    """Samples one click away, and the uploader; the pictures to look at."""
    samples = _samples(chosen)
    shown = st.session_state.get("demo-shown") or st.query_params.get("picture", "")
    files = st.session_state.get(demo_pictures.upload_key()) or []
    if not (shown == "upload" and files) and shown not in samples:
        shown = next(iter(samples), "")
    if presenting():
        with st.container(horizontal=True, gap="xsmall"):
            _sample_row(samples, shown, thumbnails=False)
            with st.popover(say("demo.upload.short"), icon=":material/upload:"):
                files = _uploader()
    else:
        left, right = st.columns([3, 1], gap="small")
        with right:
            files = _uploader()
        with left:
            st.caption(say("demo.samples"))
            with st.container(horizontal=True, gap="xsmall"):
                _sample_row(samples, shown)
    if shown == "upload":
        return [demo_pictures.of_upload(file) for file in files]
    return [samples[shown]] if shown else []


def _uploader() -> list[Any]:
    files = st.file_uploader(
        say("demo.upload"),
        type=list(UPLOAD_TYPES),
        accept_multiple_files=True,
        key=demo_pictures.upload_key(),
        max_upload_size=upload_mb(UPLOAD_MB),
        on_change=_look_at,
        args=("upload",),
        help=say(
            "demo.upload.help", limit=upload_mb(UPLOAD_MB) * 1e6, kept=demo_pictures.KEPT_SLIDES
        ),
    )
    st.caption(say("demo.privacy"))
    if files:
        st.button(say("demo.forget"), icon=":material/delete:", on_click=demo_pictures.forget)
    return files


def _samples(chosen: Chosen) -> dict[str, Picture]:
    data = chosen.record.data
    fields = demo_pictures.fields() if demo_pictures.of_cells(chosen.record) else {}
    own = demo_pictures.own_examples(data.name, data.hash)
    fetched: dict[str, Picture] = st.session_state.get("demo-kept-public", {})
    first, last = (fields, own) if data.synthetic else (own, fields)
    return {**first, **last, **fetched}


def _look_at(name: str) -> None:
    st.session_state["demo-shown"] = name
    if name == "upload":
        st.query_params.pop("picture", None)
    else:
        st.query_params["picture"] = name


def _sample_row(samples: dict[str, Picture], shown: str, *, thumbnails: bool = True) -> None:
    """A button each, below its thumbnail; the one that is shown is marked."""
    for name, picture in samples.items():
        with st.container(width="content", gap="xxsmall", horizontal_alignment="center"):
            if thumbnails:
                st.image(_thumbnail(picture))
            st.button(
                picture.label or say("demo.field", n=name.removeprefix("field_")),
                key=f"demo-sample-{name}",
                type="primary" if name == shown else "secondary",
                on_click=_look_at,
                args=(name,),
            )


def _thumbnail(picture: Picture) -> NDArray[np.uint8]:
    if not isinstance(picture.content, bytes):
        return demo_pictures.square(picture.content)
    if picture.embedded:
        return demo_pictures.field_thumbnail(picture.name)
    with open_slide(picture.content, picture.name) as slide:
        return demo_pictures.square(slide.thumbnail(160))
