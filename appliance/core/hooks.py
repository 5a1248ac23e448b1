"""The hook registry: who runs before a write, who goes on after its commit, in which order.

A plain function runs before; raising vetoes. A generator function runs up to its `yield` before, and goes on
after the commit. Before-parts run inside the write's transaction (so what they check stays true until it is
stored); slow work belongs after the `yield` or into a job. A failure after the commit is logged with its
owner's name and changes nothing: the write has happened.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from appliance.core.events import EVENTS, Event

log = logging.getLogger("homeport.hooks")
HOUSE = "homeport"
Function = TypeVar("Function", bound=Callable[..., Any])
Continuation = tuple["Binding", Generator[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Binding:
    """One function on one event. Lower `priority` runs first; equal ones in order of binding."""

    event: str
    function: Callable[[Any], Any]
    collections: frozenset[str]
    priority: int
    owner: str

    def wants(self, event: Event) -> bool:
        """Whether the event's collection (by name or id) is one this binding asked for; all when it named none."""
        return not self.collections or not self.collections.isdisjoint(event.collection_keys())


class Hooks:
    """All bindings of one app. `on` is the door that plugins and built-in rooms use alike."""

    def __init__(self) -> None:
        self._bindings: dict[str, list[Binding]] = {name: [] for name in EVENTS}
        self.on = On(self)

    def bind(self, binding: Binding) -> None:
        """Add one binding and keep the event's list in running order."""
        listed = self._bindings[binding.event]
        listed.append(binding)
        listed.sort(key=lambda each: each.priority)

    def unbind_owner(self, owner: str) -> None:
        """Forget everything one plugin has bound."""
        for listed in self._bindings.values():
            listed[:] = [each for each in listed if each.owner != owner]

    def bindings(self) -> list[Binding]:
        """Every binding, by event, in running order: what `run.py hooks` prints."""
        return [each for listed in self._bindings.values() for each in listed]

    def has(self, event_name: str) -> bool:
        """Whether anybody listens."""
        return bool(self._bindings[event_name])

    def has_plugins(self, event_name: str) -> bool:
        """Whether anybody but the house's own rooms listens: what they do may take its time."""
        return any(each.owner != HOUSE for each in self._bindings[event_name])

    def before(self, event: Event) -> list[Continuation]:
        """Run the before-parts; return the generators that wait for the commit.

        When one raises, those already started are closed (their `finally` blocks run) and the error goes on: a veto.
        """
        waiting: list[Continuation] = []
        try:
            for binding in self._bindings[event.name]:
                if binding.wants(event):
                    self._start(binding, event, waiting)
        except BaseException:
            self.abandon(waiting)
            raise
        return waiting

    def _start(self, binding: Binding, event: Event, waiting: list[Continuation]) -> None:
        outcome = binding.function(event)
        if inspect.isgenerator(outcome) and _has_yielded(outcome):
            waiting.append((binding, outcome))

    def after(self, waiting: list[Continuation]) -> None:
        """Let the waiting generators go on, last started first; log failures."""
        for binding, generator in reversed(waiting):
            try:
                _finish(generator)
            except Exception:
                log.exception("%s failed after %s; the change is stored", binding.owner, binding.event)

    def abandon(self, waiting: list[Continuation]) -> None:
        """Close generators whose write was rolled back."""
        for binding, generator in reversed(waiting):
            try:
                generator.close()
            except Exception:
                log.exception("%s failed while %s was rolled back", binding.owner, binding.event)


def _has_yielded(generator: Generator[Any, Any, Any]) -> bool:
    try:
        next(generator)
    except StopIteration:
        return False
    return True


def _finish(generator: Generator[Any, Any, Any]) -> None:
    try:
        next(generator)
    except StopIteration:
        return
    generator.close()
    raise RuntimeError("a hook yields once: before the yield is before the write, after it is after the commit")


class On:
    """`app.on.record_create("posts", priority=10)`: one attribute per name of EVENTS."""

    def __init__(self, hooks: Hooks, owner: str = HOUSE) -> None:
        self._hooks = hooks
        self._owner = owner

    def for_owner(self, owner: str) -> On:
        """The same door, binding in another name (a plugin's)."""
        return On(self._hooks, owner)

    def __getattr__(self, event: str) -> Callable[..., Callable[[Function], Function]]:
        if event not in EVENTS:
            raise AttributeError(f"there is no event {event}; there are: {', '.join(EVENTS)}")

        def binder(*collections: str, priority: int = 0) -> Callable[[Function], Function]:
            def bind(function: Function) -> Function:
                self._hooks.bind(Binding(event, function, frozenset(collections), priority, self._owner))
                return function

            return bind

        return binder
