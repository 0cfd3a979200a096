"""A Realtime session in the hands of a test: no socket, no clock, no engines."""

import json
import struct
from base64 import b64encode

from emulator.answers.answer import Answer
from emulator.answers.corpus import Corpus
from emulator.answers.reply import answer
from emulator.pace import Pace
from emulator.realtime.jobs import Hear, Say, Think
from emulator.realtime.session import SESSION_S, Session, Voice
from emulator.realtime.session_settings import realtime_session
from emulator.wire import tokens

from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

MODEL = "gpt-realtime-2.1-mini"
EVENT = TypeAdapter(RealtimeServerEvent)


class LoudIsSpeech:
    """A detector that a test can predict: a frame is speech if it is loud."""

    def probability(self, frame):
        samples = struct.unpack(f"<{len(frame) // 2}h", frame)
        return 0.95 if sum(map(abs, samples)) > 2000 * len(samples) else 0.02

    def reset(self):
        pass


def loud(ms):
    """Sound that counts as speech: s16le, 24 kHz."""
    return struct.pack("<24h", *[9000] * 12, *[-9000] * 12) * ms


def quiet(ms):
    return bytes(48 * ms)


class Desk:
    """A session, driven by hand: time is `now`, jobs are done when the test says so.

    Words are heard as `words` says, the answer is `answer`, or what is thought where that is None;
    a sentence sounds for 50 ms a letter.
    """

    def __init__(
        self, told=None, *, pace=0.0, fault_effects=None, lasts_s=SESSION_S, is_manual=False
    ):
        self.now = 100.0
        self.words = "When do you open?"
        self.answer = Answer(tokens.split("At eight. Come early."))
        self.asked = []
        self.is_manual = is_manual
        self.jobs = []
        self.session = Session(
            told or realtime_session(MODEL, "sess_1", 4600),
            Voice(LoudIsSpeech()),
            now=self.now,
            pace=Pace(pace),
            limit=lambda spent: {
                "name": "tokens",
                "limit": 1000,
                "remaining": 1000 - spent,
                "reset_seconds": 0.0,
            },
            lasts_s=lasts_s,
            fault_effects=fault_effects,
        )

    def send(self, kind, /, **fields):
        """One client event; the events that it causes."""
        self.session.receive(json.dumps({"type": kind, **fields}), self.now)
        return self.events()

    def speak(self, *sounds):
        """Append sounds, in pieces of 20 ms."""
        told = []
        pcm = b"".join(sounds)
        for start in range(0, len(pcm), 960):
            audio = b64encode(pcm[start : start + 960]).decode()
            told += self.send("input_audio_buffer.append", audio=audio)
        return told

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
        told = self.session.take_events()
        for event in told:
            EVENT.validate_python(event, strict=True) if is_known(event) else None
        return told

    def do(self, job):
        if isinstance(job, Hear):
            self.session.heard(job.id, self.words, self.now)
        elif isinstance(job, Think):
            self.asked.append(job)
            plain = job.plain and Answer(tokens.split(job.plain))
            thought = plain or self.answer or answer(job.prompt, Corpus([]))
            self.session.thought(job.response_id, thought, self.now)
        elif isinstance(job, Say):
            self.session.said(job.response_id, loud(50 * len(job.text)), self.now)


def is_known(event):
    return event.get("type") not in (None, "never.heard")


def types(events):
    return [event["type"] for event in events]


def update(**session):
    return {"session": {"type": "realtime", **session}}


def user(text, **fields):
    content = [{"type": "input_text", "text": text}]
    return {"item": {"type": "message", "role": "user", "content": content, **fields}}
