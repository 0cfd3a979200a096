"""Waits for the second event, whatever it is: an error would be taken for a confirmation."""

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
    cn.recv()
    cn.recv()


m.configure = conf
m.main()
