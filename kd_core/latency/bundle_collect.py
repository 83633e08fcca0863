"""Put what a maker's tool wrote into one result file.

    sh run.sh               calls the tool for each model (look into it first; it is short)
    python collect.py       reads the folder out/ and writes result.json

Needs Python 3.8 or newer and nothing else. The tool's own words go into the file as they are; the
dashboard reads the times out of them.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import platform
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SCRIPTS = ("collect.py", "run.sh")
FIRST_LINES, LAST_LINES = 200, 400  # of a log; between them is what was built how


def main() -> int:
    """Carry out the command line; 0 if every model has its output."""
    parser = argparse.ArgumentParser(description="Collect what the tool wrote.")
    parser.add_argument("--out", type=Path, default=HERE / "result.json", help="the result")
    arguments = parser.parse_args()
    bundle = json.loads((HERE / "bundle.json").read_text("utf-8"))
    results, failed = [], []
    for model in bundle["models"]:
        found = output_of(model)
        if found is None:
            failed.append({"sha256": model["sha256"], "error": "the tool wrote nothing"})
            print(f"{model['name'][:40]:40s} nothing in {model['log']}")
        else:
            results.append({"sha256": model["sha256"], "tool": bundle["tool"], **found})
            print(f"{model['name'][:40]:40s} read")
    write(bundle, {"machine": machine(), "results": results, "failed": failed}, arguments.out)
    return 1 if failed or not results else 0


def output_of(model: dict[str, Any]) -> dict[str, Any] | None:
    """What the tool said of one model, and the model's answers where it wrote them."""
    if hashlib.sha256((HERE / model["file"]).read_bytes()).hexdigest() != model["sha256"]:
        raise SystemExit(f"{model['file']} is not the file that the bundle was made with.")
    log = HERE / model["log"]
    if not log.is_file():
        return None
    lines = log.read_text("utf-8", errors="replace").splitlines()
    if len(lines) > FIRST_LINES + LAST_LINES:
        lines = [*lines[:FIRST_LINES], "[...]", *lines[-LAST_LINES:]]
    return {
        "log": "\n".join(lines),
        "outputs": outputs_of(HERE / model["answers"], model["output"]) if model["answers"] else [],
        "measured_at": log.stat().st_mtime,
    }


def outputs_of(path: Path, name: str) -> list[list[float]]:
    """The answers that ``trtexec --exportOutput`` wrote, (1, K); none where it did not."""
    if not path.is_file():
        return []
    for tensor in json.loads(path.read_text("utf-8")):
        if tensor["name"] == name:
            return [[float(value) for value in tensor["values"]]]
    return []


def machine() -> dict[str, Any]:
    """The computer that the tool ran on; the board's own name is in the tool's words."""
    import os

    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "machine": platform.machine(),
        "os": platform.platform(),
        "python": platform.python_version(),
    }


def write(bundle: dict[str, Any], content: dict[str, Any], path: Path) -> None:
    """One JSON file, with a seal that shows whether it was changed afterwards."""
    result = {
        "format": "kdlab-result",
        "version": bundle["version"],
        "bundle": bundle["bundle"],
        "device": bundle["device"],
        "runtime": bundle["runtime"],
        "scripts": {name: digest_of_script(HERE / name) for name in SCRIPTS},
        **content,
    }
    text = json.dumps(result, sort_keys=True, separators=(",", ":"), allow_nan=False)
    key = bytes.fromhex(bundle["key"])
    result["seal"] = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    path.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", "utf-8")
    print(f"Written to {path}. Give it to the dashboard, page Devices.")


def digest_of_script(path: Path) -> str:
    """Hash of a script, whatever its line ends."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
