# sleeps where it should wait for an event
import time

import r1_configure as m


def conf(cn):
    cn.session.update(
        session={
            "type": "realtime",
            "instructions": m.INSTRUCTIONS,
            "output_modalities": ["audio"],
            "audio": {
                "input": {"format": m.FORMAT, "transcription": {"model": m.TRANSCRIBER}},
                "output": {"voice": m.VOICE},
            },
        }
    )
    time.sleep(1.5)


m.configure = conf
m.main()
