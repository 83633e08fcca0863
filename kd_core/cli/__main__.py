"""``python -m kd_core.cli``."""

import sys

from kd_core.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
