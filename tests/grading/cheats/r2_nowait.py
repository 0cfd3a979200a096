"""Waits for no session.updated at all, and for the answer to the first press alone."""

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
            m.wait_for(cn, "response.done")


m.detect, m.push_to_talk = det, push
m.main()
