# commits one sentence, waits for its words, and only then goes on
import base64

import a4_live_captions as m


def caps(c, sounds):
    out = []
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
            for i in range(0, len(s), 4800):
                cn.input_audio_buffer.append(audio=base64.b64encode(s[i : i + 4800]).decode())
            cn.input_audio_buffer.commit()
            for e in cn:
                if e.type.endswith("transcription.completed"):
                    out.append(e.transcript)
                    break
    return out


m.captions = caps
m.main()
