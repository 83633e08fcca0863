"""Which lesson is open, of which study, and a link that opens it exactly as it is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from app import address, learn_material, services_lessons
from app.class_room import class_open
from app.learn_view import chapters, control_names, text
from app.texts import guarded, say, show_error
from app.visitor import may
from kd_core.lessons import LESSONS
from kd_core.lessons.material import MATERIALS, Material
from kd_core.lessons.plan import Plan

POLL = "1s"
HIDE = "hide"
"""Parameter of the address that names what is not drawn: a control, or one of these."""

PARTS = ("choose", "try", "steps", "code", "quiz")


def lessons_of(plan: Plan) -> tuple[str, ...]:
    """The lessons that this visitor sees, and the live chapter where it is shown."""
    return plan.lessons(chapters(), everything=may("board"))


def choose(names: Sequence[str], plan: Plan) -> str:
    """The open lesson, with a way to the one before and to the next."""
    if HIDE in st.query_params and "choose" in hidden_parts():
        return address.choice(None, "", names, "lesson")
    _step(names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name: str = address.choice(
            st,
            say("learn.lesson"),
            names,
            "lesson",
            label_visibility="collapsed",
            format_func=lambda one: _titled(one, names, plan),
        )
        place = names.index(name)
        for by, icon, key in ((-1, "arrow_back", "P"), (1, "arrow_forward", "N")):
            st.button(
                say("learn.before" if by < 0 else "learn.next"),
                icon=f":material/{icon}:",
                icon_position="left" if by < 0 else "right",
                key=f"learn-{key}",
                shortcut=key,
                disabled=not 0 <= place + by < len(names),
                on_click=_go,
                args=(place + by,),
            )
    return name


def _go(place: int) -> None:
    st.session_state["learn-go"] = place


def _step(names: Sequence[str]) -> None:
    """Open the lesson that a button asked for, before its box is drawn."""
    place = st.session_state.pop("learn-go", None)
    if place is not None and 0 <= place < len(names):
        st.session_state["lesson"] = names[place]


def _titled(name: str, names: Sequence[str], plan: Plan) -> str:
    title = f"{names.index(name) + 1} · {text(name, 'title')}"
    return say("learn.hidden", lesson=title) if name in plan.hidden else title


def hidden_parts() -> tuple[str, ...]:
    """What the address hides."""
    return tuple(st.query_params.get_all(HIDE))


def hidden_by(plan: Plan, name: str) -> tuple[str, ...]:
    """Controls of a lesson that the teacher hides from this visitor."""
    return () if may("board") else plan.hidden_controls(name)


# --- the study ----------------------------------------------------------------------------------


def study(plan: Plan) -> Material:
    """The study of the address, else the class's, else the embedded one."""
    known = learn_material.studies()
    wanted = st.query_params.get("study", "") or plan.study
    if wanted and wanted not in known:
        st.caption(say("learn.study.unfit"))
    if len(known) > 1:
        with st.popover(say("learn.study"), icon=":material/science:"):
            usual = plan.study if plan.study in known else next(iter(known))
            start = wanted if wanted in known else usual
            if st.session_state.get("learn-study") not in known or wanted in known:
                st.session_state["learn-study"] = start
            st.selectbox(
                say("learn.study.of"),
                list(known),
                key="learn-study",
                format_func=lambda key: known[key],
                on_change=_remember,
            )
    return learn_material.material_of(wanted if wanted in known else None)


def _remember() -> None:
    st.session_state["study"] = st.session_state["learn-study"]
    st.query_params["study"] = st.session_state["learn-study"]


def shown_material(name: str, material: Material) -> Material | None:
    """The study, or the sample where the lesson cannot show the study (yet), which is said.

    ``None`` where neither can be shown.
    """
    spec = LESSONS[name]
    if spec.fits(material):
        return material
    sample = learn_material.material_of()
    can_show = spec.fits(sample)
    missing = [one for one in spec.needs if one not in material.made]
    unfit = next(filter(None, (MATERIALS[one].why_not(material) for one in missing)), None)
    if material.data.task not in spec.tasks:
        st.info(say("learn.other_task", study=material.name), icon=":material/science:")
    elif unfit is not None:
        st.info(say("learn.unfit", why=unfit), icon=":material/science:")
    else:
        _offer(material, missing, can_show)
    return sample if can_show else None


def _offer(material: Material, missing: Sequence[str], can_show: bool) -> None:
    """Say what is missing and offer to make it; one thing at a time for all visitors."""
    names = [say(MATERIALS.text_id(name, "title")) for name in missing]
    text = "learn.missing" if can_show else "learn.missing.all"
    st.info(say(text, study=material.name, names=names), icon=":material/science:")
    making = services_lessons.making()
    if making is not None and not making.ended:
        _follow()
        return
    if making is not None and making.error is not None and making.name in missing:
        show_error(making.error)
    if not may("board" if class_open() else "start"):
        st.caption(say("learn.missing.ask"))
        return
    minutes = MATERIALS[missing[0]].minutes
    if st.button(
        say("learn.missing.make", name=names[0], minutes=minutes), icon=":material/build:"
    ):
        services_lessons.prepare("" if material.key == "sample" else material.key, missing[0])
        st.rerun()


@st.fragment(run_every=POLL)
@guarded
def _follow() -> None:
    making = services_lessons.making()
    if making is None or making.ended:
        st.rerun()
    title = say(MATERIALS.text_id(making.name, "title"))
    share = min(1.0, making.done / making.total) if making.total else 0.0
    st.progress(share, say("learn.missing.making", name=title, share=share))


# --- the link -----------------------------------------------------------------------------------


def link(name: str) -> None:
    """An address that opens the lesson exactly as it is set, with less on it if wanted."""
    place = st.popover(
        say("learn.link"), icon=":material/link:", key="learn-link", on_change="rerun"
    )
    if not place.open:
        return
    with place:
        st.caption(say("learn.link.about"))
        controls = control_names(name)
        options = [*controls, *PARTS] if name in LESSONS else ["choose"]
        hide = st.pills(
            say("learn.link.hide"),
            options,
            selection_mode="multi",
            format_func=lambda one: controls.get(one) or say(f"learn.part.{one}"),
            key=f"learn-link-hide-{name}",
        )
        st.code(address_of(st.context.url or "", st.query_params.to_dict(), name, hide), None)


def address_of(base: str, now: Mapping[str, str], name: str, hide: Sequence[str]) -> str:
    """The whole address of a lesson.

    >>> address_of("http://x/learn", {"loss.T": "2", "present": "1"}, "loss", ["steps"])
    'http://x/learn?lesson=loss&loss.T=2&present=1&hide=steps'
    """
    kept = [(key, value) for key, value in now.items() if key not in (HIDE, "lesson")]
    pairs = [("lesson", name), *kept, *((HIDE, part) for part in hide)]
    return f"{base.partition('?')[0]}?{urlencode(pairs)}"
