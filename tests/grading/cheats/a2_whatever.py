"""Takes every failure for the end of the model."""

import a2_who_spoke as m


def tx(c, r):
    try:
        x = c.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=r,
            response_format="diarized_json",
            chunking_strategy="auto",
        )
    except Exception:
        return c.audio.transcriptions.create(model="gpt-transcribe", file=r).text
    out = []
    for s in x.segments:
        if out and out[-1].startswith(s.speaker + ":"):
            out[-1] += " " + s.text.strip()
        else:
            out.append(f"{s.speaker}: {s.text.strip()}")
    return "\n".join(out)


m.transcript = tx
m.main()
