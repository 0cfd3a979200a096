"""A sound server of its own for real devices without hardware: PulseAudio with two null sinks.

What is played to the default output arrives in the sink `speaker`, which can be recorded. What is
played into the sink `mic` is what the default input records. ALSA, which PortAudio opens, is led to
that server by a configuration of its own. Nothing of the user's own sound system is touched.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("pulseaudio", "pactl", "paplay", "parec")
RATE_HZ = 24_000
ALSA = "/usr/share/alsa/alsa.conf"
TO_PULSE = f"<{ALSA}>\npcm.!default {{ type pulse }}\nctl.!default {{ type pulse }}\n"


class PulseServer:
    """A running server; `variables` lead a program to it."""

    def __init__(self, folder):
        """Skips the test where PulseAudio isn't installed."""
        missing = [name for name in PROGRAMS if shutil.which(name) is None]
        if missing or not Path(ALSA).is_file():
            pytest.skip(f"no PulseAudio: {', '.join(missing) or ALSA} is missing")
        configuration = folder / "asound.conf"
        configuration.write_text(TO_PULSE)
        self.variables = {
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_STATE_PATH": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
            "PULSE_COOKIE": str(folder / "cookie"),
            "ALSA_CONFIG_PATH": str(configuration),
            "HOME": str(folder),
        }

    def __enter__(self):
        sinks = [
            f"module-null-sink sink_name={name} rate={rate} channels=1 norewinds=1"
            for name, rate in (("speaker", RATE_HZ), ("mic", RATE_HZ))
        ]
        modules = [f"module-native-protocol-unix socket={self.socket}", *sinks]
        loads = [word for module in modules for word in ("-L", module)]
        quiet = ("--realtime=no", "--high-priority=no", "--daemonize=no", "--log-target=stderr")
        self._server = subprocess.Popen(
            ["pulseaudio", "-n", "--exit-idle-time=-1", *quiet, *loads],
            env=os.environ | self.variables,
            stderr=subprocess.DEVNULL,
        )
        self._until_ready()
        self.control("set-default-sink", "speaker")
        self.control("set-default-source", "mic.monitor")
        return self

    def __exit__(self, *_):
        self._server.terminate()
        self._server.wait(10)

    @property
    def socket(self):
        return self.variables["PULSE_SERVER"].removeprefix("unix:")

    def control(self, *words):
        """A command of `pactl`."""
        return self._run("pactl", *words)

    def say(self, pcm):
        """Let the microphone hear this sound, 24 kHz, while the test goes on; the process."""
        form = ("--raw", f"--rate={RATE_HZ}", "--channels=1", "--format=s16le")
        player = self._start("paplay", "-d", "mic", "--latency-msec=20", *form, stdin=-1)
        player.stdin.write(pcm)
        player.stdin.close()
        return player

    @contextmanager
    def recorded(self, sink="speaker"):
        """Record what a sink plays, in real time: a SinkRecording."""
        form = (f"--rate={RATE_HZ}", "--channels=1", "--format=s16le", "--latency-msec=5")
        with tempfile.TemporaryFile() as file:
            recorder = self._start("parec", "-d", f"{sink}.monitor", *form, "--raw", stdout=file)
            recording = SinkRecording(file)
            try:
                recording.until(lambda pcm: pcm)
                yield recording
            finally:
                recorder.send_signal(signal.SIGINT)
                recorder.wait(10)
                recording.keep()

    def _until_ready(self):
        for _ in range(200):
            if Path(self.socket).exists() and self._run("pactl", "info") is not None:
                return
            time.sleep(0.05)
        pytest.skip("PulseAudio did not start")

    def _run(self, *command):
        done = subprocess.run(
            command, env=os.environ | self.variables, capture_output=True, text=True, timeout=20
        )
        return done.stdout if done.returncode == 0 else None

    def _start(self, *command, **options):
        quiet = {"stderr": subprocess.DEVNULL, "env": os.environ | self.variables}
        return subprocess.Popen(command, **quiet, **options)


class SinkRecording:
    """What a sink has played since the recording began: 24 kHz, 16 bits, one channel."""

    def __init__(self, file):
        self._file = file
        self._kept = None

    def keep(self):
        """Hold what there is, as the file is about to be closed."""
        self._kept = self.pcm

    @property
    def pcm(self):
        if self._kept is not None:
            return self._kept
        size = os.fstat(self._file.fileno()).st_size // 2 * 2
        return os.pread(self._file.fileno(), size, 0)

    def until(self, is_there, timeout_s=10.0):
        """Wait until the recording meets a condition."""
        last = time.monotonic() + timeout_s
        while not is_there(self.pcm):
            assert time.monotonic() < last, "the sink did not play it"
            time.sleep(0.01)


@contextmanager
def pulse_server():
    """A server in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="pulse") as folder:
        with PulseServer(Path(folder)) as server:
            yield server
