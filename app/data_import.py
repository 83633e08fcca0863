"""Bringing data in: receive, preview with options, add under a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from app import data_views, incoming
from app.controls import edit_params
from app.form import Form
from app.progress import Bar
from app.services import add_dataset, data_root, public_set, server_path
from app.texts import entry_about, entry_title, say, show_error
from app.visitor import may
from kd_core.data.draft import Draft, draft
from kd_core.data.public import PUBLIC_SETS
from kd_core.data.sources import SOURCES, detect
from kd_core.data.uploads import safe_name
from kd_core.errors import KDLabError

OFFERED = ("image_folder", "table", "npz", "dicom")


def bring() -> None:
    """The ways in, and the preview of what came."""
    ways = ["upload"] + (["public"] if may("fetch") else [])
    ways += ["server"] if data_root() else []
    tabs = st.tabs([say(f"data.way.{way}") for way in ways])
    for way, tab in zip(ways, tabs, strict=True):
        with tab:
            try:
                {"upload": _upload, "public": _public, "server": _server}[way]()
            except KDLabError as error:
                show_error(error)
    path = st.session_state.get("import-path")
    if path is not None and not Path(path).exists():  # cleaned away since
        forget()
    elif path is not None:
        st.divider()
        _preview(Path(path))


def _begin(
    path: Path,
    name: str,
    texts: dict[str, str] | None = None,
    document: dict[str, Any] | None = None,
) -> None:
    st.session_state["import-path"] = str(path)
    st.session_state["import-name"] = safe_name(name)
    st.session_state["import-texts"] = texts or {}
    st.session_state.pop("import-draft", None)
    Form.load("import", document or {"source": detect(path), "options": {}})


def _upload() -> None:
    st.caption(say("data.upload.about"))
    files = st.file_uploader(
        say("data.upload"),
        type=["zip", "npz", "csv"],
        accept_multiple_files=True,
        key="data-upload",
    )
    if files and st.button(say("data.upload.check"), type="primary"):
        path = incoming.receive(list(files))
        _begin(path, Path(files[0].name).stem)


def _server() -> None:
    st.caption(say("data.server.about", root=str(data_root())))
    text = st.text_input(say("data.server"), key="data-server")
    if text and st.button(say("data.upload.check"), key="data-server-check", type="primary"):
        path = server_path(text)
        _begin(path, path.stem)


def _public() -> None:
    name = st.selectbox(
        say("data.public"),
        PUBLIC_SETS.names(),
        format_func=lambda key: entry_title(PUBLIC_SETS, key),
        key="data-public",
    )
    entry = PUBLIC_SETS[name]
    st.caption(entry_about(PUBLIC_SETS, name))
    st.caption(f"{say('data.licence')}: {entry.licence} · {entry.citation}")
    if st.button(say("data.public.fetch"), icon=":material/download:"):
        with Bar(say("stage.download")) as bar:
            path = public_set(name, bar)
        texts = {"licence": entry.licence, "citation": entry.citation, "url": entry.homepage}
        if path.suffix == ".zip":
            path = incoming.unpack(path)
        _begin(path, name, texts, {"source": entry.reader, "options": dict(entry.options)})


def _preview(path: Path) -> None:
    form = Form("import", {"source": detect(path), "options": {}})
    st.subheader(say("data.preview"))
    try:
        source = form.edit(
            st.selectbox,
            "source",
            say("data.source"),
            options=[name for name in OFFERED if name in SOURCES],
            format_func=lambda name: entry_title(SOURCES, name),
        )
        st.caption(entry_about(SOURCES, source))
        with st.expander(say("data.options"), icon=":material/tune:"):
            edit_params(form, SOURCES, source, "options")
            edit_params_advanced(form, source)
        found = _draft(path, source, form.document["options"])
        _show(found)
        _add(found)
    except KDLabError as error:
        show_error(error)


def edit_params_advanced(form: Form, source: str) -> None:
    """The options that few need; the essential ones keep their values."""
    essential = dict(form.document["options"])
    edit_params(form, SOURCES, source, "options", advanced=True)
    advanced = {p.name for p in SOURCES[source].params if p.advanced}
    merged = {**form.document["options"]}
    merged |= {name: value for name, value in essential.items() if name not in advanced}
    form.document["options"] = merged


def _draft(path: Path, source: str, options: dict[str, Any]) -> Draft:
    """The draft for these options; kept, so that other controls on the page cost nothing."""
    asked = (str(path), source, tuple(sorted(options.items())))
    kept = st.session_state.get("import-draft")
    if kept is not None and kept[0] == asked:
        return kept[1]  # type: ignore[no-any-return]
    earlier = kept[1] if kept is not None and kept[0][0] == asked[0] else None
    with Bar(say("data.reading")) as bar:
        found = draft(path, source, earlier=earlier, progress=bar, **options)
    st.session_state["import-draft"] = (asked, found)
    return found


def _show(found: Draft) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        data_views.summary(found)
        data_views.counts(found.dataset)
        data_views.uncertain(found)
    with right:
        data_views.examples(found.examples())
    st.markdown(f"**{say('data.doctor')}**")
    data_views.findings(found.dataset, {i: why.id for i, why in found.unreadable.items()})


def _add(found: Draft) -> None:
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        name = st.text_input(
            say("data.name"), key="import-name", persist_state="session", help=say("data.name.help")
        )
    with right:
        go = st.button(say("data.add"), type="primary", width="stretch")
    if go:
        with Bar(say("data.adding")) as bar:
            texts = st.session_state.get("import-texts", {})
            add_dataset(found, name, progress=bar, **texts)
        forget()
        st.session_state["added"] = name
        st.rerun()


def forget() -> None:
    """End the preview and remove what was uploaded for it."""
    incoming.discard()
    for key in ("import-path", "import-draft", "import-texts"):
        st.session_state.pop(key, None)
