"""Sentences in other languages as WAV files, spoken by eSpeak NG; its voices for those are its own.

    python -m tests.support.foreign_speech FOLDER

It runs as a process of its own, since the library keeps one voice for all who use it.
"""

import ctypes
import sys
import wave
from pathlib import Path

SENTENCES = {
    "de": "Guten Abend, hier ist die Sternwarte. Wann möchten Sie uns besuchen?",
    "es": "Buenas noches, quisiera reservar dos plazas para el viernes.",
    "fi": "Hyvää iltaa, haluaisin varata kaksi paikkaa perjantaiksi.",
    "fr": "Le musée est fermé le lundi, mais vous pouvez venir mardi soir.",
    "hi": "संग्रहालय सोमवार को बंद रहता है।",
    "it": "Buonasera, vorrei prenotare due posti per venerdì.",
    "nl": "Goedenavond, ik wil graag twee plaatsen reserveren.",
    "pl": "Dobry wieczór, chciałbym zarezerwować dwa miejsca.",
    "pt": "Gostaria de reservar dois lugares para sexta-feira.",
    "ru": "Музей закрыт по понедельникам, приходите во вторник.",
    "sv": "Museet är stängt på måndagar och på julafton.",
    "tr": "İyi akşamlar, cuma için iki yer ayırtmak istiyorum.",
}
SYNCHRONOUS, UTF8, NO_EXIT = 2, 1, 0x8000
CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def main(folder: Path) -> None:
    """Write `de.wav` and so on."""
    import espeakng_loader

    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(espeakng_loader.get_data_path()).encode()
    rate = espeak.espeak_Initialize(SYNCHRONOUS, 0, data, NO_EXIT)
    pieces: list[bytes] = []

    @CALLBACK
    def keep(samples, count, events):
        if samples and count:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    espeak.espeak_SetSynthCallback(keep)
    for language, sentence in SENTENCES.items():
        pieces.clear()
        espeak.espeak_SetVoiceByName(language.encode())
        text = sentence.encode()
        espeak.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF8, None, None)
        espeak.espeak_Synchronize()
        with wave.open(str(folder / f"{language}.wav"), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(b"".join(pieces))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
