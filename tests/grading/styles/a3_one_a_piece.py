# takes at most one sentence out of each piece; plays with a thread of its own
import queue
import re
import threading

import a3_speak_at_once as m

waiting = queue.Queue()


def sentences(chunks):
    t = ""
    for chunk in chunks:
        t += "".join(k.delta.content or "" for k in chunk.choices or [])
        if found := re.match(r"(.*?[.?!])\s+", t):
            yield found[1]
            t = t[found.end() :]
    if t.strip():
        yield t.strip()


def speak(c, s):
    with c.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="marin", input=s, response_format="pcm"
    ) as r:
        for p in r.iter_bytes(4096):
            waiting.put(p)


def playing():
    while (p := waiting.get()) is not None:
        m.play(p)


m.sentences, m.speak = sentences, speak
player = threading.Thread(target=playing)
player.start()
m.main()
waiting.put(None)
player.join()
