# sleeps where it should wait for an event
import os
import time

import r2_turns as m


def det(cn, s):
    cn.session.update(
        session={
            "type": "realtime",
            "audio": {
                "input": {
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": m.CALL["threshold"],
                        "prefix_padding_ms": m.CALL["prefix_padding_ms"],
                        "silence_duration_ms": s,
                        "create_response": True,
                        "interrupt_response": True,
                    }
                }
            },
        }
    )


def push(cn, ps):
    cn.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    for p in ps:
        if len(p) >= 4800:
            m.append(cn, p)
            cn.input_audio_buffer.commit()
            cn.response.create()
            time.sleep(0.5)
    os._exit(0)  # it would wait for what it has not read


m.detect = det
m.push_to_talk = push
m.wait_for = lambda *a: time.sleep(0.5)
m.main()
