"""The OAuth2 providers of the wire: their names in collections and what people call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDER_TITLES: Final[Mapping[str, str]] = {
    "apple": "Apple",
    "google": "Google",
    "microsoft": "Microsoft",
    "yandex": "Yandex",
    "facebook": "Facebook",
    "instagram2": "Instagram",
    "github": "GitHub",
    "gitlab": "GitLab",
    "bitbucket": "Bitbucket",
    "gitee": "Gitee",
    "gitea": "Gitea/Forgejo",
    "discord": "Discord",
    "twitter": "X/Twitter",
    "kakao": "Kakao",
    "vk": "ВКонтакте",
    "linear": "Linear",
    "notion": "Notion",
    "monday": "monday.com",
    "lark": "Lark",
    "box": "Box",
    "spotify": "Spotify",
    "trakt": "Trakt",
    "twitch": "Twitch",
    "patreon": "Patreon",
    "strava": "Strava",
    "wakatime": "WakaTime",
    "livechat": "LiveChat",
    "mailcow": "mailcow",
    "planningcenter": "Planning Center",
    "oidc": "OIDC",
    "oidc2": "OIDC",
    "oidc3": "OIDC",
}
PROVIDER_NAMES: Final = frozenset(PROVIDER_TITLES)
