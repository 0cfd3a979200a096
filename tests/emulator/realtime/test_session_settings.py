"""The settings of sessions and responses: defaults, changes, and what OpenAI says to wrong ones."""

import copy
import json

from emulator.errors import ApiError
from emulator.realtime import session_settings
from emulator.realtime.audio_settings import TRANSCRIBERS, VOICES, WITHOUT_TURNS
from tests.support.realtime_calls import anything

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from openai.types.realtime import RealtimeResponse, SessionUpdatedEvent
from openai.types.realtime.client_secret_create_response import ClientSecretCreateResponse

MODEL = "gpt-realtime-2.1"
EXPIRES_AT = 1_790_000_000
BOOK = {
    "type": "function",
    "name": "book_slot",
    "description": "Book a slot.",
    "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
}
NAMED = {"type": "function", "name": "book_slot"}


def realtime(model=MODEL):
    return session_settings.realtime_session(model, "sess_1", EXPIRES_AT)


def transcription():
    return session_settings.transcription_session("sess_1", EXPIRES_AT)


def changed(session=None, **changes):
    session = session or realtime()
    return session_settings.updated(session, {"type": session["type"], **changes})


def heard(session=None, **changes):
    """A change of `audio.input`: its settings afterwards."""
    return changed(session, audio={"input": changes})["audio"]["input"]


def refused(call, *given, **changes):
    with pytest.raises(ApiError) as caught:
        call(*given, **changes)
    error = caught.value
    assert (error.status, error.type) == (400, "invalid_request_error")
    return error.code, error.param


def tried(call, *given, **options):
    """What it gives, and the error that it raises."""
    try:
        return call(*given, **options), None
    except ApiError as error:
        return None, error


def check_types(session):
    """What the SDK's types say to a session: in its events, and beside a client secret."""
    found = json.loads(json.dumps(session, allow_nan=False))
    SessionUpdatedEvent.model_validate(
        {"type": "session.updated", "event_id": "event_1", "session": found}
    )
    ClientSecretCreateResponse.model_validate({"value": "ek_1", "expires_at": 1, "session": found})


# ------------------------------------------------------------------------------------- defaults


@pytest.mark.parametrize(
    ("model", "silence_ms", "voice"),
    [
        ("gpt-realtime", 200, "alloy"),
        ("gpt-realtime-2", 200, "alloy"),
        ("gpt-realtime-2.1", 500, "marin"),
        ("gpt-realtime-2.1-mini", 500, "marin"),
    ],
)
def test_session_starts_as_recorded(model, silence_ms, voice):
    pcm = {"type": "audio/pcm", "rate": 24000}
    session = session_settings.realtime_session(model, "sess_1", EXPIRES_AT)

    check_types(session)
    assert session.pop("instructions") == session_settings.INSTRUCTIONS
    assert session == {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": model,
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": EXPIRES_AT,
        "audio": {
            "input": {
                "format": pcm,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": silence_ms,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": pcm, "voice": voice, "speed": 1.0},
        },
        "include": None,
    }


def test_transcription_session_starts_as_recorded():
    """Byte for byte as long as the `session.created` of a probe of September 2026."""
    session = transcription() | {"id": "sess_" + 21 * "x"}

    check_types(session)
    event = {"type": "session.created", "event_id": "event_" + 21 * "x", "session": session}
    assert len(json.dumps(event, separators=(",", ":"))) == 429


# -------------------------------------------------------------------------------------- changes


def test_only_what_is_given_changes():
    before = realtime()
    kept = copy.deepcopy(before)

    after = changed(before, instructions="", audio={"output": {"speed": 1.25}})

    assert before == kept
    assert after["audio"]["output"] == {**kept["audio"]["output"], "speed": 1.25}
    assert after["instructions"] == "" and after["audio"]["input"] == kept["audio"]["input"]


def test_manual_turns_and_back_again():
    manual = changed(audio={"input": {"turn_detection": None}})
    assert manual["audio"]["input"]["turn_detection"] is None

    semantic = heard(manual, turn_detection={"type": "semantic_vad"})["turn_detection"]
    assert semantic == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


@pytest.mark.parametrize(("model", "silence_ms"), [("gpt-realtime", 200), (MODEL, 500)])
def test_turn_detection_begins_anew_as_the_model_does(model, silence_ms):
    session = session_settings.realtime_session(model, "sess_1", EXPIRES_AT)
    manual = changed(session, audio={"input": {"turn_detection": None}})

    turns = heard(manual, turn_detection={"type": "server_vad"})["turn_detection"]

    assert turns == session["audio"]["input"]["turn_detection"]
    assert turns["silence_duration_ms"] == silence_ms


def test_turn_detection_of_same_type_is_merged():
    session = changed(
        audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}}
    )

    after = heard(session, turn_detection={"type": "server_vad", "idle_timeout_ms": 6000})

    turns = after["turn_detection"]
    assert (turns["silence_duration_ms"], turns["idle_timeout_ms"]) == (700, 6000)


def test_transcription_is_told_with_its_nulls():
    found = heard(transcription={"model": "gpt-transcribe", "keywords": ["Mizar"]})["transcription"]

    assert found == {
        "model": "gpt-transcribe",
        "language": None,
        "prompt": None,
        "keywords": ["Mizar"],
    }
    assert heard(transcription=None)["transcription"] is None


def test_noise_reduction_keeps_its_strength():
    near = changed(audio={"input": {"noise_reduction": {"type": "near_field", "strength": 0.5}}})

    assert near["audio"]["input"]["noise_reduction"] == {"type": "near_field", "strength": 0.5}
    far = heard(near, noise_reduction={"type": "far_field"})["noise_reduction"]
    assert far == {"type": "far_field", "strength": 0.5}
    assert heard(near, noise_reduction=None)["noise_reduction"] is None


def test_tools_are_told_and_cleared():
    session = changed(tools=[BOOK, {"type": "function", "name": "hang_up"}], tool_choice=NAMED)

    assert session["tools"][0] == BOOK and session["tool_choice"] == NAMED
    assert session["tools"][1] == {
        "type": "function",
        "name": "hang_up",
        "description": None,
        "parameters": None,
    }
    check_types(session)
    assert changed(session, tools=[], tool_choice="auto")["tools"] == []
    assert refused(changed, session, tools=[]) == ("invalid_value", "session.tool_choice")


def test_what_has_no_effect_is_told_back():
    trace = {"workflow_name": "driver", "metadata": {"lot": 7}}
    truncation = {"type": "retention_ratio", "retention_ratio": 0.8}
    limits = {"token_limits": {"post_instructions": 5000}}
    changes = {
        "tracing": trace,
        "truncation": {**truncation, **limits},
        "include": [session_settings.LOGPROBS],
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": False,
        "max_output_tokens": 4096,
        "output_modalities": ["text"],
    }

    session = changed(**changes)

    assert {key: session[key] for key in changes} == changes
    check_types(session)


def test_null_keeps_what_cannot_be_empty():
    keys = ("instructions", "tools", "tool_choice", "max_output_tokens", "audio", "reasoning")
    assert changed(**dict.fromkeys(keys)) == realtime()
    assert changed(audio={"input": None, "output": {"voice": None}}) == realtime()


@pytest.mark.parametrize("voice", VOICES)
def test_voice_is_fixed_once_heard(voice):
    session = changed(audio={"output": {"voice": voice}})
    change = {"type": "realtime", "audio": {"output": {"voice": "alloy"}}}

    same = session_settings.updated(
        session, {"type": "realtime", "audio": session["audio"]}, has_spoken=True
    )
    assert same == session
    if voice != "alloy":
        with pytest.raises(ApiError) as caught:
            session_settings.updated(session, change, has_spoken=True)
        assert caught.value.code == "cannot_update_voice"
        message = "Cannot update a conversation's voice if assistant audio is present."
        assert caught.value.message == message


# -------------------------------------------------------------------------- what is refused, how

BETA = {
    "modalities": ["text"],
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": None,
    "temperature": 0.8,
    "max_response_output_tokens": 100,
}


@pytest.mark.parametrize("name", BETA)
def test_names_of_the_beta_are_unknown(name):
    assert refused(changed, **{name: BETA[name]}) == ("unknown_parameter", f"session.{name}")


TURNS = "session.audio.input.turn_detection"
FORMAT = "session.audio.input.format"
WORDS = "session.audio.input.transcription"


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"format": {"type": "audio/pcm", "rate": 16000}}, "integer_below_min_value", "rate"),
        ({"format": {"type": "audio/pcm", "rate": 48000}}, "integer_above_max_value", "rate"),
        ({"format": {"type": "audio/pcmu", "rate": 8000}}, "unknown_parameter", "rate"),
        ({"format": {"type": "audio/opus"}}, "invalid_value", "type"),
        ({"format": {"rate": 24000}}, "missing_required_parameter", "type"),
        ({"format": "pcm16"}, "invalid_type", ""),
    ],
)
def test_wrong_format_is_refused(change, code, param):
    assert refused(heard, **change) == (code, f"{FORMAT}.{param}".rstrip("."))


@pytest.mark.parametrize("value", [True, 1.5, ["inf"]])
def test_most_tokens_may_be_a_number_or_inf(value):
    with pytest.raises(ApiError, match="expected an integer or 'inf', but got"):
        changed(max_output_tokens=value)


def server(**fields):
    return {"type": "server_vad", **fields}


@pytest.mark.parametrize(
    ("turns", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "client_vad"}, "invalid_value", "type"),
        (server(threshold=1.5), "decimal_above_max_value", "threshold"),
        (server(threshold=-0.1), "decimal_below_min_value", "threshold"),
        (server(threshold="0.5"), "invalid_type", "threshold"),
        (server(prefix_padding_ms=-1), "integer_below_min_value", "prefix_padding_ms"),
        (server(silence_duration_ms=0.5), "invalid_type", "silence_duration_ms"),
        (server(silence_duration_ms=10**400), "integer_above_max_value", "silence_duration_ms"),
        (server(idle_timeout_ms=4999), "integer_below_min_value", "idle_timeout_ms"),
        (server(idle_timeout_ms=30001), "integer_above_max_value", "idle_timeout_ms"),
        (server(create_response=1), "invalid_type", "create_response"),
        (server(eagerness="low"), "unknown_parameter", "eagerness"),
        ({"type": "semantic_vad", "threshold": 0.5}, "unknown_parameter", "threshold"),
        ({"type": "semantic_vad", "idle_timeout_ms": 6000}, "unknown_parameter", "idle_timeout_ms"),
        ({"type": "semantic_vad", "eagerness": "eager"}, "invalid_value", "eagerness"),
    ],
)
def test_wrong_turn_detection_is_refused(turns, code, param):
    assert refused(heard, turn_detection=turns) == (code, f"{TURNS}.{param}")


@pytest.mark.parametrize(
    ("words", "code", "param"),
    [
        ({"language": "en"}, "missing_required_parameter", "model"),
        ({"model": "whisper-9"}, "invalid_value", "model"),
        ({"model": "whisper-1", "language": "fr-CA"}, "invalid_value", "language"),
        ({"model": "gpt-transcribe", "languages": ["en", "EN"]}, "invalid_value", "languages[1]"),
        ({"model": "whisper-1", "keywords": ["Mizar"]}, "invalid_value", "keywords"),
        ({"model": "whisper-1", "prompt": "x" * 1025}, "string_above_max_length", "prompt"),
        ({"model": "gpt-realtime-whisper", "prompt": "stars"}, "invalid_value", "prompt"),
        ({"model": "gpt-transcribe", "delay": "low"}, "invalid_value", "delay"),
        ({"model": "gpt-realtime-whisper", "delay": "none"}, "invalid_value", "delay"),
        ({"model": "whisper-1", "enabled": True}, "unknown_parameter", "enabled"),
        ({"model": "gpt-transcribe", "keywords": ["a", "<b"]}, "invalid_value", "keywords[1]"),
        ({"model": "gpt-live-transcribe", "keywords": ["b>"]}, "invalid_value", "keywords[0]"),
        ({"model": "gpt-transcribe", "keywords": ["a\nb"]}, "invalid_value", "keywords[0]"),
        ({"model": "gpt-transcribe", "keywords": ["a\rb"]}, "invalid_value", "keywords[0]"),
    ],
)
def test_wrong_transcription_is_refused(words, code, param):
    assert refused(heard, transcription=words) == (code, f"{WORDS}.{param}")


MCP = {"type": "mcp", "server_label": "stars"}


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"output_modalities": ["audio", "text"]}, "invalid_value", "output_modalities"),
        ({"output_modalities": []}, "invalid_value", "output_modalities"),
        ({"output_modalities": ["video"]}, "invalid_value", "output_modalities[0]"),
        ({"output_modalities": "text"}, "invalid_type", "output_modalities"),
        ({"max_output_tokens": 0}, "integer_below_min_value", "max_output_tokens"),
        ({"max_output_tokens": 4097}, "integer_above_max_value", "max_output_tokens"),
        ({"max_output_tokens": "all"}, "invalid_value", "max_output_tokens"),
        ({"max_output_tokens": True}, "invalid_type", "max_output_tokens"),
        ({"instructions": ["Be brief."]}, "invalid_type", "instructions"),
        ({"model": "gpt-realtime-2"}, "invalid_value", "model"),
        ({"prompt": {"id": "pmpt_1"}}, "not_served_by_emulator", "prompt"),
        ({"tools": [MCP]}, "not_served_by_emulator", "tools[0].type"),
        ({"tools": [BOOK, BOOK | {"strict": True}]}, "unknown_parameter", "tools[1].strict"),
        (
            {"tools": [{"type": "function", "function": BOOK}]},
            "missing_required_parameter",
            "tools[0].name",
        ),
        ({"tools": [BOOK | {"name": "book slot"}]}, "invalid_value", "tools[0].name"),
        ({"tools": [BOOK | {"parameters": []}]}, "invalid_type", "tools[0].parameters"),
        (
            {"tools": [BOOK, BOOK | {"parameters": {"type": "slot"}}]},
            "invalid_function_parameters",
            "tools[1].parameters",
        ),
        ({"tools": BOOK}, "invalid_type", "tools"),
        ({"tool_choice": NAMED}, "invalid_value", "tool_choice"),
        ({"tool_choice": "any"}, "invalid_value", "tool_choice"),
        ({"tool_choice": {"type": "mcp"}}, "not_served_by_emulator", "tool_choice.type"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "book_slot"}}},
            "missing_required_parameter",
            "tool_choice.name",
        ),
        ({"include": ["logprobs"]}, "invalid_value", "include[0]"),
        ({"tracing": "on"}, "invalid_value", "tracing"),
        ({"truncation": "never"}, "invalid_value", "truncation"),
        (
            {"truncation": {"type": "retention_ratio"}},
            "missing_required_parameter",
            "truncation.retention_ratio",
        ),
        ({"reasoning": {"effort": "none"}}, "invalid_value", "reasoning.effort"),
        ({"audio": {"output": {"speed": 1.6}}}, "decimal_above_max_value", "audio.output.speed"),
        ({"audio": {"output": {"voice": "nova"}}}, "invalid_value", "audio.output.voice"),
        (
            {"audio": {"output": {"voice": {"id": "voice_1"}}}},
            "not_served_by_emulator",
            "audio.output.voice.id",
        ),
        ({"audio": {"video": {}}}, "unknown_parameter", "audio.video"),
    ],
)
def test_wrong_field_is_refused_by_name(changes, code, param):
    assert refused(changed, **changes) == (code, f"session.{param}")


def test_sentences_are_those_of_openai():
    said = []
    for changes in (
        {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
        {"audio": {"output": {"voice": "nova"}}},
        {"output_modalities": ["audio", "text"]},
        {"bogus_field": 1},
    ):
        with pytest.raises(ApiError) as caught:
            changed(**changes)
        said.append(caught.value.message)

    assert said == [
        f"""Invalid '{FORMAT}.rate': integer below minimum value. Expected a value >= 24000, but \
got 16000 instead.""",
        """Invalid value: 'nova'. Supported values are: 'alloy', 'ash', 'ballad', 'coral', \
'echo', 'sage', 'shimmer', 'verse', 'marin', and 'cedar'.""",
        """Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and \
['audio'].""",
        "Unknown parameter: 'session.bogus_field'.",
    ]


def test_type_must_be_there_and_agree():
    assert refused(session_settings.updated, realtime(), {}) == (
        "missing_required_parameter",
        "session.type",
    )
    with pytest.raises(ApiError, match="a transcription session update event to a realtime"):
        session_settings.updated(realtime(), {"type": "transcription"})
    with pytest.raises(ApiError, match="a realtime session update event to a transcription"):
        session_settings.updated(transcription(), {"type": "realtime"})


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-realtime-2.1", True),
        ("gpt-realtime-2.1-mini", True),
        ("gpt-realtime-2", True),
        ("gpt-realtime-1.5", False),
        ("gpt-realtime", False),
        ("gpt-realtime-2025-08-28", False),
    ],
)
def test_only_new_models_reason(model, reasons):
    session = realtime(model)

    for change in ({"reasoning": {"effort": "low"}}, {"parallel_tool_calls": True}):
        if reasons:
            assert changed(session, **change)
        else:
            assert refused(changed, session, **change) == (
                "invalid_value",
                f"session.{next(iter(change))}",
            )


def test_tracing_is_fixed_once_set():
    session = changed(tracing="auto")

    assert changed(session, tracing="auto") == session
    assert refused(changed, session, tracing=None) == ("invalid_value", "session.tracing")


# -------------------------------------------------------------------------------- transcription


def test_hints_of_the_same_model_are_kept_and_no_others():
    session = changed(
        audio={"input": {"transcription": {"model": "whisper-1", "prompt": "Stars."}}}
    )
    same = heard(session, transcription={"model": "whisper-1", "language": "en"})
    other = heard(session, transcription={"model": "gpt-transcribe"})

    assert same["transcription"]["prompt"] == "Stars."
    assert other["transcription"]["prompt"] is None


@pytest.mark.parametrize("model", TRANSCRIBERS)
def test_some_transcribers_take_no_turn_detection(model):
    words = {"transcription": {"model": model}}
    asked = {**words, "turn_detection": {"type": "server_vad"}}

    kept = heard(transcription(), **words)["turn_detection"]
    if model in WITHOUT_TURNS:
        assert kept is None
        assert refused(heard, transcription(), **asked) == ("invalid_value", TURNS)
    else:
        assert kept == heard(transcription(), **asked)["turn_detection"]
    assert heard(**asked)["turn_detection"]["type"] == "server_vad"


def test_transcription_session_has_no_answers():
    for name in ("instructions", "tools", "model", "output_modalities"):
        assert refused(changed, transcription(), **{name: None})[0] == "unknown_parameter"
    output = {"audio": {"output": {"voice": "alloy"}}}
    assert refused(changed, transcription(), **output)[1] == "session.audio.output"


# ------------------------------------------------------------------------------------- responses


def asked(session=None, **fields):
    return session_settings.response_settings(session or realtime(), fields)


def test_response_is_made_by_the_session():
    session = changed(instructions="Be brief.", audio={"output": {"voice": "marin", "speed": 1.5}})

    assert session_settings.response_settings(session, None) == session_settings.ResponseSettings(
        instructions="Be brief.",
        output_modalities=["audio"],
        voice="marin",
        speed=1.5,
        format={"type": "audio/pcm", "rate": 24000},
        tools=[],
        tool_choice="none",
        parallel_tool_calls=True,
        max_output_tokens="inf",
        conversation="auto",
        metadata=None,
        input=None,
        effort="low",
        has_phases=True,
    )


def test_response_has_wishes_of_its_own():
    text = {"type": "input_text", "text": "Hi"}
    message = {"type": "message", "role": "user", "content": [text]}
    found = asked(
        conversation="none",
        metadata={"topic": "stars"},
        output_modalities=["text"],
        instructions="Classify.",
        tools=[BOOK],
        tool_choice=NAMED,
        parallel_tool_calls=False,
        max_output_tokens=7,
        input=[message, {"type": "item_reference", "id": "item_7"}],
        audio={"output": {"voice": "cedar", "format": {"type": "audio/pcmu"}}},
    )

    assert (found.conversation, found.metadata) == ("none", {"topic": "stars"})
    assert (found.output_modalities, found.max_output_tokens) == (["text"], 7)
    assert (found.voice, found.format) == ("cedar", {"type": "audio/pcmu"})
    assert (found.tools, found.tool_choice) == ([BOOK], NAMED)
    assert found.parallel_tool_calls is False
    assert [(item.text, item.reference) for item in found.input] == [("Hi", ""), ("", "item_7")]


def test_empty_input_is_no_context():
    assert asked(input=[]).input == () and asked(input=None).input is None


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"modalities": ["text"]}, "unknown_parameter", "modalities"),
        ({"voice": "alloy"}, "unknown_parameter", "voice"),
        ({"audio": {"output": {"speed": 1.0}}}, "unknown_parameter", "audio.output.speed"),
        ({"audio": {"input": {}}}, "unknown_parameter", "audio.input"),
        ({"conversation": "conv_1"}, "invalid_value", "conversation"),
        ({"metadata": {"lot": 7}}, "invalid_type", "metadata.lot"),
        ({"metadata": {"k" * 65: ""}}, "string_above_max_length", "metadata." + "k" * 65),
        ({"metadata": {"k": "v" * 513}}, "string_above_max_length", "metadata.k"),
        (
            {"metadata": {str(n): "" for n in range(17)}},
            "object_above_max_properties",
            "metadata",
        ),
        ({"tool_choice": NAMED}, "invalid_value", "tool_choice"),
        ({"input": {}}, "invalid_type", "input"),
        ({"input": [{}]}, "missing_required_parameter", "input[0].type"),
        (
            {"input": [{"type": "item_reference"}]},
            "missing_required_parameter",
            "input[0].id",
        ),
        ({"prompt": {"id": "pmpt_1"}}, "not_served_by_emulator", "prompt"),
        ({"max_output_tokens": 5000}, "integer_above_max_value", "max_output_tokens"),
    ],
)
def test_wrong_wish_is_refused_by_name(fields, code, param):
    assert refused(asked, **fields) == (code, f"response.{param}")


def test_response_cannot_have_another_voice_once_heard():
    wish = {"audio": {"output": {"voice": "cedar"}}}
    found = refused(session_settings.response_settings, realtime(), wish, has_spoken=True)

    assert found == ("cannot_update_voice", "response.audio.output.voice")


def test_choice_without_tools_is_none():
    assert asked(changed(tool_choice="required")).tool_choice == "none"


# ------------------------------------------------------------------------------ client secrets


def secret(**body):
    return session_settings.asked_secret(body, "sess_2")


def test_secret_is_for_a_session_of_its_kind():
    made, seconds = secret(session={"type": "realtime", "model": MODEL, "instructions": "Hi."})
    other, _ = secret(session={"type": "transcription"}, expires_after={"seconds": 10})

    assert (made["id"], made["model"], made["instructions"]) == ("sess_2", MODEL, "Hi.")
    assert (made["expires_at"], seconds) == (0, 600)
    assert (other["type"], secret()[0]["model"]) == ("transcription", MODEL)
    # As recorded: `idle_timeout_ms` too, which `session.created` doesn't have.
    assert other["expires_at"] == 0
    assert other["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "idle_timeout_ms": None,
    }


@pytest.mark.parametrize(
    ("session", "code"),
    [
        ({"type": "realtime", "model": "gpt-6-luna"}, "invalid_model"),
        ({"type": "realtime", "model": "nope"}, "invalid_model"),
        ({"type": "realtime", "instructions": "\ud800"}, None),
        ({"type": "realtime", "model": 3}, "invalid_type"),
    ],
)
def test_wrong_secret_is_refused(session, code):
    assert refused(secret, session=session)[0] == code


# ------------------------------------------------------------------------------------ properties

ms = st.integers(0, 5000)


def some(**fields):
    return st.fixed_dictionaries({}, optional=fields)


def kind(name, **fields):
    return some(**fields).map(lambda rest: {"type": name, **rest})


formats = st.sampled_from(
    [{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]
) | st.just({"type": "audio/pcm"})
answers = {"create_response": st.booleans(), "interrupt_response": st.booleans()}
turns = (
    st.none()
    | kind(
        "server_vad",
        threshold=st.floats(0, 1),
        prefix_padding_ms=ms,
        silence_duration_ms=ms,
        idle_timeout_ms=st.none() | st.integers(5000, 30000),
        **answers,
    )
    | kind("semantic_vad", eagerness=st.sampled_from(["low", "medium", "high", "auto"]), **answers)
)
transcriptions = st.none() | st.sampled_from(TRANSCRIBERS).map(
    lambda model: {"model": model, "language": "en"}
)
noise = st.none() | some(strength=st.floats(0, 2)).map(lambda rest: {"type": "far_field", **rest})
include = st.none() | st.lists(st.just(session_settings.LOGPROBS), max_size=1)
hearing = some(
    format=formats, turn_detection=turns, transcription=transcriptions, noise_reduction=noise
)
truncations = st.sampled_from(["auto", "disabled"]) | some(
    token_limits=some(post_instructions=st.integers(0, 9999))
).map(lambda rest: {"type": "retention_ratio", "retention_ratio": 0.5, **rest})
speaking = some(format=formats, voice=st.sampled_from(VOICES), speed=st.floats(0.25, 1.5))
realtime_changes = some(
    model=st.just(MODEL),
    instructions=st.text(max_size=20),
    output_modalities=st.sampled_from([["text"], ["audio"]]),
    tools=st.lists(st.just(BOOK), min_size=1, max_size=2),
    tool_choice=st.sampled_from(["auto", "none", "required"]),
    max_output_tokens=st.just("inf") | st.integers(1, 4096),
    truncation=truncations,
    include=include,
    reasoning=st.none() | some(effort=st.sampled_from(["minimal", "low", "xhigh"])),
    parallel_tool_calls=st.booleans(),
    prompt=st.none(),
    audio=some(input=hearing, output=speaking),
)
transcription_changes = some(include=include, audio=some(input=hearing))
junk = st.dictionaries(st.sampled_from(list(realtime())) | st.text(max_size=9), anything)


@effort(deadline=None)
@given(st.lists(realtime_changes, max_size=4), st.booleans())
def test_session_stays_what_the_types_say(changes, is_asked):
    session = realtime()
    for change in changes:
        session = session_settings.updated(session, {"type": "realtime", **change})
        check_types(session)

    made = session_settings.response_settings(session, {} if is_asked else None)
    output = {"format": made.format, "voice": made.voice}
    RealtimeResponse.model_validate(
        {
            "output_modalities": made.output_modalities,
            "max_output_tokens": made.max_output_tokens,
            "metadata": made.metadata,
            "audio": {"output": output},
        }
    )


@effort(deadline=None)
@given(st.lists(transcription_changes, max_size=4))
def test_transcription_session_stays_what_the_types_say(changes):
    session = transcription()
    for change in changes:
        found, error = tried(session_settings.updated, session, {"type": "transcription", **change})
        assert error is None or error.param == TURNS
        session = found or session
        check_types(session)
        hearing = session["audio"]["input"]
        if (hearing["transcription"] or {}).get("model") in WITHOUT_TURNS:
            assert hearing["turn_detection"] is None


def spoilt(changes, path, value):
    """The changes with one of their values replaced."""
    inner = changes
    for step in path:
        keys = [key for key in inner if isinstance(inner[key], dict)]
        if not keys:
            break
        inner = inner[keys[step % len(keys)]]
    if inner:
        inner[list(inner)[len(path) % len(inner)]] = value
    return changes


broken = st.builds(
    spoilt, realtime_changes.map(copy.deepcopy), st.lists(st.integers(0, 3), max_size=3), anything
)


@effort(deadline=None)
@given(junk | broken, st.booleans(), st.booleans())
def test_no_change_raises_but_an_api_error(changes, is_realtime, has_spoken):
    session = realtime() if is_realtime else transcription()
    kept = copy.deepcopy(session)
    change = {**changes, "type": session["type"]}

    found, error = tried(session_settings.updated, session, change, has_spoken=has_spoken)

    if error:
        assert error.message and error.param.startswith("session")
    else:
        check_types(found)
    assert session == kept


@effort(deadline=None)
@given(junk | broken | st.fixed_dictionaries({"input": st.lists(anything)}))
def test_no_response_raises_but_an_api_error(asked):
    session = realtime()

    _, error = tried(session_settings.response_settings, session, asked)

    assert error is None or (error.message and error.param.startswith("response"))
    assert session == realtime()
