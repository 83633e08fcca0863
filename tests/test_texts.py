"""Every sentence has its text, every text is used, and the two fit together."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator

import pytest

from kd_core.errors import FAMILIES
from kd_core.lessons import LessonSpec
from kd_core.registry import Entry, Registry
from kd_core.text import FORMATS, load_catalogue
from tests.helpers_code import ROOT, calls, sources
from tests.helpers_readme import registries

LOCALE = ROOT / "app" / "locale"
LANGUAGES = sorted(path.name for path in LOCALE.iterdir() if path.is_dir())
TEXTS = load_catalogue(LOCALE).texts
CODE = ("kd_core", "app", "pages")
PLURALS = {"zero", "one", "two", "few", "many", "other"}


def placeholders(text: str | dict[str, str]) -> set[str]:
    """Names of the parameters that a text uses."""
    templates = [text] if isinstance(text, str) else text.values()
    parsed = (part for template in templates for part in string.Formatter().parse(template))
    names = {name for _, name, _, _ in parsed if name is not None}
    return names if isinstance(text, str) else names | {"n"}


def given(call: ast.Call) -> set[str] | None:
    """Names of the keyword arguments; ``None`` if ``**fields`` hides some."""
    names = {keyword.arg for keyword in call.keywords}
    return None if None in names else names


def constants(node: ast.expr) -> list[str]:
    """The texts that an expression can be: a constant, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return constants(node.body) + constants(node.orelse)
    return []


def error_calls() -> Iterator[tuple[str, str, set[str] | None]]:
    """Place, code and fields of every error that the code makes."""
    for path, tree in sources(*CODE).items():
        for call in calls(tree, *FAMILIES):
            codes = constants(call.args[0]) if call.args else []
            for code in codes or ["(a variable)"]:
                yield f"{path}:{call.lineno}", code, given(call)


def message_calls() -> Iterator[tuple[str, str, set[str] | None]]:
    """Place, id and parameters of every message with a constant id."""
    for path, tree in sources(*CODE).items():
        for call in calls(tree, "Msg", "say"):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            params = given(call) if name == "say" else _dictionary(call.args[1:])
            for text_id in constants(call.args[0]) if call.args else ():
                yield f"{path}:{call.lineno}", text_id, params


def _dictionary(arguments: list[ast.expr]) -> set[str] | None:
    if not arguments:
        return set()
    if isinstance(arguments[0], ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in arguments[0].keys]
        return None if None in keys else {str(key) for key in keys}
    return None


def faults_of(found: Iterator[tuple[str, str, set[str] | None]], prefix: str = "") -> list[str]:
    """What is wrong between these calls and the catalogue."""
    faults = []
    for place, name, params in found:
        text = TEXTS.get(prefix + name)
        if text is None:
            faults.append(f"{place}: no text {prefix}{name}")
        elif params is not None and not placeholders(text) <= params:
            lacking = sorted(placeholders(text) - params)
            faults.append(f"{place}: {prefix}{name} uses {lacking}, which is not given")
    return faults


def test_every_error_has_a_text_that_uses_its_fields():
    faults = faults_of(error_calls(), "error.")
    assert not faults, "\n".join(faults)


def test_every_message_has_a_text_that_uses_its_parameters():
    faults = faults_of(message_calls())
    assert not faults, "\n".join(faults)


def test_these_tests_see_errors_and_messages():
    assert "param_type" in {code for _, code, _ in error_calls()}
    assert "must.bool" in {text_id for _, text_id, _ in message_calls()}
    assert "loss" in registries()


def entry_texts() -> Iterator[tuple[str, ...]]:
    """For each text that an entry needs, the ids that would do, the entry's own first."""
    for registry in registries().values():
        for name, entry in registry.items():
            yield (registry.text_id(name, "title"),)
            yield (registry.text_id(name, "about"),)
            for param in entry.params:
                for part in ("title", "help"):
                    own = registry.text_id(name, f"param.{param.name}.{part}")
                    yield own, f"param.{param.name}.{part}"
                for value in param.choices:
                    if isinstance(value, str) and not value.isdigit():
                        yield (f"choice.{param.name}.{value}",)
            if isinstance(entry, LessonSpec):
                yield from lesson_texts(registry, name, entry)


def lesson_texts(
    registry: Registry[Entry], name: str, entry: LessonSpec
) -> Iterator[tuple[str, ...]]:
    """What a lesson needs beside title and about: a thing to try, and its questions."""
    yield (registry.text_id(name, "try"),)
    for question in entry.questions:
        for part in ("", ".why", *(f".{choice}" for choice in question.choices)):
            yield (registry.text_id(name, f"ask.{question.name}{part}"),)


def test_every_entry_has_its_texts():
    missing = [ids[0] for ids in entry_texts() if not any(text_id in TEXTS for text_id in ids)]
    assert not missing, "\n".join(missing)


def used_ids() -> tuple[set[str], list[re.Pattern[str]]]:
    """Ids that stand in the code, and patterns of those that it puts together."""
    ids = {f"error.{code}" for _, code, _ in error_calls()}
    ids |= {text_id for choices in entry_texts() for text_id in choices}
    patterns = []
    for tree in sources(*CODE).values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                ids.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"
                    for part in node.values
                ]
                if parts[0] != ".+" and "." in parts[0]:  # else it would fit everything
                    patterns.append(re.compile("".join(parts)))
    return ids, patterns


def test_no_text_is_left_over():
    ids, patterns = used_ids()
    unused = [
        text_id
        for text_id in TEXTS
        if text_id not in ids and not any(pattern.fullmatch(text_id) for pattern in patterns)
    ]
    assert not unused, "\n".join(unused)


def tables(language: str) -> Iterator[tuple[str, str, str | dict[str, str]]]:
    """File, id and text of one language, before the files are merged."""
    for path in sorted((LOCALE / language).glob("*.toml")):
        for text_id, text in tomllib.loads(path.read_text(encoding="utf-8")).items():
            yield path.name, text_id, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_stands_once(language):
    seen: dict[str, str] = {}
    for file, text_id, _ in tables(language):
        assert text_id not in seen, f"{text_id} is in {seen[text_id]} and in {file}"
        seen[text_id] = file


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_well_formed(language):
    for file, text_id, text in tables(language):
        assert isinstance(text, str) or ("other" in text and set(text) <= PLURALS), (
            f"{file}: {text_id} is a table; plain texts go above the first [table]"
        )
        for template in [text] if isinstance(text, str) else text.values():
            assert template.strip(), f"{file}: {text_id} is empty"
            for _, name, spec, _ in string.Formatter().parse(template):
                assert name is None or (name.isidentifier() and (not spec or spec in FORMATS)), (
                    f"{file}: {text_id} has {{{name}:{spec}}}"
                )
