"""Makes the seeded world of `world.toml` on a server through its public API, from whatever state it is in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from tests.oracle import Server

PEOPLE = {
    "ada": ("users", "ada@example.com", "ada-password"),
    "bob": ("users", "bob@example.com", "bob-password"),
    "carol": ("users", "carol@example.com", "carol-password"),
    "dora": ("users", "dora@example.com", "dora-password"),
    "eve": ("staff", "eve@example.com", "eve-password"),
}
SETTINGS = {"rateLimits": {"enabled": False, "rules": [], "excludedIPs": []}, "meta": {"appName": "Acme", "appURL": "http://localhost:8090"}}


class SeedingFailed(AssertionError):
    """A request that prepares the world was refused: the answer tells why."""


class World:
    """One server, ready to be compared: a connection and a token for each person.

    `reset()` deletes every collection of the server that is not a system one: never point it at data that matters.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, timeout=20)
        self.tokens: dict[str, str] = {}

    def sign_in(self, collection: str, identity: str, password: str) -> str:
        """The token of one person."""
        path = f"/api/collections/{collection}/auth-with-password"
        return str(self.ask("POST", path, {"identity": identity, "password": password})["token"])

    def reset(self) -> None:
        """Delete what is there, seed anew, sign everybody in."""
        self.tokens = {"root": self.sign_in("_superusers", self.server.email, self.server.password)}
        self._delete_collections()
        self._delete_superusers()
        self.ask("PATCH", "/api/settings", SETTINGS)
        self._create_collections(load_world()["collections"])
        self._create_records(load_world()["records"])
        for name, person in PEOPLE.items():
            self.tokens[name] = self.sign_in(*person)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One preparing request as the superuser; anything but 2xx raises SeedingFailed."""
        headers = {"Authorization": self.tokens["root"]} if "root" in self.tokens else {}
        answer = self.client.request(method, path, json=body, headers=headers)
        if answer.status_code >= 300:
            raise SeedingFailed(f"{self.server.name}: {method} {path} -> {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def close(self) -> None:
        """Give the connections back."""
        self.client.close()

    def _delete_collections(self) -> None:
        listed = self.ask("GET", "/api/collections?perPage=500")["items"]
        left = {found["name"]: found for found in listed if not found["system"]}
        while left:
            gone = [name for name, found in left.items() if self._try_delete(name, found)]
            if not gone:
                raise SeedingFailed(f"{self.server.name}: cannot delete any of {sorted(left)}")
            left = {name: found for name, found in left.items() if name not in gone}

    def _try_delete(self, name: str, found: Mapping[str, Any]) -> bool:
        headers = {"Authorization": self.tokens["root"]}
        if any(field["type"] == "relation" for field in found["fields"]) and found["type"] != "view":
            kept = [field for field in found["fields"] if field["type"] != "relation"]
            free = {"fields": kept, **dict.fromkeys(RULES)}
            self.client.patch(f"/api/collections/{name}", json=free, headers=headers)
        return self.client.delete(f"/api/collections/{name}", headers=headers).status_code == 204

    def _delete_superusers(self) -> None:
        for found in self.ask("GET", "/api/collections/_superusers/records")["items"]:
            if found["email"] != self.server.email:
                self.ask("DELETE", f"/api/collections/_superusers/records/{found['id']}")

    def _create_collections(self, collections: Iterable[Mapping[str, Any]]) -> None:
        made = {}
        for wanted in collections:
            body = {key: value for key, value in wanted.items() if key != "later_fields"}
            made[wanted["name"]] = self.ask("POST", "/api/collections", body)
        for wanted in (one for one in collections if "later_fields" in one):
            fields = [*made[wanted["name"]]["fields"], *wanted["later_fields"]]
            self.ask("PATCH", f"/api/collections/{wanted['name']}", {"fields": fields})

    def _create_records(self, groups: Iterable[Mapping[str, Any]]) -> None:
        for group in groups:
            for record in group["items"]:
                self.ask("POST", f"/api/collections/{group['collection']}/records", record)


RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")


@cache
def load_world() -> dict[str, Any]:
    """The tables of `world.toml`."""
    return tomllib.loads((Path(__file__).parent / "world.toml").read_text())
