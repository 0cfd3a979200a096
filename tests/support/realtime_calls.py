"""A Realtime session in the hands of a test: no socket, no clock, no engines."""

import json
import struct
from base64 import b64encode

from emulator.answers.answer import Answer
from emulator.answers.corpus import Corpus
from emulator.answers.reply import answer
from emulator.pace import Pace
from emulator.realtime.jobs import Generate, Synthesize, Transcribe
from emulator.realtime.session import Session
from emulator.realtime.session_settings import realtime_session
from emulator.voice.sound import samples
from emulator.wire import tokens

import numpy as np
from hypothesis import strategies as st
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

MODEL = "gpt-realtime-2.1-mini"
# Its turns end after 200 ms of silence; it says nothing before a call, and doesn't reason.
OLDER_MODEL = "gpt-realtime-1.5"
EVENT = TypeAdapter(RealtimeServerEvent)


# JSON of any kind, two levels deep: `st.recursive` takes three times as long to draw.
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
)
inner = scalars | st.lists(scalars, max_size=3)
anything = (
    inner | st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)


class LoudIsSpeech:
    """A detector that a test can predict: a frame is speech if it is loud."""

    def probability(self, frame):
        return 0.95 if np.abs(samples(frame).astype(int)).mean() > 2000 else 0.02


def loud(ms):
    """Sound that counts as speech: s16le, 24 kHz."""
    return struct.pack("<24h", *[9000] * 12, *[-9000] * 12) * ms


def quiet(ms):
    return bytes(48 * ms)


class StoppedClock:
    """A clock that stands still: what is paced waits until the test lets time pass."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class SessionDriver:
    """A session, driven by hand: time is `now`, jobs are done when the test says so.

    Speech is recognised as `words`, the answer is `answer`, or what the emulator generates where
    that is None; a sentence sounds for 50 ms a letter.
    """

    def __init__(self, settings=None, *, pace=0.0, is_manual=False, **options):
        """`options` are those of a Session."""
        self.now = 100.0
        self.words = "When do you open?"
        self.answer = Answer(tokens.split("At eight. Come early."))
        self.asked = []
        self.is_manual = is_manual
        self.jobs = []
        self.session = Session(
            settings or realtime_session(OLDER_MODEL, "sess_1", 4600),
            LoudIsSpeech(),
            now=self.now,
            pace=Pace(pace),
            limit=lambda spent: {
                "name": "tokens",
                "limit": 1000,
                "remaining": 1000 - spent,
                "reset_seconds": 0.0,
            },
            **options,
        )

    def send(self, kind, /, **fields):
        """One client event; the events that it causes."""
        self.session.receive(json.dumps({"type": kind, **fields}), self.now)
        return self.events()

    def speak(self, *sounds):
        """Append sounds, in pieces of 20 ms."""
        events = []
        pcm = b"".join(sounds)
        for start in range(0, len(pcm), 960):
            audio = b64encode(pcm[start : start + 960]).decode()
            events += self.send("input_audio_buffer.append", audio=audio)
        return events

    def pass_time(self, seconds):
        self.now += seconds
        self.session.tick(self.now)
        return self.events()

    def events(self):
        """Do what there is to do, and hand over the events; each must be one of the SDK's."""
        while True:
            self.jobs += self.session.take_jobs()
            while self.jobs and not self.is_manual:
                self.do(self.jobs.pop(0))
                self.jobs += self.session.take_jobs()
            if self.session.closing or self.session.deadline > self.now:
                break
            self.session.tick(self.now)
        events = self.session.take_events()
        for event in events:
            EVENT.validate_python(event, strict=True) if is_known(event) else None
        return events

    def do(self, job):
        """Do one job, as the shell would."""
        if isinstance(job, Transcribe):
            self.session.transcribed(job.id, self.words, self.now)
        elif isinstance(job, Generate):
            self.asked.append(job)
            fixed = job.fixed and Answer(tokens.split(job.fixed))
            generated = fixed or self.answer or answer(job.prompt, Corpus([]))
            self.session.generated(job.response_id, generated, self.now)
        elif isinstance(job, Synthesize):
            self.session.synthesized(job.response_id, loud(50 * len(job.text)), self.now)


def is_known(event):
    return event.get("type") not in (None, "never.heard")


def types(events):
    return [event["type"] for event in events]


def update(**session):
    return {"session": {"type": "realtime", **session}}


def user(text, **fields):
    content = [{"type": "input_text", "text": text}]
    return {"item": {"type": "message", "role": "user", "content": content, **fields}}


TEXT_TURN = """response.created response.output_item.added conversation.item.added
response.content_part.added response.output_text.delta response.output_text.done
response.content_part.done conversation.item.done response.output_item.done response.done
rate_limits.updated""".split()


def without_repeats(events):
    """The types, each delta once where two kinds alternate."""
    kept, seen = [], set()
    for kind in types(events):
        if kind not in seen:
            kept.append(kind)
        if kind.endswith(".delta"):
            seen.add(kind)
    return kept


def of(events, kind):
    return [event for event in events if event["type"] == kind]


def joined(events, kind):
    return "".join(event["delta"] for event in of(events, kind))
