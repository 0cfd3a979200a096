"""The still pictures in docs/ are what the script draws today."""

from tools.draw_lives import PICTURES
from tools.draw_svg import COURSE

import pytest


@pytest.mark.parametrize("name", PICTURES)
def test_committed_picture_is_what_script_draws(name):
    committed = (COURSE / "docs" / name).read_text(encoding="utf-8")

    assert committed == PICTURES[name](), "draw it again: python -m tools.draw_lives"
