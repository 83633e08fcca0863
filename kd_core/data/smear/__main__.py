"""``python -m kd_core.data.smear --to sample_data [--check]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from kd_core.data.smear.build import check, write


def main() -> None:
    """Write the embedded sample, or check that it can be rebuilt."""
    parser = argparse.ArgumentParser(prog="python -m kd_core.data.smear", description=main.__doc__)
    parser.add_argument("--to", type=Path, required=True, help="folder, for example sample_data")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.to)
        print(f"{arguments.to}: the same as rebuilt")
    else:
        write(arguments.to)
        print(f"{arguments.to}: written")


if __name__ == "__main__":
    main()
