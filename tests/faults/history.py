"""What clients asked of the server and what it acknowledged, and so which states may be found after a cut.

A key is one thing that is stored: ("note", title), ("field", name), ("setting", name). Its value is None while it is
not there. One client at a time works on a key.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

Key = tuple[str, str]


@dataclass(slots=True)
class Step:
    """One request. Places are lengths of the journal: before it was sent, and after its good answer, if one came."""

    value: Hashable
    sent: int
    answered: int | None = None


class History:
    """The steps of every key, in order."""

    def __init__(self) -> None:
        self.steps: defaultdict[Key, list[Step]] = defaultdict(list)
        self._lock = threading.Lock()

    def add(self, key: Key, value: Hashable, sent: int) -> Step:
        """A request is about to be sent."""
        step = Step(value, sent)
        with self._lock:
            self.steps[key].append(step)
        return step

    def acknowledged(self, place: int) -> int:
        """How many requests were acknowledged before the cut."""
        return sum(is_acknowledged(step, place) for steps in self.steps.values() for step in steps)

    def allowed(self, key: Key, place: int) -> list[Hashable]:
        """What a key may hold after a cut at `place`: the last acknowledged value, or one on its way since."""
        allowed: list[Hashable] = [None]
        for step in self.steps.get(key, ()):
            if is_acknowledged(step, place):
                allowed = [step.value]
            elif step.sent <= place:
                allowed.append(step.value)
        return allowed

    def problems(self, found: Mapping[Key, Hashable], place: int) -> Iterator[str]:
        """What is lost, what was never asked for."""
        for key in {**self.steps, **found}:
            allowed = self.allowed(key, place)
            if (value := found.get(key)) not in allowed:
                yield f"lost: {key} is {value}, not one of {allowed}"


def is_acknowledged(step: Step, place: int) -> bool:
    """Whether its good answer came before the cut."""
    return step.answered is not None and step.answered <= place
