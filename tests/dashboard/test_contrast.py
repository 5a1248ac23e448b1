"""Every pair of colours that text or a control stands in can be read: WCAG 2.2, 1.4.3 and 1.4.11."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[2] / "dashboard" / "static" / "tokens.css").read_text(encoding="utf-8")
LIGHT, DARK = CSS.split("prefers-color-scheme: dark", 1)
TEXT, CONTROL = 4.5, 3.0
PAIRS = [
    *[(ink, ground, TEXT) for ink in ("ink", "ink2", "ink3") for ground in ("bg", "surface", "sunk")],
    ("on-accent", "accent", TEXT),
    ("accent-ink", "accent-soft", TEXT),
    *[(kind, f"{kind}-soft", TEXT) for kind in ("ok", "warn", "bad", "info")],
    *[(kind, "surface", TEXT) for kind in ("ok", "warn", "bad", "info")],
    *[(ink, ground, TEXT) for ink in ("face-ink", "face-ink2") for ground in ("face", "face-2")],
    *[(led, "face-2", CONTROL) for led in ("led-ok", "led-warn", "led-bad", "led-off")],
    *[("ctl-line", ground, CONTROL) for ground in ("bg", "surface")],
    *[("accent", ground, CONTROL) for ground in ("bg", "surface")],
]


def colours(css: str) -> dict[str, str]:
    return {
        name: value if len(value) == 6 else "".join(2 * digit for digit in value)
        for name, value in re.findall(r"--([\w-]+):\s*#([0-9a-f]{6}|[0-9a-f]{3});", css)
    }


THEMES = {"light": colours(LIGHT), "dark": colours(LIGHT) | colours(DARK)}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("ink", "ground", "least"), [pytest.param(*pair, id=f"{pair[0]} on {pair[1]}") for pair in PAIRS]
)
def test_a_pair_of_colours_can_be_read(theme: str, ink: str, ground: str, least: float) -> None:
    lighter, darker = sorted((luminance(THEMES[theme][ink]), luminance(THEMES[theme][ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= least
