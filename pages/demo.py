import streamlit as st

from app import (
    demo_choose,
    demo_field,
    demo_many,
    demo_pictures,
    demo_present,
    demo_public,
    demo_single,
)
from app.demo_choose import Chosen
from app.demo_pictures import Opened, Picture
from app.texts import say, show_error
from kd_core.errors import KDLabError


def show(chosen: Chosen) -> None:
    """Samples and uploads, then what the models say of them."""
    pictures = demo_choose.choose_pictures(chosen)
    if len(pictures) > 1 or any(demo_many.is_archive(picture) for picture in pictures):
        picture = demo_many.show(chosen, pictures)
    else:
        picture = pictures[0] if pictures else None
    if picture is not None:
        look_at(chosen, picture)


def look_at(chosen: Chosen, picture: Picture) -> None:
    """One picture: as an image of its own, or as a field or slide."""
    opened = demo_pictures.opened(picture, demo_pictures.window_of(chosen.record))
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = choose_kind(chosen, opened)
        st.caption(say("demo.no_device"), width="content")
    if kind == "image":
        demo_single.show(chosen, opened)
    else:
        demo_field.show(chosen, opened, kind)


def choose_kind(chosen: Chosen, opened: Opened) -> demo_pictures.Kind:
    """How the picture is taken: guessed from its size, and the visitor may say otherwise."""
    side = demo_pictures.typical_side(chosen.record)
    cells = demo_pictures.of_cells(chosen.record)
    guess = demo_pictures.guess_kind(opened.slide, side, cells)
    kinds = demo_pictures.kinds_of(opened.slide, cells)
    kind: demo_pictures.Kind = st.segmented_control(
        say("demo.kind"),
        kinds,
        default=guess,
        required=True,
        format_func=lambda name: say(f"demo.kind.{name}"),
        help=say("demo.kind.help"),
        label_visibility="collapsed",
        key=f"demo-view-kind-{chosen.study}-{opened.picture.key}",
    )
    return kind


demo_present.apply()
try:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(say("page.demo"), width="content")
        now = st.empty()
        st.space("stretch")
        chosen_models = demo_choose.choose_models()
        demo_public.offer()
        demo_present.switch()
    if chosen_models is None:
        demo_choose.none_yet()
    else:
        names = [one.key for one in chosen_models.models]
        now.caption(say("demo.now", study=chosen_models.name, names=names), width="content")
        show(chosen_models)
except KDLabError as error:
    show_error(error)
