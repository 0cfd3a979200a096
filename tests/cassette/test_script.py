"""A recorded WebSocket as a part to be played; no socket, and the clock is a number."""

import json
from base64 import b64encode

from cassette import CassetteError
from cassette.rules import Rules
from cassette.script import LULL, Script, Squeezer

import pytest
from hypothesis import given
from hypothesis import strategies as st

SOUND = bytes(range(256)) * 8
SILENCE = bytes(LULL * 10)
RULES = Rules(
    background=("gauge",), volatile=("event_id",), loose=("heard_ms",), streams={"sound": "pcm"}
)


def event(kind, **fields):
    return json.dumps({"type": kind, **fields})


def sound(pcm):
    return event("sound", pcm=b64encode(pcm).decode())


def recorded(*sent_and_said, by="client", how="complete"):
    """The lines of an answer: (seconds, `>` from the client or `<` from the server, message)."""
    lines = [{"response": 1, "after": 0.1, "status": 101, "headers": {}}]
    for after, way, data in sent_and_said:
        field = {"text": data} if isinstance(data, str) else {"base64": b64encode(data).decode()}
        sender = "client" if way == ">" else "server"
        lines.append({"frame": 1, "after": after, "from": sender} | field)
    end = {"end": 1, "after": lines[-1]["after"] + 0.1, "how": how}
    if how == "complete":
        end |= {"code": 1000, "reason": "", "by": by}
    return [*lines, end]


def opened(*sent_and_said, rules=RULES, speed=1.0, **end):
    """A script of these, opened at second 100."""
    lines = recorded(*sent_and_said, **end)
    return Script(lambda: map(dict, lines), rules, speed, 100.0)


def played(script, now):
    """All that is due by now."""
    told = []
    while "end" not in script.next and (late := script.late(now)) is not None and late <= 1e-9:
        told.append(script.take())
    return told


def test_cues_come_at_their_times():
    script = opened((0.3, "<", "a"), (0.5, "<", "b"))

    assert script.late(100.0) == pytest.approx(0.2)
    assert played(script, 100.2) == ["a"]
    assert script.late(100.2) == pytest.approx(0.2)
    assert played(script, 100.4) == ["b"]


def test_reply_waits_for_what_was_sent_before_it():
    script = opened((0.3, ">", "a"), (0.4, ">", "b"), (0.9, "<", "reply"))

    script.sent("a", 100.0)
    assert script.late(999.0) is None
    script.sent("b", 107.0)

    assert script.late(107.0) == pytest.approx(0.5)
    assert played(script, 107.5) == ["reply"]


def test_early_send_hastens_nothing():
    script = opened((0.6, "<", "hello"), (0.7, ">", "a"), (0.9, "<", "reply"))

    script.sent("a", 100.0)

    assert played(script, 100.4) == []
    assert played(script, 100.5) == ["hello", "reply"]


@pytest.mark.parametrize(("speed", "wait"), [(1.0, 2.0), (2.0, 1.0), (0.5, 4.0), (0.0, 0.0)])
def test_speed_divides_the_time(speed, wait):
    script = opened((0.2, ">", "a"), (2.2, "<", "b"), speed=speed)

    script.sent("a", 100.0)

    assert script.late(100.0) == pytest.approx(wait)


def test_value_is_compared_not_its_layout():
    script = opened((0.2, ">", '{"type": "x", "list": [1, {"a": null}]}'))

    script.sent('{"list":[1,{"a":null}],\n"type":"x"}', 100.0)


DIFFERENT = {
    "value": (event("x", voice="a"), event("x", voice="b"), 'voice: recorded "a", sent "b"'),
    "deep": (
        event("x", list=[1, {"a": 1}]),
        event("x", list=[1, {"a": 2}]),
        "list.1.a: recorded 1, sent 2",
    ),
    "missing": (event("x", voice="a"), event("x"), 'voice: recorded "a", sent nothing'),
    "more": (event("x"), event("x", voice="a"), 'voice: recorded nothing, sent "a"'),
    "longer list": (event("x", list=[]), event("x", list=[1]), "list.0: recorded nothing, sent 1"),
    "true is not 1": (event("x", on=True), event("x", on=1), "on: recorded true, sent 1"),
    "text": ("hello", "hallo", 'recorded "hello", sent "hallo"'),
    "text for bytes": ("hello", b"hello", 'recorded "hello", sent 5 bytes'),
    "long text": (
        event("x", text="a" * 99 + "bcd" * 99),
        event("x", text="a" * 99 + "x"),
        f'text: recorded "...{"a" * 8}{("bcd" * 99)[:32]}...", sent "...{"a" * 8}x"',
    ),
    "null": ("null", "1", 'recorded "null", sent "1"'),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_other_message_is_told_by_its_first_difference(name):
    expected, sent, why = DIFFERENT[name]
    script = opened((0.2, ">", expected))

    with pytest.raises(CassetteError) as caught:
        script.sent(sent, 100.0)

    assert str(caught.value) == f"message 1 differs: {why}"


def test_message_too_many_is_told():
    script = opened((0.2, ">", "a"))
    script.sent("a", 100.0)

    with pytest.raises(CassetteError, match="message 2 was not recorded: b"):
        script.sent("b", 100.0)


def test_deep_nesting_is_compared_as_text():
    deep = "[" * 700 + "]" * 700
    script = opened((0.2, ">", deep), (0.3, ">", "[" * 99_999))

    script.sent(deep, 100.0)
    script.sent("[" * 99_999, 100.0)


def test_ids_of_the_client_are_told_back():
    script = opened(
        (0.2, ">", event("x", event_id="theirs")),
        (0.3, "<", event("error", error={"event_id": "theirs"}, text='"theirs"')),
        (0.4, ">", event("y", about=["theirs"])),
        speed=0.0,
    )

    script.sent(event("x", event_id="ours"), 100.0)

    said = json.loads(script.take())
    assert (said["error"], said["text"]) == ({"event_id": "ours"}, '"theirs"')
    script.sent(event("y", about=["ours"]), 100.0)


def test_id_may_be_there_or_not():
    script = opened((0.2, ">", event("x")), (0.3, ">", event("y", event_id="a")))

    script.sent(event("x", event_id="ours"), 100.0)
    script.sent(event("y"), 100.0)


def test_measured_value_may_differ_but_not_be_missing():
    script = opened((0.2, ">", event("x", heard_ms=1)), (0.3, ">", event("x", heard_ms=1)))

    script.sent(event("x", heard_ms=2), 100.0)
    with pytest.raises(CassetteError, match="heard_ms: recorded null, sent nothing"):
        script.sent(event("x"), 100.0)


def test_stream_is_compared_however_it_is_cut():
    script = opened((0.2, ">", sound(SOUND[:700])), (0.3, ">", sound(SOUND[700:])))

    for start in range(0, len(SOUND), 960):
        script.sent(sound(SOUND[start : start + 960]), 100.0)


def test_other_sound_is_told_by_its_place():
    script = opened((0.2, ">", sound(SOUND)))
    script.sent(sound(SOUND[:1000]), 100.0)

    with pytest.raises(CassetteError, match="sound differs from byte 1,003 on"):
        script.sent(sound(SOUND[1000:1003] + b"x" + SOUND[1004:]), 100.0)


def test_reply_waits_for_the_sound_before_it():
    script = opened((0.2, ">", sound(SOUND)), (0.5, "<", "reply"))

    script.sent(sound(SOUND[:-1]), 100.0)
    assert script.late(999.0) is None
    script.sent(sound(SOUND[-1:]), 101.0)

    assert script.late(101.0) == pytest.approx(0.3)


def test_silence_may_be_longer_or_shorter():
    """A client that is paced by its own clock is silent until it is told to go on."""
    words, more = sound(SOUND), sound(SOUND[::-1])
    silence = sound(SILENCE)
    script = opened(
        (0.2, ">", words),
        *((0.3, ">", silence), (0.4, ">", silence), (0.5, ">", silence)),
        (0.6, "<", "go on"),
        (0.7, ">", more),
        *((0.7, ">", silence), (0.75, ">", silence)),
        (0.8, "<", "thanks"),
    )

    script.sent(words, 100.0)
    script.sent(silence, 100.1)
    assert script.late(100.1) == pytest.approx(0.3)  # from where the sound ended, not the silence
    assert played(script, 100.4) == ["go on"]
    script.sent(more, 100.5)
    script.sent(silence, 100.5)
    assert played(script, 100.6) == ["thanks"]


def test_sound_beyond_the_recording_is_let_pass():
    script = opened((0.2, ">", sound(SOUND)), (0.3, "<", "stop"))

    script.sent(sound(SOUND + b"more"), 100.0)

    assert played(script, 100.1) == ["stop"]


def test_other_messages_keep_their_order_beside_a_stream():
    script = opened((0.2, ">", sound(SOUND)), (0.3, ">", event("commit")), (0.4, "<", "done"))

    script.sent(event("commit"), 100.0)
    assert script.late(999.0) is None
    script.sent(sound(SOUND), 101.0)

    assert played(script, 101.2) == ["done"]


def test_broken_piece_is_a_message_like_any():
    script = opened((0.2, ">", event("sound", pcm="!")), (0.3, ">", event("sound")))

    script.sent(event("sound", pcm="!"), 100.0)
    with pytest.raises(CassetteError, match="message 2 differs"):
        script.sent(event("sound", pcm=7), 100.0)


@given(st.lists(st.binary(max_size=40) | st.just(SILENCE), max_size=8), st.data())
def test_lulls_are_left_out_however_pieces_are_cut(parts, data):
    whole = b"".join(parts)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6).map(sorted))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    at_once, in_pieces = Squeezer(), Squeezer()

    squeezed = b"".join(map(in_pieces.squeeze, pieces))

    assert squeezed == at_once.squeeze(whole)
    assert SILENCE[:LULL] not in squeezed
    assert set(squeezed) <= set(whole)


def test_short_stretches_are_no_lull():
    squeezer = Squeezer()

    assert squeezer.squeeze(b"a" + bytes(LULL - 1) + b"b" + bytes(LULL) + b"cd") == (
        b"a" + bytes(LULL - 1) + b"bc"
    )


def test_hangup_where_it_was_is_fine():
    script = opened((0.2, ">", "a"), (5.0, "<", "b"), (5.5, "<", "late"), (5.6, "<", "later"))
    script.sent("a", 100.0)
    assert played(script, 104.8) == ["b"]

    script.hung_up()


def test_hangup_before_a_send_is_told():
    script = opened((0.2, ">", "a"), (0.3, ">", event("b")))
    script.sent("a", 100.0)

    with pytest.raises(CassetteError, match='message 2 was never sent: {"type": "b"}'):
        script.hung_up()


HANGUPS = {"by client": {}, "left": {"how": "left"}}


@pytest.mark.parametrize("end", HANGUPS.values(), ids=HANGUPS)
def test_early_hangup_is_told(end):
    script = opened((0.2, "<", "a"), (0.3, "<", "b"), (3.0, "<", "c"), **end)
    script.take()

    with pytest.raises(CassetteError, match="1 of the server's messages were never played, the f"):
        script.hung_up()


@pytest.mark.parametrize("end", [{"by": "server"}, {"how": "cut"}])
def test_hangup_before_the_server_ended_is_told(end):
    script = opened((0.2, "<", "a"), **end)

    with pytest.raises(CassetteError, match="never played, the first a"):
        script.hung_up()


def test_background_may_be_left_unplayed():
    script = opened((0.2, "<", "a"), (0.3, "<", event("gauge")), by="server")
    script.take()

    script.hung_up()


def test_end_waits_for_all_that_was_sent():
    script = opened((0.2, ">", "a"), by="server")

    assert "end" in script.next
    assert script.late(999.0) is None
    script.sent("a", 100.0)
    assert script.late(100.0) == pytest.approx(0.1)


def test_without_rules_everything_is_compared():
    script = opened((0.2, ">", sound(SOUND)), rules=Rules())

    with pytest.raises(CassetteError, match="pcm: recorded"):
        script.sent(sound(SOUND[:-1]), 100.0)


@given(st.lists(st.tuples(st.sampled_from("<>"), st.text(max_size=5)), max_size=20))
def test_whatever_was_recorded_can_be_played(talk):
    """Any order of messages, by a client that says what it said."""
    script = opened(*((0.2, way, text) for way, text in talk), speed=0.0)
    told = []

    for way, text in talk:
        if way == ">":
            script.sent(text, 100.0)
        else:
            told += played(script, 100.0)

    assert told == [text for way, text in talk if way == "<"]
    assert "end" in script.next
    script.hung_up()
