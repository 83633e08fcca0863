"""The README's tables of registered names, made from the registries.

``python -m tests.helpers_readme`` writes them again after an entry was added.
"""

import functools
import importlib
import pkgutil
import re

import kd_core
from kd_core.registry import Entry, Registry
from kd_core.text import Msg, load_catalogue
from tests.helpers_code import ROOT

README = ROOT / "README.md"
TEXTS = load_catalogue(ROOT / "app" / "locale")
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@functools.cache
def registries() -> dict[str, Registry[Entry]]:
    """Every registry of the engine by its kind, after all entries have been imported."""
    found: dict[str, Registry[Entry]] = {}
    for module in pkgutil.walk_packages(kd_core.__path__, "kd_core."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Registry):
                assert found.setdefault(value.kind, value) is value, value.kind
    return found


def table(registry: Registry[Entry]) -> str:
    """A Markdown table of one registry: name, title and what it is."""
    rows = ["| name | title | what it is |", "|---|---|---|"]
    for name, entry in registry.items():
        title, about = (
            TEXTS.render(Msg(registry.text_id(name, part))) for part in ("title", "about")
        )
        source = f" ({entry.source})" if entry.source else ""
        rows.append(f"| `{name}` | {title} | {about.rstrip()}{source} |")
    return "\n".join(rows) + "\n"


def tables_in(text: str) -> dict[str, str]:
    """The tables of a README by the kind of their registry."""
    return {
        match[2]: match[0].removeprefix(match[1]).removesuffix(match[3])
        for match in BLOCK.finditer(text)
    }


def rewritten(text: str) -> str:
    """The README with every table made anew."""
    known = registries()
    return BLOCK.sub(lambda match: match[1] + table(known[match[2]]) + match[3], text)


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
