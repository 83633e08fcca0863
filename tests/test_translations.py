"""Other languages beside English: complete, not left over, with the same placeholders; and no
sentence that stands in the code, where no language can reach it."""

import ast
import re
import string
import tomllib

import pytest

from kd_core.text import Catalogue, Msg, best_language, language_name, languages, load_catalogue
from tests.helpers_code import ROOT, sources

LOCALE = ROOT / "app" / "locale"
OTHERS = [name for name in languages(LOCALE) if name != "en"]
Text = str | dict[str, str]

UNFINISHED: dict[str, frozenset[str]] = {}
"""Files of the English catalogue that a new language does not have in full yet."""


def read(language: str) -> dict[str, dict[str, Text]]:
    """Texts by file and id, before the files are merged."""
    return {
        path.name: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted((LOCALE / language).glob("*.toml"))
    }


def merged(language: str) -> dict[str, Text]:
    return {key: text for texts in read(language).values() for key, text in texts.items()}


def placeholders(text: Text) -> set[tuple[str, str]]:
    """Names and formats of the parameters that a text uses."""
    templates = [text] if isinstance(text, str) else text.values()
    parsed = (part for template in templates for part in string.Formatter().parse(template))
    return {(name, spec or "") for _, name, spec, _ in parsed if name is not None}


def missing(language: str) -> list[str]:
    """English texts that a language lacks, with their files."""
    have = merged(language)
    return [
        f"{file}: {key}"
        for file, texts in read("en").items()
        if file not in UNFINISHED.get(language, ())
        for key in texts
        if key not in have
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_every_text(language):
    assert not missing(language), "\n".join(missing(language))


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_no_text_that_english_has_not(language):
    english, unfinished = merged("en"), UNFINISHED.get(language, ())
    left = [
        f"{file}: {key}"
        for file, texts in read(language).items()
        if file not in unfinished
        for key in texts
        if key not in english
    ]
    assert not left, "\n".join(left)


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_uses_the_same_placeholders_with_the_same_formats(language):
    english = merged("en")
    faults = [
        f"{key}: {sorted(placeholders(text) ^ placeholders(english[key]))}"
        for key, text in merged(language).items()
        if key in english and placeholders(text) != placeholders(english[key])
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", OTHERS)
def test_a_plural_stays_a_plural_and_a_text_a_text(language):
    english = merged("en")
    for key, text in merged(language).items():
        if key in english:
            assert isinstance(text, str) == isinstance(english[key], str), key


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_code_for_a_reader_is_the_same_in_every_language(language):
    """Names of commands, variables and settings are not translated."""
    code = re.compile(r"`[^`]+`|\bKDLAB_[A-Z_]+|\bkd-lab [a-z]+|--[a-z][a-z-]+")
    english = merged("en")
    faults = []
    for key, text in merged(language).items():
        ours, theirs = (
            " ".join([one] if isinstance(one, str) else one.values())
            for one in (english.get(key, text), text)
        )
        if set(code.findall(ours)) != set(code.findall(theirs)):
            faults.append(key)
    assert not faults, "\n".join(faults)


def test_a_language_is_found_by_its_tag_and_named_by_itself():
    assert OTHERS == ["pt_BR"]
    assert best_language("pt-BR", languages(LOCALE)) == "pt_BR"
    assert language_name("pt_BR") == "Português (Brasil)"


def test_what_a_language_lacks_is_english(tmp_path):
    for name, text in (("en", 'a = "yes"\nb = "no"'), ("xx", 'a = "oui"')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "base.toml").write_text(text)
    found = load_catalogue(tmp_path, "xx")
    assert (found.render(Msg("a")), found.render(Msg("b"))) == ("oui", "no")


def test_the_search_for_missing_texts_finds_them(monkeypatch):
    without = {key: text for key, text in merged("pt_BR").items() if key != "page.home"}
    monkeypatch.setitem(globals(), "merged", lambda language: without)
    assert missing("pt_BR") == ["pages.toml: page.home"]


def test_numbers_and_figures_have_the_comma():
    portuguese = load_catalogue(LOCALE, "pt_BR")
    assert portuguese.number(0.98765, "percent") == "98,8 %"
    assert portuguese.number(1234567.5, "bytes") == "1,23 MB"
    assert portuguese.render(Msg("figure.separators")) == ",."
    assert isinstance(portuguese, Catalogue)


# --- sentences in the code ----------------------------------------------------------------------

SHOWS = {
    "title", "header", "subheader", "markdown", "caption", "write", "text", "info", "warning",
    "error", "success", "toast", "button", "download_button", "link_button", "form_submit_button",
    "checkbox", "toggle", "radio", "selectbox", "multiselect", "segmented_control", "pills",
    "slider", "select_slider", "number_input", "text_input", "text_area", "date_input",
    "file_uploader", "camera_input", "color_picker", "metric", "popover", "expander", "progress",
    "spinner", "status", "tabs", "dialog", "Bar",
}  # fmt: skip
NAMED = {"page_link", "Page", "Chart", "X", "Y", "Color", "Column", "NumberColumn"}
"""Here the first argument is a page or a column, and only what is named is shown."""

SHOWN = {"label", "help", "placeholder", "text", "title", "body", "caption", "alt", "on_label"}
MARKUP = re.compile(r":material/\w+:|<[^>]*>|&\w+;|https?://\S+")
NAMES = re.compile(r"\b(KD Lab|MB|GB|ms|px|nbsp|MACs|ONNX)\b")
WORD = re.compile(r"[^\W\d_]{2,}")


def literal(node: ast.expr) -> str:
    """The fixed text of an expression, without markup."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    fixed = [part.value for part in parts if isinstance(part, ast.Constant)]
    words = " ".join(part for part in fixed if isinstance(part, str))
    return NAMES.sub("", MARKUP.sub("", words))


def shown_words(call: ast.Call) -> list[ast.expr]:
    """What a call shows to a person, if it is one of Streamlit's or Altair's."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    named = [word.value for word in call.keywords if word.arg in SHOWN]
    if name in SHOWS:
        first = call.args[:1]
        return named + (first[0].elts if first and isinstance(first[0], ast.List) else first)
    return named if name in NAMED else []


def hard_coded(tree: ast.AST) -> list[int]:
    """Lines where a person is shown words instead of a text of the catalogue."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for each in shown_words(node)
        if isinstance(each, ast.Constant | ast.JoinedStr) and WORD.search(literal(each))
    ]


def test_no_page_shows_a_sentence_that_stands_in_the_code():
    faults = [
        f"{path}:{line}"
        for path, tree in sources("app", "pages").items()
        for line in hard_coded(tree)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("line", [
    'st.title("Hello")',
    'st.button(say("a"), help="press it")',
    'st.markdown(f"**{name}** is here")',
    'left.caption("two words")',
    'st.tabs(["One", "Two"])',
    'alt.X("x", title="epochs")',
])  # fmt: skip
def test_the_search_for_sentences_finds_them(line):
    assert set(hard_coded(ast.parse(line))) == {1}


@pytest.mark.parametrize("line", [
    'st.title(say("page.home"))',
    'st.markdown(f"**{name}** · {ICONS[key]} {number(1, \'ms\')}")',
    'st.button(say("a"), icon=":material/check:", key="go")',
    'form.edit(st.text_input, "name", say("b"))',
])  # fmt: skip
def test_the_search_for_sentences_finds_nothing_else(line):
    assert hard_coded(ast.parse(line)) == []


RENDERS = {"say", "number", "entry_title", "entry_about", "choice_text"}


def test_what_is_cached_for_all_holds_no_rendered_text():
    """A cached function serves visitors of every language; it may not call ``say`` itself."""
    faults = []
    for path, tree in sources("app").items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef):
                continue
            cached = any("cache_" in ast.unparse(each) for each in node.decorator_list)
            names = {arg.arg for arg in (*node.args.args, *node.args.kwonlyargs)}
            renders = {
                getattr(call.func, "id", "")
                for call in ast.walk(node)
                if isinstance(call, ast.Call)
            } & {"say", "number", "entry_title", "entry_about", "choice_text"}
            if cached and renders and not names & {"language", "tag", "say"}:
                faults.append(f"{path}:{node.lineno} {node.name}")
    assert not faults, "\n".join(faults)
