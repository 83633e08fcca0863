"""One image: what each model says of it, how long that takes, and where the models look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from app import demo_cost, demo_heat, demo_notes
from app.demo_answers import Answer, agree, answer, answer_prepared
from app.demo_choose import Chosen
from app.demo_models import my_turn
from app.demo_pictures import Opened
from app.texts import number, say
from app.theme import is_dark
from kd_core.data.images import prepare_image, shrink
from kd_core.figures.probability_bars import probability_bars_figure, probability_bars_info

Pixels = NDArray[np.uint8]


def show(chosen: Chosen, opened: Opened) -> None:
    """Everything about one image."""
    pixels = opened.pixels()
    with my_turn():
        answers = [answer(one, pixels, opened.decode_ms) for one in chosen.models]
    contract = chosen.teacher.session.contract
    prepared = prepare_image(pixels, contract.size, contract.channels)
    left, right = st.columns([1, 2], gap="large")
    with left:
        st.image(shrink(pixels, 640), width=300 if max(pixels.shape[:2]) >= 150 else 220)
        height, width = pixels.shape[:2]
        st.caption(say("demo.image.size", name=opened.picture.name, width=width, height=height))
        if opened.picture.label:
            st.caption(say("demo.image.label", label=opened.picture.label))
        notes = st.container()
    with right:
        headline(answers)
        bars(answers, contract.classes, f"demo-bars-{opened.picture.key}")
    times(chosen, answers)
    st.subheader(say("demo.heat"))
    demo_heat.show(chosen.models, prepared, opened.picture.key, answers[0].top)
    if not opened.picture.embedded:
        with notes:  # last, so that nobody waits for it
            demo_notes.of_image(chosen, opened, prepared)


def show_crop(chosen: Chosen, prepared: Pixels, name: str) -> None:
    """A crop of a field (C, S, S) in a narrow column: answers, heat maps, bars."""
    with my_turn():
        answers = [answer_prepared(one, prepared) for one in chosen.models]
    classes = chosen.teacher.session.contract.classes
    for one in answers:
        said = one.said or say("demo.none_present")
        st.markdown(say("demo.crop.answer", name=one.model, said=said, sure=one.sure))
    demo_heat.show(chosen.models, prepared, name, answers[0].top, narrow=True)
    bars(answers, classes, f"demo-view-bars-{name}", explained=False)


def headline(answers: Sequence[Answer]) -> None:
    """Each model's answer, and whether they agree."""
    for column, one in zip(st.columns(len(answers)), answers, strict=True):
        with column:
            sure = number(one.sure, "percent")
            said = one.said or say("demo.none_present")
            st.metric(one.model, said, sure, delta_color="off", delta_arrow="off")
    if len(answers) > 1:
        if agree(answers):
            st.success(say("demo.agree"), icon=":material/check:")
        else:
            st.warning(say("demo.differ"), icon=":material/compare_arrows:")


def bars(
    answers: Sequence[Answer], classes: Sequence[str], key: str, *, explained: bool = True
) -> None:
    """Probabilities by class, calibrated and raw, with the operating threshold."""
    info = probability_bars_info(classes, [one.answered() for one in answers])
    figure = probability_bars_figure(info, say, is_dark())
    st.plotly_chart(
        figure,
        width="stretch",
        theme=None,
        key=key,
        config={"displayModeBar": False},
        alt=say("demo.bars.alt"),
    )
    if info.left_out:
        st.caption(say("demo.bars.left_out", n=info.left_out))
    if not explained:
        return
    calibrated = any(one.answers.calibrated for one in answers)
    st.caption(say("demo.bars.calibrated" if calibrated else "demo.bars.raw"))
    limits = answers[0].answers.threshold
    if limits:
        st.caption(say("demo.bars.threshold", low=min(limits), high=max(limits)))
    else:
        st.caption(say("demo.bars.likeliest"))


def times(chosen: Chosen, answers: Sequence[Answer]) -> None:
    """Size of each file, milliseconds of each step here, and the estimate for a device."""
    st.subheader(say("demo.cost"))
    device = demo_cost.choose_device()
    rows = []
    for contender, one in zip(chosen.models, answers, strict=True):
        model = contender.result.model
        rows.append(
            {
                "model": one.model,
                "size": number(model.size_bytes, "bytes"),
                "decode": number(one.timing.decode_ms, "ms"),
                "prepare": number(one.timing.prepare_ms, "ms"),
                "network": number(one.timing.network_ms, "ms"),
                "post": number(one.timing.post_ms, "ms"),
                "total": number(one.timing.total_ms, "ms"),
                "device": demo_cost.on_device(contender, device),
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        column_config={
            name: st.column_config.Column(
                say(f"demo.column.{name}"), help=say(f"demo.column.{name}.help")
            )
            for name in rows[0]
        },
    )
    st.caption(say("demo.cost.about"))
    demo_cost.about(chosen.models, device)
