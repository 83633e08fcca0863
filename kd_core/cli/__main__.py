"""``python -m kd_core.cli``."""

import sys

from kd_core.cli.program import main

sys.exit(main())
