"""Only the first sentence is spoken while the answer is written; the rest waits for its end."""

import re

import a3_speak_at_once as m


def sent(chs):
    t, first = "", True
    for ch in chs:
        for k in ch.choices:
            t += k.delta.content or ""
            if first and (x := re.search(r"[.?] ", t)):
                yield t[: x.start() + 1]
                t, first = t[x.end() :], False
    yield from re.split(r"(?<=[.?]) ", t)


def speak(c, s):
    with c.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="marin", input=s, response_format="pcm"
    ) as r:
        for p in r.iter_bytes():
            m.play(p)


m.sentences, m.speak = sent, speak
m.main()
