"""A person's own models, losses or data sets: a Python file that registers them when it is run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from kd_core.errors import ConfigError


def load_plugin(path: Path | str) -> None:
    """Run a plugin file once in this process.

    It can do whatever Python can, so only the command line offers this, never a page.

    Raises:
        ConfigError: ``plugin_missing``; ``plugin_failed`` with what the file itself raised.
    """
    file = Path(path).expanduser().resolve()
    name = f"kdlab_plugin_{file.stem}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise ConfigError("plugin_missing", path=str(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, AttributeError, NameError, TypeError, ValueError) as error:
        del sys.modules[name]
        detail = f"{type(error).__name__}: {error}"
        raise ConfigError("plugin_failed", path=str(file), detail=detail[:300]) from error
