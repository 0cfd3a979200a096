"""A recorded WebSocket as it is replayed; no socket, and the clock is a number."""

import json
from base64 import b64encode

from cassette import CassetteError
from cassette.api_profile import ApiProfile
from cassette.message_rules import MessageRules
from cassette.openai import OPENAI
from cassette.recorded_conversation import ClientProgress, RecordedConversation
from cassette.stream_comparison import SHORTEST_SILENCE

import pytest
from hypothesis import given
from hypothesis import strategies as st

SOUND = bytes(range(256)) * 8


SILENCE = bytes(SHORTEST_SILENCE * 10)


RULES = MessageRules(
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


def opened(*sent_and_said, rules=RULES, profile=None, speed=1.0, **end):
    """A conversation of these, opened at second 100."""
    lines = recorded(*sent_and_said, **end)
    profile = profile or ApiProfile(messages=rules)
    return RecordedConversation(lambda: map(dict, lines), profile, speed, 100.0)


def played(conversation, now):
    """All that is due by now."""
    messages = []
    while "end" not in conversation.next_line:
        wait = conversation.seconds_until_next(now)
        if wait is None or wait > 1e-9:
            break
        messages.append(conversation.pop_message())
    return messages


def test_cues_come_at_their_times():
    conversation = opened((0.3, "<", "a"), (0.5, "<", "b"))

    assert conversation.seconds_until_next(100.0) == pytest.approx(0.2)
    assert played(conversation, 100.2) == ["a"]
    assert conversation.seconds_until_next(100.2) == pytest.approx(0.2)
    assert played(conversation, 100.4) == ["b"]


def test_reply_waits_for_what_was_sent_before_it():
    conversation = opened((0.3, ">", "a"), (0.4, ">", "b"), (0.9, "<", "reply"))

    conversation.receive("a", 100.0)
    assert conversation.seconds_until_next(999.0) is None
    conversation.receive("b", 107.0)

    assert conversation.seconds_until_next(107.0) == pytest.approx(0.5)
    assert played(conversation, 107.5) == ["reply"]


def test_early_send_hastens_nothing():
    conversation = opened((0.6, "<", "hello"), (0.7, ">", "a"), (0.9, "<", "reply"))

    conversation.receive("a", 100.0)

    assert played(conversation, 100.4) == []
    assert played(conversation, 100.5) == ["hello", "reply"]


@pytest.mark.parametrize(("speed", "wait"), [(1.0, 2.0), (2.0, 1.0), (0.5, 4.0), (0.0, 0.0)])
def test_speed_divides_the_time(speed, wait):
    conversation = opened((0.2, ">", "a"), (2.2, "<", "b"), speed=speed)

    conversation.receive("a", 100.0)

    assert conversation.seconds_until_next(100.0) == pytest.approx(wait)


def test_value_is_compared_not_its_layout():
    conversation = opened((0.2, ">", '{"type": "x", "list": [1, {"a": null}]}'))

    conversation.receive('{"list":[1,{"a":null}],\n"type":"x"}', 100.0)


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
    conversation = opened((0.2, ">", expected))

    with pytest.raises(CassetteError) as caught:
        conversation.receive(sent, 100.0)

    assert str(caught.value) == f"message 1 differs: {why}"


def test_message_too_many_is_told():
    conversation = opened((0.2, ">", "a"))
    conversation.receive("a", 100.0)

    with pytest.raises(CassetteError, match="message 2 was not recorded: b"):
        conversation.receive("b", 100.0)


def test_deep_nesting_is_compared_as_text():
    deep = "[" * 700 + "]" * 700
    conversation = opened((0.2, ">", deep), (0.3, ">", "[" * 99_999))

    conversation.receive(deep, 100.0)
    conversation.receive("[" * 99_999, 100.0)


def test_ids_of_the_client_are_told_back():
    conversation = opened(
        (0.2, ">", event("x", event_id="theirs")),
        (0.3, "<", event("error", error={"event_id": "theirs"}, text='"theirs"')),
        (0.4, ">", event("y", about=["theirs"])),
        speed=0.0,
    )

    conversation.receive(event("x", event_id="ours"), 100.0)

    said = json.loads(conversation.pop_message())
    assert (said["error"], said["text"]) == ({"event_id": "ours"}, '"theirs"')
    conversation.receive(event("y", about=["ours"]), 100.0)


def test_id_that_is_as_recorded_stays():
    conversation = opened(
        (0.2, ">", event("x", event_id="same", deep={"event_id": "a"})),
        (0.3, "<", event("error", error=["same", "a"])),
        speed=0.0,
    )

    conversation.receive(event("x", event_id="same", deep={"event_id": "b"}), 100.0)

    assert json.loads(conversation.pop_message())["error"] == ["same", "b"]


def test_id_may_be_there_or_not():
    conversation = opened((0.2, ">", event("x")), (0.3, ">", event("y", event_id="a")))

    conversation.receive(event("x", event_id="ours"), 100.0)
    conversation.receive(event("y"), 100.0)


def test_measured_value_may_differ_but_not_be_missing():
    conversation = opened((0.2, ">", event("x", heard_ms=1)), (0.3, ">", event("x", heard_ms=1)))

    conversation.receive(event("x", heard_ms=2), 100.0)
    with pytest.raises(CassetteError, match="heard_ms: recorded null, sent nothing"):
        conversation.receive(event("x"), 100.0)


def test_stream_is_compared_however_it_is_cut():
    conversation = opened((0.2, ">", sound(SOUND[:700])), (0.3, ">", sound(SOUND[700:])))

    for start in range(0, len(SOUND), 960):
        conversation.receive(sound(SOUND[start : start + 960]), 100.0)


def test_other_sound_is_told_by_its_place():
    conversation = opened((0.2, ">", sound(SOUND)))
    conversation.receive(sound(SOUND[:1000]), 100.0)

    with pytest.raises(CassetteError, match="sound differs from byte 1,003 on"):
        conversation.receive(sound(SOUND[1000:1003] + b"x" + SOUND[1004:]), 100.0)


def test_reply_waits_for_the_sound_before_it():
    conversation = opened((0.2, ">", sound(SOUND)), (0.5, "<", "reply"))

    conversation.receive(sound(SOUND[:-1]), 100.0)
    assert conversation.seconds_until_next(999.0) is None
    conversation.receive(sound(SOUND[-1:]), 101.0)

    assert conversation.seconds_until_next(101.0) == pytest.approx(0.3)


def test_silence_may_be_longer_or_shorter():
    """A client that is paced by its own clock is silent until it is told to go on."""
    words, more = sound(SOUND), sound(SOUND[::-1])
    silence = sound(SILENCE)
    conversation = opened(
        (0.2, ">", words),
        *((0.3, ">", silence), (0.4, ">", silence), (0.5, ">", silence)),
        (0.6, "<", "go on"),
        (0.7, ">", more),
        *((0.7, ">", silence), (0.75, ">", silence)),
        (0.8, "<", "thanks"),
    )

    conversation.receive(words, 100.0)
    conversation.receive(silence, 100.1)
    assert conversation.seconds_until_next(100.1) == pytest.approx(
        0.3
    )  # from where the sound ended, not the silence
    assert played(conversation, 100.4) == ["go on"]
    conversation.receive(more, 100.5)
    conversation.receive(silence, 100.5)
    assert played(conversation, 100.6) == ["thanks"]


def test_sound_beyond_the_recording_is_let_pass():
    conversation = opened((0.2, ">", sound(SOUND)), (0.3, "<", "stop"))

    conversation.receive(sound(SOUND + b"more"), 100.0)

    assert played(conversation, 100.1) == ["stop"]


def test_other_messages_keep_their_order_beside_a_stream():
    conversation = opened((0.2, ">", sound(SOUND)), (0.3, ">", event("commit")), (0.4, "<", "done"))

    conversation.receive(event("commit"), 100.0)
    assert conversation.seconds_until_next(999.0) is None
    conversation.receive(sound(SOUND), 101.0)

    assert played(conversation, 101.2) == ["done"]


def test_broken_piece_is_a_message_like_any():
    conversation = opened((0.2, ">", event("sound", pcm="!")), (0.3, ">", event("sound")))

    conversation.receive(event("sound", pcm="!"), 100.0)
    with pytest.raises(CassetteError, match="message 2 differs"):
        conversation.receive(event("sound", pcm=7), 100.0)


def test_hangup_where_it_was_is_fine():
    conversation = opened((0.2, ">", "a"), (5.0, "<", "b"), (5.5, "<", "late"), (5.6, "<", "later"))
    conversation.receive("a", 100.0)
    assert played(conversation, 104.8) == ["b"]

    conversation.client_left()


def test_hangup_before_a_send_is_told():
    conversation = opened((0.2, ">", "a"), (0.3, ">", event("b")))
    conversation.receive("a", 100.0)

    with pytest.raises(CassetteError, match='message 2 was never sent: {"type": "b"}'):
        conversation.client_left()


HANGUPS = {"by client": {}, "left": {"how": "left"}}


@pytest.mark.parametrize("end", HANGUPS.values(), ids=HANGUPS)
def test_early_hangup_is_told(end):
    conversation = opened((0.2, "<", "a"), (0.3, "<", "b"), (3.0, "<", "c"), **end)
    conversation.pop_message()

    with pytest.raises(CassetteError, match="1 of the server's messages were never played, the f"):
        conversation.client_left()


@pytest.mark.parametrize("end", [{"by": "server"}, {"how": "cut"}])
def test_hangup_before_the_server_ended_is_told(end):
    conversation = opened((0.2, "<", "a"), **end)

    with pytest.raises(CassetteError, match="never played, the first a"):
        conversation.client_left()


def test_background_may_be_left_unplayed():
    conversation = opened((0.2, "<", "a"), (0.3, "<", event("gauge")), by="server")
    conversation.pop_message()

    conversation.client_left()


def test_end_waits_for_all_that_was_sent():
    conversation = opened((0.2, ">", "a"), by="server")

    assert "end" in conversation.next_line
    assert conversation.seconds_until_next(999.0) is None
    conversation.receive("a", 100.0)
    assert conversation.seconds_until_next(100.0) == pytest.approx(0.1)


def test_without_rules_everything_is_compared():
    conversation = opened((0.2, ">", sound(SOUND)), rules=MessageRules())

    with pytest.raises(CassetteError, match="pcm: recorded"):
        conversation.receive(sound(SOUND[:-1]), 100.0)


@given(st.lists(st.tuples(st.sampled_from("<>"), st.text(max_size=5)), max_size=20))
def test_whatever_was_recorded_can_be_played(talk):
    """Any order of messages, by a client that says what it said."""
    conversation = opened(*((0.2, way, text) for way, text in talk), speed=0.0)
    told = []

    for way, text in talk:
        if way == ">":
            conversation.receive(text, 100.0)
        else:
            told += played(conversation, 100.0)

    assert told == [text for way, text in talk if way == "<"]
    assert "end" in conversation.next_line
    conversation.client_left()


def test_reply_waits_from_the_send_before_it_not_a_later_one():
    """The client is ahead: it has sent its next message before the reply to the first is due."""
    conversation = opened((0.3, ">", "a"), (0.9, "<", "reply"), (1.0, ">", "b"), (1.1, "<", "end"))

    conversation.receive("a", 100.0)
    conversation.receive("b", 100.5)

    assert conversation.seconds_until_next(100.5) == pytest.approx(0.1)
    assert played(conversation, 100.6) == ["reply", "end"]


def test_reply_waits_for_one_message_alone():
    conversation = opened((0.3, ">", "a"), (0.9, "<", "reply"), (1.0, ">", "b"))

    conversation.receive("a", 100.0)

    assert played(conversation, 100.6) == ["reply"]


@given(
    st.lists(st.integers(0, 3), max_size=8), st.lists(st.integers(0, 12), max_size=6).map(sorted)
)
def test_progress_gives_the_first_time_at_each_place(growths, places):
    progress = ClientProgress(0.0)
    reached = [0]
    for now, growth in enumerate(growths, 1):
        progress.advance(growth, float(now))
        reached.append(reached[-1] + growth)

    for place in places:
        expected = next((now for now, at in enumerate(reached) if at >= place), None)
        assert progress.time_reached(place) == expected


def test_conversation_counts_its_time_from_the_handshake():
    """How long the handshake took is no part of the first wait."""
    conversation = opened((0.1, "<", "at once"), (0.4, "<", "later"))

    assert conversation.seconds_until_next(100.0) == pytest.approx(0.0)
    assert played(conversation, 100.0) == ["at once"]
    assert conversation.seconds_until_next(100.0) == pytest.approx(0.3)


def test_messages_are_compared_without_keys():
    conversation = opened((0.2, ">", "my [scrubbed]"), (0.3, ">", b"my [scrubbed]"), profile=OPENAI)

    conversation.receive("my sk-0123456789abcdef", 100.0)
    conversation.receive(b"my sk-0123456789abcdef", 100.0)


def test_ids_are_replaced_as_whole_strings():
    conversation = opened(
        (0.2, ">", event("x", event_id="a")),
        (0.3, "<", event("y", text="a cat", key='"a"', id="a")),
        (0.4, "<", b'"a"'),
        speed=0.0,
    )
    conversation.receive(event("x", event_id='b"'), 100.0)

    reply, binary = played(conversation, 100.0)

    assert json.loads(reply) == {"type": "y", "text": "a cat", "key": '"a"', "id": 'b"'}
    assert binary == b'"a"'


def test_hangup_tolerance_is_a_second():
    def missed(after):
        conversation = opened((0.2, "<", "a"), (after, "<", "late"), (3.0, "<", "last"))
        conversation.pop_message()
        conversation.client_left()

    missed(2.2)  # the recorded client left at 3.1
    exactly = opened((1.5, "<", "late"), (2.4, "<", "last"))  # and this one at 2.5
    exactly.client_left()
    with pytest.raises(CassetteError, match="1 of the server's messages were never played"):
        missed(2.0)


def test_files_are_closed():
    closed = []

    def lines():
        try:
            yield from map(
                dict, recorded((0.2, ">", "a"), (0.3, ">", sound(SOUND)), (0.4, "<", "b"))
            )
        finally:
            closed.append(True)

    conversation = RecordedConversation(lines, ApiProfile(messages=RULES), 1.0, 100.0)
    conversation.receive("a", 100.0)
    conversation.receive(sound(SOUND[:9]), 100.0)
    conversation.close()

    assert len(closed) == 3


def is_note(message):
    return message["type"] == "note"


NOTES = MessageRules(unordered=is_note)


@given(st.permutations(["a", "b", event("note")]), st.booleans())
def test_message_that_changes_no_answer_may_come_at_any_time(sent, is_in_order):
    """The others keep their order among themselves, and the server waits for all of them."""
    others = [data for data in sent if data != event("note")]
    recorded_order = others if is_in_order else others[::-1]
    conversation = opened(
        (0.2, ">", recorded_order[0]),
        (0.3, ">", event("note")),
        (0.4, ">", recorded_order[1]),
        (0.5, "<", "reply"),
        rules=NOTES,
    )
    if is_in_order:
        for data in sent:
            assert conversation.seconds_until_next(999.0) is None
            conversation.receive(data, 100.0)
        assert played(conversation, 100.1) == ["reply"]
    else:
        with pytest.raises(CassetteError, match="differs: recorded"):
            for data in sent:
                conversation.receive(data, 100.0)


def test_message_that_changes_no_answer_has_to_come_all_the_same():
    conversation = opened((0.2, ">", "a"), (0.3, ">", event("note")), rules=NOTES)
    conversation.receive("a", 100.0)

    with pytest.raises(CassetteError, match='message 2 was never sent: {"type": "note"}'):
        conversation.client_left()


def test_message_that_changes_no_answer_is_compared_with_its_like():
    conversation = opened((0.2, ">", event("note", x=1)), (0.3, ">", "a"), rules=NOTES)
    conversation.receive("a", 100.0)

    with pytest.raises(CassetteError, match="message 2 differs: x: recorded 1, sent 2"):
        conversation.receive(event("note", x=2), 100.0)
    with pytest.raises(CassetteError, match="message 3 was not recorded"):
        conversation.receive(event("note"), 100.0)
