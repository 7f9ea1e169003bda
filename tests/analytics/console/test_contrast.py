"""Every text can be read on what it stands on, in both themes: WCAG AA, computed from the design tokens."""

import re

import pytest

from tests.config.installation import ROOT

AA = 4.5
"""For text of any size; ours is small."""

AA_GRAPHICS = 3

Colour = tuple[float, float, float]
"""Red, green and blue in linear light, 0 to 1."""

THEMES = {"light": 0, "dark": 1}
GROUNDS = ("paper", "surface", "sunken", "hover")
TEXTS = ("ink", "ink-2", "ink-3", "accent")
PAIRS = [
    *((text, ground) for text in TEXTS for ground in GROUNDS),
    *((meaning, f"{meaning}-soft") for meaning in ("good", "warn", "bad", "violet")),
    *(("ink", f"{meaning}-soft") for meaning in ("good", "warn", "bad", "accent")),
    *((text, "accent-soft") for text in ("ink-2", "accent", "accent-strong")),
    ("ink-2", "quiet-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("bad", "surface"),
]

# From linear light to the cube roots of the eye's three kinds of cones, where oklab mixes (Ottosson, 2020).
CONES = (
    (0.4122215, 0.5363325, 0.0514460),
    (0.2119035, 0.6806995, 0.1073970),
    (0.0883025, 0.2817188, 0.6299787),
)
LIGHT = (
    (4.0767417, -3.3077116, 0.2309699),
    (-1.2684380, 2.6097574, -0.3413194),
    (-0.0041961, -0.7034186, 1.7076147),
)


def sheet(name: str) -> str:
    return (ROOT / "static" / "css" / f"{name}.css").read_text(encoding="utf-8")


TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", sheet("tokens"))
}
HEATS = {
    int(level): int(share)
    for level, share in re.findall(r"^\.heat-(\d+) \{ .*var\(--heat\) (\d+)%", sheet("charts"), re.M)
}


def colour(hexadecimal: str) -> Colour:
    red, green, blue = (int(hexadecimal[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of one in the other, as color-mix(in oklab) mixes."""
    roots = [
        share * _times(row, one) ** (1 / 3) + (1 - share) * _times(row, other) ** (1 / 3) for row in CONES
    ]
    cones = roots[0] ** 3, roots[1] ** 3, roots[2] ** 3
    red, green, blue = (_times(row, cones) for row in LIGHT)
    return red, green, blue


def _times(row: Colour, values: Colour) -> float:
    return sum(factor * value for factor, value in zip(row, values, strict=True))


def contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted(_times((0.2126, 0.7152, 0.0722), each) for each in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def test_it_is_computed_as_the_standard_does() -> None:
    white, black, grey = colour("#ffffff"), colour("#000000"), colour("#767676")
    assert contrast(white, black) == pytest.approx(21)
    assert contrast(white, grey) == pytest.approx(4.54, abs=0.01)
    assert mixed(white, black, 1) == pytest.approx(white, abs=1e-4)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read_on_its_ground(text: str, ground: str, theme: str) -> None:
    ink, paper = (colour(TOKENS[name][THEMES[theme]]) for name in (text, ground))
    assert contrast(ink, paper) >= AA


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("level", range(11))
def test_figures_can_be_read_on_every_heat(level: int, theme: str) -> None:
    surface, heat, ink, faint = (
        colour(TOKENS[name][THEMES[theme]]) for name in ("surface", "heat", "ink", "ink-3")
    )
    text = colour("#ffffff") if level >= 9 else ink if level else faint
    assert contrast(text, mixed(heat, surface, HEATS[level] / 100)) >= AA


@pytest.mark.parametrize("theme", THEMES)
def test_bars_stand_out_from_their_ground(theme: str) -> None:
    bar, surface = (colour(TOKENS[name][THEMES[theme]]) for name in ("bar", "surface"))
    assert contrast(bar, surface) >= AA_GRAPHICS
