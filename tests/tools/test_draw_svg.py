"""What holds for every picture of the docs: real text, nothing loaded, readable in both schemes."""

import re
from xml.etree import ElementTree

from tools import draw_lives, draw_streaming
from tools.draw_svg import COURSE, DARK, KINDS, LIGHT, WIDTH, Drawing

import pytest

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = [draw_streaming.PICTURE, *draw_lives.PICTURES]


def luminance(colour):
    """As WCAG 2.1 defines it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(colour, other):
    light, dark = sorted((luminance(colour), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(params=PICTURES)
def picture(request):
    return (COURSE / "docs" / request.param).read_text(encoding="utf-8")


def test_picture_loads_nothing_and_has_no_script(picture):
    without_namespace = picture.replace('xmlns="http://www.w3.org/2000/svg"', "", 1)

    assert not re.search(r"<script|\bon\w+=|href|@import|@font-face|https?:", without_namespace)
    assert set(re.findall(r"url\((.)", picture)) <= {"#"}


def test_picture_has_words_for_readers_who_cannot_see_it(picture):
    root = ElementTree.fromstring(picture)

    assert root.findtext(f"{SVG}title")
    assert len(root.findtext(f"{SVG}desc")) > 100
    assert root.get("role") == "img"


def test_picture_is_small_and_fits_page(picture):
    root = ElementTree.fromstring(picture)

    assert len(picture.encode()) < 60_000
    assert int(root.get("width")) <= 880


def test_nothing_lies_outside(picture):
    root = ElementTree.fromstring(picture)
    height = int(root.get("height"))

    for box in root.iter(f"{SVG}rect"):
        assert min(float(box.get("x")), float(box.get("y"))) >= 0
        assert float(box.get("x")) + float(box.get("width")) <= WIDTH
        assert float(box.get("y")) + float(box.get("height")) <= height


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(palette):
    grounds = ["page", "panel", *(f"{kind}-fill" for kind in KINDS)]
    pairs = [("ink", ground) for ground in grounds]
    pairs += [("quiet", ground) for ground in ("page", "panel")]
    pairs += [(kind, ground) for kind in KINDS for ground in ("page", "panel", f"{kind}-fill")]

    found = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in pairs}

    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}


def test_text_is_escaped():
    drawing = Drawing("A < B", "It says & means it.", 100)
    drawing.text(10, 20, "<b> & co")

    root = ElementTree.fromstring(drawing.svg())

    assert root.findtext(f"{SVG}text") == "<b> & co"
    assert root.findtext(f"{SVG}title") == "A < B"


def test_arrow_ends_at_its_last_point():
    drawing = Drawing("An arrow", "From left to right.", 100)
    drawing.arrow([(10, 50), (60, 50)])

    line, head = drawing.parts
    assert 'd="M10 50L60 50"' in line
    assert 'd="M60 50L51 54.5L51 45.5Z"' in head
