"""Puts one case to one server and brings the answers back, raw and normalised."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.wire.normalise import Normaliser
from tests.wire.scenarios import Case, fill_in
from tests.wire.streams import Stream
from tests.wire.world import World

SETTLE_SECONDS = 0.05
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CONTENTS = {
    "png": PNG,
    "text": b"plain words\n",
    "html": b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
    "empty": b"",
    "big": b"0123456789" * 1000,
}
LONG = {
    "filter_3500": f"title!='{'a' * (3500 - 9)}'",
    "filter_3501": f"title!='{'a' * (3501 - 9)}'",
    "filter_100_terms": "&&".join(["id!='a'"] * 100),
    "filter_200_terms": "&&".join(["id!='a'"] * 200),
    "filter_201_terms": "&&".join(["id!='a'"] * 201),
    "filter_50_deep": "(" * 50 + "id!='a'" + ")" * 50,
    "filter_500_deep": "(" * 500 + "id!='a'" + ")" * 500,
    "json_64_deep": "[" * 63 + "1" + "]" * 63,
    "json_1000_deep": "[" * 1000 + "1" + "]" * 1000,
    "json_100000_deep": "[" * 100_000 + "]" * 100_000,
    "text_5000": "a" * 5000,
    "text_5001": "a" * 5001,
    "text_10000": "a" * 10_000,
    "text_2500": "a" * 2500,
    "text_2501": "a" * 2501,
    "expands_20": ",".join(["author"] * 20),
    "fields_500": ",".join(["title"] * 500),
    "topics_1000": [f"posts/{number}" for number in range(1000)],
    "topics_1001": [f"posts/{number}" for number in range(1001)],
}
"""Values too long to write into a table; a case names them as "{name}"."""


@dataclass
class Answer:
    """What came back for one step: the request as sent, the raw answer, and its comparable form."""

    request: str
    raw: str
    normal: dict[str, Any]


@dataclass
class Exchange:
    """The run of one case against one server: its captured values and open streams."""

    world: World
    case: Case
    values: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    normaliser: Normaliser = field(default_factory=Normaliser)

    def run(self) -> list[Answer]:
        """Go through the steps; the answers of all steps that are not bare."""
        self.values.update(LONG)
        self.values.update({f"token_{who}": token for who, token in self.world.tokens.items()})
        try:
            for step in self.case.steps:
                answer = self._take_step(step)
                if not step.get("bare"):
                    self.answers.append(answer)
        finally:
            for stream in self.streams.values():
                stream.close()
        return self.answers

    def _take_step(self, step: Mapping[str, Any]) -> Answer:
        if "stream" in step:
            return self._open_stream(step)
        if "events" in step:
            return self._collect_events(step["events"])
        if "close" in step:
            self.streams.pop(step["close"]).close()
            time.sleep(SETTLE_SECONDS)
            return Answer(f"close {step['close']}", "", {})
        return self._ask(fill_in(step, self.values))

    def _ask(self, step: Mapping[str, Any]) -> Answer:
        request = self.world.client.build_request(
            step.get("method", "GET"),
            step["path"],
            params=step.get("query"),
            headers=self._headers(step),
            **_body_arguments(step),
        )
        response = self.world.client.send(request)
        self._capture(step.get("capture", {}), response)
        shown = _show_request(request, step)
        return Answer(shown, _show_response(response), self._normal_response(response))

    def _headers(self, step: Mapping[str, Any]) -> dict[str, str]:
        who = step.get("who", "guest")
        own = {"Authorization": self.world.tokens[who]} if who != "guest" else {}
        if "raw" in step:
            own["Content-Type"] = "application/json"
        return {**own, **step.get("headers", {})}

    def _capture(self, wanted: Mapping[str, str], response: httpx.Response) -> None:
        for name, path in wanted.items():
            self.values[name] = _dig(_body_of(response), path)

    def _normal_response(self, response: httpx.Response) -> dict[str, Any]:
        names = ("Content-Type", *self.case.compare_headers)
        headers = {name: response.headers.get(name) for name in names}
        plain = {"headers": headers, "body": _body_of(response)}
        return {"status": response.status_code, **self.normaliser.normalise(plain)}

    def _open_stream(self, step: Mapping[str, Any]) -> Answer:
        stream = Stream(self.world.server.url, step.get("headers"))
        self.streams[step["stream"]] = stream
        self.values[step["stream"]] = stream.client_id
        plain = {"status": stream.status, "headers": {"Content-Type": stream.content_type}, "body": stream.first}
        return Answer("GET /api/realtime", json.dumps(stream.first), self.normaliser.normalise(plain))

    def _collect_events(self, name: str) -> Answer:
        time.sleep(SETTLE_SECONDS)
        mark = f"mark-{time.time_ns()}"
        self.world.ask("POST", "/api/collections/sentinel/records", {"mark": mark})
        events = self.streams[name].events_until(mark)
        raw = "\n".join(json.dumps(event) for event in events)
        return Answer(f"events of {name}", raw, self.normaliser.normalise({"events": events}))


def _body_arguments(step: Mapping[str, Any]) -> dict[str, Any]:
    if "multipart" in step:
        return {"files": [(name, _part(value)) for name, value in step["multipart"]]}
    if "form" in step:
        return {"data": step["form"]}
    if "raw" in step:
        return {"content": step["raw"].encode()}
    return {"json": step["body"]} if "body" in step else {}


def _part(value: Any) -> Any:
    if isinstance(value, str):
        return (None, value)
    content = CONTENTS[value["content"]]
    return (value["file"], content, value.get("type", "application/octet-stream"))


def _body_of(response: httpx.Response) -> Any:
    if not response.content:
        return ""
    if "json" in response.headers.get("Content-Type", ""):
        return response.json()
    if "text" in response.headers.get("Content-Type", "") and len(response.content) < 2000:
        return response.text
    return f"{len(response.content)} bytes, sha256 {hashlib.sha256(response.content).hexdigest()}"


def _dig(value: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = value[int(key)] if int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _show_request(request: httpx.Request, step: Mapping[str, Any]) -> str:
    body = {key: step[key] for key in ("body", "raw", "multipart", "form") if key in step}
    return f"{step.get('who', 'guest')}: {request.method} {request.url} {json.dumps(body, ensure_ascii=False)}"


def _show_response(response: httpx.Response) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    text = response.content[:20000].decode(errors="replace")
    return f"{response.status_code} {response.reason_phrase}\n{headers}\n\n{text}"
