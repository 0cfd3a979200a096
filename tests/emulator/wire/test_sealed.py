"""Sealed content: read again as it was, and refused once anything in it has changed."""

import base64
import zlib

from emulator.wire import sealed

import pytest
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_sealed_value_is_read_again(value):
    assert sealed.unseal(sealed.seal(value)) == value


@given(VALUES, st.data())
def test_changed_content_is_refused(value, data):
    content = bytearray(base64.urlsafe_b64decode(sealed.seal(value)))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises(sealed.BrokenSeal):
        sealed.unseal(base64.urlsafe_b64encode(content).decode())


@given(st.text())
def test_any_other_text_is_refused(text):
    with pytest.raises(sealed.BrokenSeal):
        sealed.unseal(text)


def test_content_is_not_unpacked_beyond_its_limit(monkeypatch):
    monkeypatch.setattr(sealed, "MOST_BYTES", 1000)

    assert sealed.unseal(sealed.seal("a" * 900)) == "a" * 900
    bomb = sealed.seal("a" * 10_000)
    assert len(zlib.compress(b"a" * 10_000)) < 100
    with pytest.raises(sealed.BrokenSeal, match="larger"):
        sealed.unseal(bomb)


@pytest.mark.parametrize(
    "packed", [b"no zlib", zlib.compress(b"no json"), zlib.compress(b"[" * 9_999)]
)
def test_content_that_anybody_signed_is_refused(packed):
    """The key is no secret, so a signature proves nothing about what is in it."""
    signed = sealed._sign(packed) + packed

    with pytest.raises(sealed.BrokenSeal):
        sealed.unseal(base64.urlsafe_b64encode(signed).decode())
