"""The session machine under random scripts: the invariants of wire.md hold throughout (P22)."""

from base64 import b64encode

from emulator.answers.answer import Answer, Call
from emulator.errors import ApiError
from emulator.realtime.jobs import Generate
from emulator.realtime.session import FaultEffects
from emulator.wire import tokens
from tests.support.property_examples import examples
from tests.support.realtime_calls import SessionDriver, loud, quiet, update, user

from hypothesis import given, settings
from hypothesis import strategies as st

IDS = ["item_a", "item_b", "item_c", "root"]
TOOL = {"type": "function", "name": "book", "parameters": {"type": "object", "properties": {}}}
DETECTIONS = [
    None,
    {"type": "server_vad", "silence_duration_ms": 100},
    {"type": "server_vad", "interrupt_response": False},
    {"type": "server_vad", "create_response": False, "idle_timeout_ms": 5000},
    {"type": "semantic_vad", "eagerness": "high"},
]
ANSWERS = [
    Answer(tokens.split("At eight. Come early, and bring a coat.")),
    Answer(tokens.split("One moment."), "tool_calls", [Call("book", '{"people":2}')]),
    Answer([], "tool_calls", [Call("book", "{}"), Call("book", '{"a":1}')]),
    Answer(tokens.split("At"), "length"),
    Answer([]),
    ApiError(502, "gone", type="server_error"),
]

sounds = st.sampled_from([loud(40), loud(320), quiet(120), quiet(400), loud(20)[:-2]])
sessions = st.sampled_from(
    [
        *({"audio": {"input": {"turn_detection": each}}} for each in DETECTIONS),
        {"output_modalities": ["text"]},
        {"output_modalities": ["audio"]},
        {"tools": [TOOL], "tool_choice": "required"},
        {"max_output_tokens": 9},
        {"audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}},
        {"audio": {"output": {"voice": "cedar"}}},
        {"audio": {"input": {"format": {"type": "audio/pcmu"}}}},
        {"nonsense": 1},
    ]
)
responses = st.sampled_from(
    [
        None,
        {"conversation": "none"},
        {"conversation": "none", "input": [{"type": "item_reference", "id": "item_a"}]},
        {"output_modalities": ["text"], "instructions": "Be brief."},
        {"tool_choice": "required"},
    ]
)
items = st.sampled_from(IDS).map(lambda item_id: user("Hm?", id=item_id)["item"])


def event(kind, **fields):
    return st.builds(lambda **drawn: ("send", kind, drawn), **fields)


steps = st.one_of(
    st.tuples(st.just("speak"), st.lists(sounds, min_size=1, max_size=4)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.05, 0.4, 3.0, 20.0])),
    st.tuples(st.just("work"), st.integers(0, 5)),
    event("session.update", session=sessions.map(lambda given: update(**given)["session"])),
    event("response.create", response=responses),
    event("response.cancel"),
    event("input_audio_buffer.commit"),
    event("input_audio_buffer.clear"),
    event("input_audio_buffer.append", audio=st.sampled_from(["", "!", "AAA", "AAAA", "AAAAAA=="])),
    event(
        "conversation.item.create",
        item=st.sampled_from(IDS).map(lambda i: user("Hm?", id=i)["item"]),
    ),
    event("conversation.item.delete", item_id=st.sampled_from(IDS)),
    event("conversation.item.retrieve", item_id=st.sampled_from(IDS)),
    event("truncate", end_ms=st.integers(0, 3000)),
    event("output"),
    event("nonsense"),
)


class ScriptPlayer:
    """Plays steps to a driver; what was sent is in `events`."""

    def __init__(self, fault_effects, pace):
        self.driver = SessionDriver(is_manual=True, fault_effects=fault_effects, pace=pace)
        self.events = self.driver.events()
        self.answers = 0

    def play(self, step):
        kind, *rest = step
        getattr(self, kind)(*rest)

    def speak(self, sounds):
        for pcm in sounds:
            audio = b64encode(pcm).decode()
            self.events += self.driver.send("input_audio_buffer.append", audio=audio)

    def wait(self, seconds):
        self.events += self.driver.pass_time(seconds)

    def work(self, place):
        """One of the jobs is done; they need not end in the order in which they began."""
        jobs = self.driver.jobs
        if jobs:
            job = jobs.pop(place % len(jobs))
            if isinstance(job, Generate) and job.fixed is None:
                answer = ANSWERS[self.answers % len(ANSWERS)]
                self.answers += 1
                self.driver.session.generated(job.response_id, answer, self.driver.now)
            else:
                self.driver.words = [None, "", "When do you open?", "I want"][place % 4]
                self.driver.do(job)
        self.events += self.driver.events()

    def send(self, kind, fields):
        if kind == "truncate":
            items = self.of("response.output_audio.delta")
            item_id = items[-1]["item_id"] if items else "item_a"
            fields = {"item_id": item_id, "content_index": 0, "audio_end_ms": fields["end_ms"]}
            kind = "conversation.item.truncate"
        elif kind == "output":
            calls = self.of("response.function_call_arguments.done")
            call_id = calls[-1]["call_id"] if calls else "call_x"
            output = {"type": "function_call_output", "call_id": call_id, "output": "{}"}
            kind, fields = "conversation.item.create", {"item": output}
        self.events += self.driver.send(kind, **fields)

    def finish(self):
        """Let everything that is under way come to its end."""
        self.driver.send("session.update", **update(audio={"input": {"turn_detection": None}}))
        for _ in range(200):
            while self.driver.jobs:
                self.work(0)
            before = len(self.events)
            self.wait(5.0)
            if len(self.events) == before and not self.driver.jobs:
                break

    def of(self, kind):
        return [event for event in self.events if event.get("type") == kind]


def check(events):
    ids = [event["event_id"] for event in events]
    assert len(ids) == len(set(ids))
    check_responses(events)
    check_items(events)
    check_text(events)


def check_responses(events):
    """Each ends in exactly one done; of the default conversation one at most is under way."""
    open_ones, ended = {}, set()
    for event in events:
        kind = event.get("type", "")
        if kind == "response.created":
            response = event["response"]
            if response["conversation_id"]:
                assert not any(open_ones.values())
            open_ones[response["id"]] = response["conversation_id"]
        elif kind == "response.done":
            del open_ones[event["response"]["id"]]
            assert event["response"]["status"] != "in_progress"
            assert event["response"]["usage"]["total_tokens"] >= 0
            ended.add(event["response"]["id"])
        elif kind.startswith("response."):
            assert event["response_id"] in open_ones
    assert not open_ones


def check_items(events):
    added, default = set(), {}
    for place, event in enumerate(events):
        kind = event.get("type", "")
        if kind == "response.created":
            default[event["response"]["id"]] = bool(event["response"]["conversation_id"])
        if kind == "response.output_item.added" and default[event["response_id"]]:
            assert events[place + 1]["type"] == "conversation.item.added"
            assert events[place + 1]["item"]["id"] == event["item"]["id"]
        if kind == "response.output_item.done" and default[event["response_id"]]:
            assert events[place - 1]["type"] == "conversation.item.done"
            assert events[place - 1]["item"]["id"] == event["item"]["id"]
        if kind == "conversation.item.added":
            assert event["previous_item_id"] is None or event["previous_item_id"] in added
            added.add(event["item"]["id"])


def check_text(events):
    """What closes a part is the sum of its deltas."""
    sums = {}
    for event in events:
        kind = event.get("type", "")
        name, _, what = kind.rpartition(".")
        if what == "delta" and kind.startswith("response.") and "transcription" not in kind:
            key = (name, event["item_id"])
            sums[key] = sums.get(key, "") + event["delta"]
        for field in ("text", "transcript", "arguments"):
            if what == "done" and kind.startswith("response.") and field in event:
                assert event[field] == sums.get((name, event["item_id"]), "")


@given(st.lists(steps, max_size=25), st.sampled_from([0.0, 1.0]), st.integers(0, 3))
@settings(max_examples=examples(150), deadline=None)
def test_any_script_keeps_the_invariants(script, pace, late):
    play = ScriptPlayer(FaultEffects(late_deltas=late, is_transcript_late=late == 2), pace)

    for step in script:
        play.play(step)
    play.finish()

    check(play.events)


@given(st.one_of(st.text(), st.binary(), st.from_regex(r'\{"type":.*\}', fullmatch=True)))
@settings(max_examples=examples(150), deadline=None)
def test_no_message_is_too_wild(message):
    driver = SessionDriver()
    driver.events()

    driver.session.receive(message, driver.now)

    assert [event["type"] for event in driver.events()] == ["error"]
