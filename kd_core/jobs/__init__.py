"""Runs in the background: the queue's runner, its worker processes, and the door to both.

jobs = connect()                              # the first process on a store runs its queue
study = jobs.submit(settings, owner=visitor)  # queued before anything starts
lab.store.runs(study=study)                  # state, progress, time left
lab.store.events(run, after=offset)          # live curves
lab.request(run, "cancel")                   # obeyed at the next step
"""

from kd_core.jobs.client import Jobs, connect
from kd_core.jobs.runner import Runner
from kd_core.jobs.supervision import Timing

__all__ = ["Jobs", "Runner", "Timing", "connect"]
