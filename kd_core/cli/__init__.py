"""``kd-lab``: the engine without a browser.

    program.py   parser, language, errors, exit codes
    screen.py    answers to standard output, everything else to standard error
    runs.py      run, list, show, export
    data.py      import, doctor, fetch
    predict.py   predict
    upkeep.py    collect, backup, gc, delete, device

A command is one function ``(arguments, screen) -> answer``. The answer is what ``--json`` prints;
what a person reads is written through the screen on the way. Commands import the engine when they
are called, because torch takes seconds and ``kd-lab list`` should not.
"""

from kd_core.cli.program import main

__all__ = ["main"]
