"""The space bar of push to talk: held, tapped, and as kitty's protocol reports it."""

import os
import sys
import threading

from common.settings import CourseError
from console.talk_key import AS_BEFORE, ASK_FOR_RELEASES, TalkKey

import pytest
from hypothesis import given
from hypothesis import strategies as st


class NotedKey(TalkKey):
    """Says when something was pressed."""

    def __init__(self):
        super().__init__()
        self.is_fed = threading.Event()

    def feed(self, data):
        super().feed(data)
        if data:
            self.is_fed.set()


PRESS, REPEAT, RELEASE = b"\x1b[32;1:1u", b"\x1b[32;1:2u", b"\x1b[32;1:3u"


class KeyTime:
    def __init__(self):
        self.now = 10.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return KeyTime()


@pytest.fixture
def interrupted():
    return []


@pytest.fixture
def key(clock, interrupted):
    return TalkKey(clock, lambda: interrupted.append("Ctrl-C"))


def test_tapped_key_stays_down_until_the_next_tap(key, clock):
    assert not key.is_down()
    key.feed(b" ")
    clock.now += 5
    assert key.is_down()
    key.feed(b" ")
    assert not key.is_down()


def test_held_key_is_up_soon_after_its_last_repetition(key, clock):
    key.feed(b" ")
    clock.now += 0.5
    for _ in range(40):
        key.feed(b" ")
        clock.now += 0.03
        assert key.is_down()
    clock.now += 0.3
    assert not key.is_down()


def test_key_can_be_held_again(key, clock):
    for _ in range(2):
        for _ in range(20):
            key.feed(b" ")
            clock.now += 0.04
        assert key.is_down()
        clock.now += 1
        assert not key.is_down()


def test_reported_release_is_exact(key, clock):
    key.feed(PRESS)
    clock.now += 30
    key.feed(REPEAT)
    clock.now += 30
    assert key.is_down()
    key.feed(RELEASE)
    assert not key.is_down()


@pytest.mark.parametrize("code", [b"\x1b[32u", b"\x1b[32;;32u", b"\x1b[32:32;1:1;32u"])
def test_shorter_and_longer_forms_of_a_press(key, code):
    key.feed(code)

    assert key.is_down()


@pytest.mark.parametrize("code", [b"\x1b[99;5u", b"\x1b[99;5:1u"])
def test_ctrl_c_as_a_code_interrupts(key, interrupted, code):
    key.feed(code)

    assert interrupted == ["Ctrl-C"]


@given(st.binary(max_size=40))
def test_no_input_is_too_odd(data):
    key = TalkKey(KeyTime(), lambda: None)
    key.feed(data)

    assert key.is_down() in (True, False)


def test_without_a_terminal_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(CourseError, match="no keyboard") as raised, TalkKey():
        pass
    assert "--push-to-talk" in raised.value.attempt


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
def test_terminal_is_put_back_as_it_was(monkeypatch):
    import pty
    import termios

    ours, theirs = pty.openpty()
    try:
        with (
            open(theirs, closefd=False) as keyboard,
            open(theirs, "w", closefd=False) as screen,
        ):
            monkeypatch.setattr(sys, "stdin", keyboard)
            monkeypatch.setattr(sys, "__stdout__", screen)
            before = termios.tcgetattr(theirs)
            with NotedKey() as key:
                assert termios.tcgetattr(theirs) != before
                os.write(ours, b" ")
                assert key.is_fed.wait(10)
                assert key.is_down()
            assert termios.tcgetattr(theirs) == before
        said = ""
        while not said.endswith(AS_BEFORE):
            said += os.read(ours, 1024).decode()
        assert said.startswith(ASK_FOR_RELEASES)
    finally:
        os.close(ours)
        os.close(theirs)
