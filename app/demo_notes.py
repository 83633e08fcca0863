"""What has to be said about an upload before anybody believes an answer to it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.demo_choose import Chosen
from app.demo_models import Contender, my_turn
from app.demo_pictures import Opened, training_shapes
from app.progress import Bar
from app.services import services
from app.texts import say
from kd_core.errors import DataError, ExportError
from kd_core.explain.familiar import FLAGGED, Familiarity, Judgement
from kd_core.explain.familiar_cache import load_or_fit
from kd_core.explain.looks import shape_findings
from kd_core.explain.penultimate import Penultimate
from kd_core.study.pipeline import load_data

MOST_JUDGED = 200
"""Crops of a field that are compared; more change the share little."""

Pixels = NDArray[np.uint8]


def of_image(chosen: Chosen, opened: Opened, prepared: Pixels) -> None:
    """What was done to read one image (C, S, S), and how far it is from the training images."""
    for note in opened.slide.notes:
        st.caption(say(note))
    data = chosen.record.data
    shapes = training_shapes(data.name, data.hash)
    found = list(shape_findings(opened.slide.width, opened.slide.height, shapes))
    judged = _judge(chosen, prepared[None])
    found += [finding for one in judged for finding in one.findings]
    if found:
        lines = [say("demo.unfamiliar"), *(say(finding) for finding in found)]
        st.warning("\n\n".join(lines), icon=":material/help:")
    elif judged:
        st.success(say("demo.familiar"), icon=":material/check:")


def of_crops(chosen: Chosen, crops: Pixels) -> None:
    """How many of a field's crops (n, C, S, S) are unlike the training images."""
    st.caption(say("demo.field.knows", classes=list(chosen.record.data.classes)))
    rows = np.linspace(0, len(crops) - 1, min(len(crops), MOST_JUDGED)).round().astype(int)
    judged = _judge(chosen, crops[rows])
    if not judged:
        return
    share = sum(not one.familiar for one in judged) / len(judged)
    fields = {"share": share, "n": len(judged), "usual": FLAGGED}
    if share <= 3 * FLAGGED:
        st.caption(say("demo.familiar.crops", **fields))
        return
    lines = [say("demo.unfamiliar.crops", **fields)]
    worst = max(judged, key=lambda one: max(one.looks, one.seen))
    lines += [say("demo.unfamiliar.example")] + [say(finding) for finding in worst.findings]
    st.warning("\n\n".join(lines), icon=":material/help:")


def _judge(chosen: Chosen, images: Pixels) -> list[Judgement]:
    """One judgement an image; a sentence and none where that cannot be told."""
    teacher = chosen.teacher
    try:
        with my_turn() as turn, Bar(say("demo.familiar.working")) as bar:

            def tick(done: int, total: int) -> None:
                bar(done, total)
                turn.give_way()

            fitted = _fits().get(teacher.sha256)
            if fitted is None:
                root = services().store.home.root
                data = load_data(chosen.record.settings.data, root)
                fitted = load_or_fit(data, _features(teacher), teacher.sha256, root / "cache", tick)
                _fits()[teacher.sha256] = fitted
            return fitted.judge(images, _features(teacher)(images))
    except (DataError, ExportError) as error:
        st.caption(say("demo.familiar.unknown", why=error.msg))
        return []


@st.cache_resource(show_spinner=False)
def _fits() -> dict[str, Familiarity]:
    """Fits by teacher; each is a few hundred kB at most, and there are few teachers."""
    return {}


@st.cache_resource(
    show_spinner=False, max_entries=8, hash_funcs={Contender: lambda one: one.sha256}
)
def _features(contender: Contender) -> Penultimate:
    return Penultimate(contender.file)
