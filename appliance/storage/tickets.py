"""One waiting write: its closure, its outcome, and what it wants done once that is known."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

Callback = Callable[[], None]


class Effects:
    """What a write wants done when all is committed, or when it is rolled back.
    `undone` are the `on_rollback` callbacks of writes inside it that were rolled back already."""

    __slots__ = ("after_commit", "before_commit", "on_commit", "on_rollback", "undone")

    def __init__(self) -> None:
        self.before_commit: list[Callback] = []
        self.after_commit: list[Callback] = []
        self.on_commit: list[Callback] = []
        self.on_rollback: list[Callback] = []
        self.undone: list[Callback] = []

    def keep(self, inner: Effects) -> None:
        """Take over what a write inside it that succeeded wants."""
        self.before_commit += inner.before_commit
        self.after_commit += inner.after_commit
        self.on_commit += inner.on_commit
        self.on_rollback += inner.on_rollback
        self.undone += inner.undone

    def drop(self, inner: Effects) -> None:
        """Remember what a write inside it that was rolled back wants."""
        self.undone += inner.undone + inner.on_rollback


class Ticket:
    """A write in the queue; implements `Outcome` once `done` has been called with it."""

    __slots__ = ("done", "effects", "error", "value", "work")

    def __init__(self, work: Callable[[], Any], done: Callable[[Ticket], None]) -> None:
        self.work = work
        self.done = done
        self.value: Any = None
        self.error: BaseException | None = None
        self.effects = Effects()

    def result(self) -> Any:
        """Run the callbacks that wait for the outcome, then return what the work returned or raise what it raised."""
        effects = self.effects
        if self.error is not None:
            run_all(effects.undone + effects.on_rollback)
            raise self.error
        run_all(effects.after_commit + effects.undone)
        return self.value

    def release(self) -> None:
        """Tell whoever waits that the outcome is known. A failure is the caller's own: others wait behind it."""
        try:
            self.done(self)
        except Exception:
            log.exception("Taking up the outcome of a write failed: %r", self.done)


def run_all(callbacks: list[Callback]) -> None:
    """Run effects of a write that is already decided: a failure is the callback's own, and only logged."""
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("An effect of a write failed: %r", callback)
