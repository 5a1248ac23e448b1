"""Many watchers, one change: which of them may see it, every distinct question asked once.

    watcher  --compile, once for a state of the schema-->  Question: a statement, and the values it reads of the request
    change   --bind its columns and its moment, once-->    one SELECT for each distinct question

Two watchers ask the same question when the same statement reads the same values for both; whose values they are does
not matter. So `public = true` is one question for everybody, `owner = @request.auth.id` one for each account, and
whoever shares a header or a parameter that the rule reads shares the verdict. The plan and the statement are those of
`values_match`: no rule is evaluated anywhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from appliance.clock import monotonic, now
from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.query import Columns, run_select, values_plan
from appliance.core.records.statement import Plan
from appliance.core.request_info import RequestInfo
from appliance.errors import ApiError, OverBudgetError, RuleError
from appliance.sql import Slot, Sql, bindable

if TYPE_CHECKING:
    from appliance.core.app import App

log = logging.getLogger("homeport.rules")

MAX_KEPT_CHARACTERS: Final = 8192  # of SQL that one watcher may hold on to; a longer statement is looked up each time
MAX_FORMS: Final = 1024
LEAST_SECONDS: Final = 1e-6

RuleOf = Callable[[Collection, str, RequestInfo], str | None]


class Watcher:
    """Somebody who watches a collection (`action` list) or a record (view): by whose right and with which filter.
    It remembers what it asks until the schema changes."""

    __slots__ = ("_known", "action", "filter", "request")

    def __init__(self, action: str, request: RequestInfo, client_filter: str = "") -> None:
        self.action = action
        self.request = request
        self.filter = client_filter
        self._known: tuple[Collection, RequestInfo, Question | bool] | None = None  # what the question was made for

    def question(self, app: App, record: Record, rule_of: RuleOf) -> Question | bool:
        """What it asks about a change of this record's collection, or the verdict where there is nothing to ask."""
        known, request = self._known, self.request  # once: other threads may give it another request meanwhile
        if known is not None and known[0] is record.collection and known[1] is request:
            return known[2]
        rule = rule_of(record.collection, self.action, request)
        question = _ask(app, record, rule, self.filter, request)
        if isinstance(question, bool) or len(question.form.statement.text) <= MAX_KEPT_CHARACTERS:
            self._known = record.collection, request, question
        return question


class Form:
    """A statement whose parameters are parted: `open` ones are known with a change, `own` ones with a watcher."""

    __slots__ = ("open", "own", "size", "statement")

    def __init__(self, select: Sql, opens: Sequence[tuple[int, Slot]], own: Sequence[int]) -> None:
        self.statement = Sql(select.text)
        self.size = len(select.parameters)
        self.open = tuple(opens)
        self.own = tuple(own)


class Question:
    """A form and one watcher's own values in it. Equal `key`s are the same question; it tells 1 from 1.0 and '1'."""

    __slots__ = ("form", "key", "values")

    def __init__(self, form: Form, values: tuple[Any, ...]) -> None:
        self.form = form
        self.values = values
        self.key = (form, repr(values))


def judge(app: App, record: Record, watchers: Sequence[Watcher], rule_of: RuleOf, seconds: float) -> list[bool]:
    """For each watcher whether it may see this change of a stored record, all within `seconds`.

    A rule or filter that can't be read or takes too long shows nothing to its watcher.
    """
    change = _Change(app, record, seconds)
    return [change.verdict(each.question(app, record, rule_of)) for each in watchers]


class _Change:
    """One change while it is judged: its values as columns, one moment for all, and the verdicts so far."""

    def __init__(self, app: App, record: Record, seconds: float) -> None:
        self._app = app
        self._end = monotonic() + seconds
        self._has_failed = False
        self._asking = _OpenValues(now(), Columns(record))
        self._bound: dict[Form, list[Any]] = {}
        self._verdicts: dict[tuple[Form, str], bool] = {}

    def verdict(self, question: Question | bool) -> bool:
        """The answer to a question; asked once."""
        if isinstance(question, bool):
            return question
        known = self._verdicts.get(question.key)
        if known is None:
            known = self._verdicts[question.key] = self._run(question)
        return known

    def _run(self, question: Question) -> bool:
        form = question.form
        parameters = self._bind(form).copy()
        for place, value in zip(form.own, question.values, strict=True):
            parameters[place] = value
        left = max(self._end - monotonic(), LEAST_SECONDS)
        try:
            return bool(run_select(self._app, form.statement, parameters, left))
        except (RuleError, OverBudgetError) as error:
            if not self._has_failed:
                log.warning("a realtime rule or filter fails and shows nothing: %s: %.200s", error, form.statement.text)
            self._has_failed = True
            return False

    def _bind(self, form: Form) -> list[Any]:
        bound = self._bound.get(form)
        if bound is None:
            bound = self._bound[form] = [None] * form.size
            for place, slot in form.open:
                bound[place] = bindable(slot.read(self._asking))
        return bound


class _OpenValues:
    """What a slot may read of a change: its moment and its columns, nobody's request."""

    __slots__ = ("moment", "values")

    def __init__(self, moment: datetime, values: Mapping[str, Any]) -> None:
        self.moment = moment
        self.values = values


class _NeedsChangeError(Exception):
    """A slot reads what only a change has."""


class _OwnValues:
    """What a slot may read before there is a change: the request. Reading more raises, and so says what is open."""

    __slots__ = ("request",)

    def __init__(self, request: RequestInfo) -> None:
        self.request = request

    @property
    def moment(self) -> NoReturn:
        raise _NeedsChangeError

    @property
    def values(self) -> NoReturn:
        raise _NeedsChangeError


_forms: Final[dict[tuple[object, ...], Form]] = {}


def _ask(app: App, record: Record, rule: str | None, client_filter: str, request: RequestInfo) -> Question | bool:
    try:
        plan = values_plan(app, record, rule, client_filter, request)
    except (ApiError, RuleError):
        return False
    return plan if isinstance(plan, bool) else _question(plan, request)


def _question(plan: Plan, request: RequestInfo) -> Question:
    asking = _OwnValues(request)
    opens: list[tuple[int, Slot]] = []
    own: list[int] = []
    values: list[Any] = []
    for place, value in enumerate(plan.select.parameters):
        try:
            read = value.read(asking) if isinstance(value, Slot) else value
        except _NeedsChangeError:
            opens.append((place, value))
        else:
            own.append(place)
            values.append(bindable(read))
    return Question(_form(plan.select, opens, own), tuple(values))


def _form(select: Sql, opens: Sequence[tuple[int, Slot]], own: Sequence[int]) -> Form:
    """One form for all plans that spell the same statement: then equal questions of different filters are one."""
    key = (select.text, *((place, slot.name) for place, slot in opens))
    form = _forms.get(key)
    if form is None:
        if len(_forms) >= MAX_FORMS:
            _forms.clear()
        form = _forms[key] = Form(select, opens, own)
    return form
