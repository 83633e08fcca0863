"""The entry: path, page config, the list of pages, and what stands on every page."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:  # streamlit puts only app/ on the path
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from app import theme, visitor  # noqa: E402
from app.frame import carry_address, sidebar  # noqa: E402
from app.texts import say  # noqa: E402

st.set_page_config(page_title="KD Lab", page_icon=":material/compress:", layout="wide")
theme.apply()
visitor.remember()
PAGES = {
    "home": ":material/home:",
    "data": ":material/dataset:",
    "distil": ":material/school:",
    "compress": ":material/content_cut:",
    "results": ":material/insights:",
    "tradeoffs": ":material/balance:",
    "devices": ":material/developer_board:",
    "demo": ":material/biotech:",
}
page = st.navigation(
    [
        st.Page(
            ROOT / "pages" / f"{name}.py",
            title=say(f"page.{name}"),
            icon=icon,
            url_path=None if name == "home" else name,
            default=name == "home",
        )
        for name, icon in PAGES.items()
    ]
)
carry_address()
sidebar()
page.run()
