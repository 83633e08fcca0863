"""From a paper: a published study as settings, and a library's numbers in ours."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import distil_arms
from app.controls import choose_entry, edit_params
from app.distil_losses import formula_text
from app.form import Form
from app.texts import say, show_error
from kd_core.errors import KDLabError
from kd_core.losses.conventions import CONVENTIONS, translate
from kd_core.study.published import PUBLISHED, Published

FORM = "distil"


def studies(form: Form, place: int, task: str) -> None:
    """A published study: what it reports, what is wrong with it, and its settings."""
    name: str = st.selectbox(
        say("published.choose"),
        list(PUBLISHED),
        key="published",
        format_func=lambda key: say(f"published.{key}.title"),
    )
    found = PUBLISHED[name]
    st.caption(f"{say(f'published.{name}.about')} ({found.source or say('published.no_source')})")
    st.markdown(f"**{say('published.reported')}**")
    for msg in found.reported:
        st.markdown(f"- {say(msg)}")
    st.markdown(f"**{say('published.remarks')}**")
    for msg in found.remarks:
        st.markdown(f"- {say(msg)}")
    st.markdown(f"**{say('published.unset')}**")
    for msg in found.unset:
        st.markdown(f"- {say(msg)}")
    if found.study is None:
        st.info(say("published.not_here"), icon=":material/block:")
        return
    if task not in found.tasks:
        st.warning(say("published.other_task", task=say(f"task.{task}.title")))
        return
    st.button(
        say("published.use"),
        key="published-use",
        type="primary",
        on_click=_fill,
        args=(found, form.document["data"]["dataset"]),
    )


def _fill(found: Published, dataset: str) -> None:
    if found.study is not None:
        Form.load(FORM, found.study(dataset).to_json())


def conventions(form: Form, place: int, task: str) -> None:
    """A paper's or library's numbers, in ours, with what to know."""
    st.caption(say("convention.page.about"))
    which = Form("convention", {"name": next(iter(CONVENTIONS))})
    name = choose_entry(which, CONVENTIONS, "name", say("convention.page.choose"))
    own = Form(f"convention-{name}", {"params": {}})  # each begins with its own defaults
    edit_params(own, CONVENTIONS, name, "params")
    edit_params(own, CONVENTIONS, name, "params", advanced=True)
    try:
        found = translate(name, **own.document["params"])
    except KDLabError as error:
        show_error(error)
        return
    st.latex(say(found.formula))
    st.markdown(f"**{say('convention.page.ours')}**")
    st.latex(formula_text(found.distil.to_json(), task))
    for remark in found.remarks:
        st.caption(f"{say(remark)}")
    st.button(
        say("convention.page.use"),
        key="convention-use",
        type="primary",
        on_click=_take,
        args=(place, found.distil.to_json()),
    )


def _take(place: int, distil: dict[str, Any]) -> None:
    """Put the translated losses and weights into the chosen student; its views stay."""
    document = Form.kept(FORM)
    here = document["arms"][place]["distil"]
    document["arms"][place]["distil"] = {
        **here,
        **{name: distil[name] for name in ("alpha", "losses", "warmup", "task_weight")},
        "ramps": [],
    }
    Form.load(FORM, document)
    st.session_state[distil_arms.CHOSEN] = place
