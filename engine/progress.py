"""How fast a job goes and when it will be done; what is counted comes from the database."""

from collections import deque

WINDOW = 60
"""Finished images that the moving average looks back on."""


class Pace:
    """A moving average over the last images that were finished, on the monotonic clock."""

    def __init__(self) -> None:
        self._finished_at: deque[float] = deque(maxlen=WINDOW)
        self._known = 0
        self._began_at: float | None = None

    def note(self, finished: int, at: float) -> None:
        """`finished` images are finished now, at `at` seconds. The first note is where the counting begins."""
        if self._began_at is None:
            self._began_at, self._known = at, finished
            return
        for _ in range(min(max(0, finished - self._known), WINDOW)):
            self._finished_at.append(at)
        self._known = finished

    def pause(self, seconds: float) -> None:
        """Leave `seconds` of standing still out of the average."""
        self._finished_at = deque((moment + seconds for moment in self._finished_at), maxlen=WINDOW)
        if self._began_at is not None:
            self._began_at += seconds

    def images_per_minute(self, now: float) -> float | None:
        """None until two images are finished."""
        count = len(self._finished_at)
        if count < 2 or self._began_at is None:
            return None
        since = self._finished_at[0] if count == WINDOW else self._began_at
        elapsed = now - since
        return 60.0 * count / elapsed if elapsed > 0 else None

    def eta_s(self, remaining: int, now: float) -> float | None:
        """Seconds until `remaining` images are finished too; None while estimating."""
        rate = self.images_per_minute(now)
        return 60.0 * remaining / rate if rate else None
