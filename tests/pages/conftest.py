"""Pages run by AppTest, each against a home of its own."""

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from app import services as shared
from tests.helpers_code import ROOT


@pytest.fixture(autouse=True)
def clean_server(monkeypatch):
    """No cached object outlives a test, and errors are shown in full."""
    config.set_option("client.showErrorDetails", "full")
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    shared.services().jobs.close()
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """A store without the embedded study."""
    monkeypatch.setattr(shared, "SAMPLE_STUDY", tmp_path / "nothing")


@pytest.fixture
def open_page():
    """Open a page by name, as its address would: ``open_page("results", study="…")``."""

    def opened(name: str, **address: str) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
        for key, value in address.items():
            at.query_params[key] = value
        at.run()
        if name != "home":
            at.switch_page(f"../pages/{name}.py")
            for key, value in address.items():
                at.query_params[key] = value
            at.run()
        return at

    return opened


def texts(at: AppTest) -> str:
    """Everything that a page says, in one string."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(e.value) for kind in kinds for e in getattr(at, kind))
