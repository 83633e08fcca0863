"""The rules of the house: who may import whom, and how long a thing may grow."""

import ast
import importlib.metadata

import pytest

from tests.helpers_code import ROOT, imports, module_name, sources

# A line may import only the lines above it, and itself. Move a line rather than bend the rule.
ORDER = (
    ("errors", "text", "registry"),
    ("settings",),
    ("recipes",),
    ("config",),
    ("hardware",),
    ("repro",),
    ("events",),
    ("evaluate",),
    ("tasks",),
    ("data",),
    ("models",),
    ("losses",),
    ("train",),
    ("export",),
    ("latency",),
    ("compress",),
    ("explain",),
    ("slides",),
    ("study",),
    ("figures",),
    ("lessons",),
    ("jobs",),
    ("cli",),
)
LINE = {name: number for number, names in enumerate(ORDER) for name in names}
MAY_IMPORT = {
    "kd_core": {"kd_core"},
    "app": {"kd_core", "app"},
    "pages": {"kd_core", "app"},
    "benchmarks": {"kd_core", "benchmarks"},
}
OURS = {*MAY_IMPORT, "tests"}
LONGEST_FILE = 330
LONGEST_FUNCTION = 48  # lines of code without the docstring


def of_kd_core(module: str) -> str | None:
    """The part of kd_core that a module belongs to, ``data`` for ``kd_core.data.loaded``."""
    parts = module.split(".")
    return parts[1] if parts[0] == "kd_core" and len(parts) > 1 else None


def test_every_part_of_kd_core_has_its_line():
    parts = {of_kd_core(module_name(path)) for path in sources("kd_core")} - {None}
    assert parts <= set(LINE)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_between_folders_point_one_way(folder):
    for path, tree in sources(folder).items():
        for line, module in imports(tree):
            top = module.partition(".")[0]
            assert top not in OURS - MAY_IMPORT[folder], f"{path}:{line} imports {module}"


def test_imports_inside_kd_core_point_upwards():
    for path, tree in sources("kd_core").items():
        mine = of_kd_core(module_name(path))
        for line, module in imports(tree):
            theirs = of_kd_core(module)
            if mine is None or theirs not in LINE:  # "from kd_core import __version__"
                continue
            assert LINE[theirs] <= LINE[mine], f"{path}:{line}: {mine} imports {theirs}"


def test_only_the_app_knows_streamlit():
    for path, tree in sources("kd_core", "benchmarks").items():
        for line, module in imports(tree):
            assert module.partition(".")[0] != "streamlit", f"{path}:{line}"


def test_imports_are_absolute():
    for path, tree in sources(*MAY_IMPORT).items():
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}:{node.lineno}"


def test_no_file_of_the_app_hides_a_package():
    # streamlit puts app/ first on the module path
    packages = set(importlib.metadata.packages_distributions()) - OURS
    assert not {path.stem for path in (ROOT / "app").glob("*.py")} & packages
    assert not (ROOT / "app" / "pages").exists()


@pytest.mark.parametrize("folder", [*MAY_IMPORT, "tests"])
def test_files_stay_short(folder):
    for path in (ROOT / folder).rglob("*.py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= LONGEST_FILE, f"{path.relative_to(ROOT)} has {lines} lines"


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_functions_stay_short(folder):
    for path, tree in sources(folder).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert code_lines(node) <= LONGEST_FUNCTION, f"{path}:{node.lineno} {node.name}"


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """True unless named errors are caught, or the handler only tidies up and raises again."""
    names = {node.id for node in ast.walk(handler.type or handler) if isinstance(node, ast.Name)}
    broad = handler.type is None or bool(names & {"Exception", "BaseException"})
    last = handler.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


def test_everything_is_caught_in_one_place_only():
    found = [
        path
        for path, tree in sources(*MAY_IMPORT).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    ]
    assert set(found) <= {"kd_core/jobs/worker.py"}
    assert len(found) <= 1


def test_tests_mirror_the_engine():
    missing = [
        path
        for path in sources("kd_core")
        if not path.endswith(("__init__.py", "__main__.py"))
        and not (ROOT / "tests" / path).with_name("test_" + path.rpartition("/")[2]).exists()
    ]
    assert not missing, "\n".join(missing)
