"""Where the models look: heat maps on one scale, their difference, an opacity slider."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.demo_models import Contender, my_turn, network_of
from app.demo_pictures import kept
from app.demo_present import presenting
from app.progress import Bar
from app.texts import say, show_error
from kd_core.errors import KDLabError
from kd_core.explain.gradcam import grad_cam
from kd_core.explain.maps import HeatMap, blended, coloured, difference, same_scale
from kd_core.explain.occlusion import occlusion
from kd_core.explain.progress import Tick
from kd_core.explain.rise import rise
from kd_core.slides.slide import resize

METHODS = ("grad_cam", "rise", "occlusion")
WIDTH_PX, PRESENT_PX = 168, 250
"""Width of a map: two fit side by side on a phone."""
KEPT_MAPS = 60
"""Heat maps that a session keeps; one is a few kB."""

Pixels = NDArray[np.uint8]


@st.fragment
def show(
    chosen: Sequence[Contender], prepared: Pixels, picture: str, top: int, *, narrow: bool = False
) -> None:
    """The maps of all models for one prepared image (C, S, S).

    Args:
        chosen: The models, the teacher first.
        prepared: What the networks are fed.
        picture: Names the image in the session's cache.
        top: Class to explain at first: the teacher's answer.
        narrow: In a column beside something else.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted, method = _choose(chosen[0].session.contract.classes, picture, top)
        opacity = st.slider(
            say("demo.heat.opacity"), 0.0, 1.0, 0.5, 0.05, key="demo-heat-opacity", width=150
        )
    try:
        maps = _maps(chosen, prepared, picture, wanted, method)
    except KDLabError as error:
        show_error(error)
        return
    _draw(chosen, maps, prepared, opacity, PRESENT_PX if presenting() and not narrow else WIDTH_PX)
    if not narrow:
        st.caption(say(f"demo.heat.{method}.about"))


def _choose(classes: Sequence[str], picture: str, top: int) -> tuple[int, str]:
    """Class and method."""
    wanted: int = st.selectbox(
        say("demo.heat.class"),
        range(len(classes)),
        index=top,
        format_func=lambda k: classes[k],
        help=say("demo.heat.class.help"),
        key=f"demo-view-heat-class-{picture}-{top}",
        width=150,
    )
    method: str = st.selectbox(
        say("demo.heat.method"),
        METHODS,
        format_func=lambda name: say(f"demo.heat.{name}"),
        help=say("demo.heat.method.help"),
        key="demo-heat-method",
        width=150,
    )
    return wanted, method


def _maps(
    chosen: Sequence[Contender], prepared: Pixels, picture: str, wanted: int, method: str
) -> list[HeatMap | None]:
    """The maps, from the session's cache where they are there."""
    store = kept("heat", KEPT_MAPS)
    names = [(picture, one.sha256, wanted, method) for one in chosen]
    if any(name not in store for name in names):
        with Bar(say("demo.heat.working")) as bar, my_turn() as turn:

            def tick(done: int, total: int) -> None:
                bar(done, total)
                turn.give_way()

            for name, one in zip(names, chosen, strict=True):
                if name not in store:
                    store.put(name, _one(one, prepared, wanted, method, tick))
    return [store[name] for name in names]


def _one(
    contender: Contender, prepared: Pixels, wanted: int, method: str, tick: Tick
) -> HeatMap | None:
    """One map; ``None`` where there is no network to differentiate."""
    model = contender.session
    if method == "rise":
        return rise(model, prepared, wanted, tick=tick, name=contender.key)
    if method == "occlusion":
        return occlusion(model, prepared, wanted, tick=tick, name=contender.key)
    network = network_of(contender)
    if network is None:
        return None
    found, own = network
    images = contender.contract.normalise(prepared[None])  # (1, C, S, S)
    stands_for = "" if own else contender.key
    return grad_cam(found, images, [wanted], name=contender.key, stands_for=stands_for)[0]


def _draw(
    chosen: Sequence[Contender],
    maps: Sequence[HeatMap | None],
    prepared: Pixels,
    opacity: float,
    side: int,
) -> None:
    """The image, each model's map, and each student's difference from the teacher."""
    image = _large(prepared, side)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=side):
            st.image(image)
            st.caption(say("demo.heat.input"))
        for one, found in zip(chosen, maps, strict=True):
            with st.container(width=side):
                _picture(one, found, image, opacity)
        for one, found in zip(chosen[1:], maps[1:], strict=True):
            if found is not None and maps[0] is not None:
                with st.container(width=side):
                    gap = difference(maps[0].values, found.values)
                    st.image(blended(image, gap, opacity, diverging=True))
                    names = {"first": one.key, "second": chosen[0].key}
                    st.caption(say("demo.heat.difference", **names))
    strip = np.repeat(np.linspace(0, 1, side, dtype=np.float32)[None], 8, axis=0)  # (8, side)
    with st.container(horizontal=True, gap="medium"):
        for signed in (False, True):
            with st.container(width=side):
                st.image(coloured(2 * strip - 1 if signed else strip, signed))
                st.caption(say("demo.heat.scale.signed" if signed else "demo.heat.scale"))


def _large(prepared: Pixels, side: int) -> Pixels:
    image = np.moveaxis(prepared, 0, -1)  # (S, S, C)
    return np.repeat(resize(image, side, side), 4 - image.shape[2], axis=2)[..., :3]


def _picture(one: Contender, found: HeatMap | None, image: Pixels, opacity: float) -> None:
    if found is None:
        st.info(say("demo.heat.none", name=one.key))
        return
    st.image(blended(image, same_scale([found.values])[0], opacity))
    st.caption(f"**{one.key}**")
    if not found.values.any():
        st.caption(say("demo.heat.nothing"))
    if found.stands_for:
        st.caption(say("demo.heat.parent"))
