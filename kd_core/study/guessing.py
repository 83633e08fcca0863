"""Slowing down who guesses: so many wrong words a minute, from one person and from all together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from kd_core.errors import AccessError

MINUTE_S = 60.0


class Guesses:
    """Tries of the last minute that were not right, in the memory of the server.

    A name costs nothing, so the limit of one name only helps who mistypes; what stops a program
    is the limit for all. It locks nobody out for longer than a minute, and nobody who is in.

    Args:
        of_one: Wrong tries of one name within a minute.
        of_all: Wrong tries of all names within a minute.
        clock: Seconds; tests bring their own.
    """

    def __init__(
        self, of_one: int = 5, of_all: int = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._clock = clock
        self._tries: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()

    def attempt(self, name: str) -> None:
        """Count a try before it is looked at, so that many at once are counted, too.

        Raises:
            AccessError: ``too_many_tries`` with the seconds to wait.
        """
        with self._lock:
            now = self._clock()
            while self._tries and now - self._tries[0][0] >= MINUTE_S:
                self._tries.popleft()
            mine = [at for at, who in self._tries if who == name]
            for tries, most in (
                (mine, self._of_one),
                ([at for at, _ in self._tries], self._of_all),
            ):
                if len(tries) >= most:
                    raise AccessError("too_many_tries", wait_s=tries[-most] + MINUTE_S - now)
            self._tries.append((now, name))

    def right(self, name: str) -> None:
        """The word was right: that person's tries do not count any more."""
        with self._lock:
            self._tries = deque(one for one in self._tries if one[1] != name)
