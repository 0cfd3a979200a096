"""Sends 100 ms of silence in place of each sentence."""

import base64

import a4_live_captions as m


def caps(c, sounds):
    order, text = [], {}
    with c.realtime.connect(extra_query={"intent": "transcription"}) as cn:
        cn.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "transcription": {"model": "gpt-live-transcribe"},
                        "turn_detection": None,
                    }
                },
            }
        )
        for s in sounds:
            cn.input_audio_buffer.append(audio=base64.b64encode(bytes(4800)).decode())
            cn.input_audio_buffer.commit()
        for e in cn:
            if e.type.endswith("committed"):
                order.append(e.item_id)
            if e.type.endswith("transcription.completed"):
                text[e.item_id] = e.transcript
            if len(text) == 3:
                return [text[i] for i in order]


m.captions = caps
m.main()
