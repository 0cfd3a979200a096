"""Sound devices without hardware: a PulseAudio of its own with two null sinks.

What is played to the default output arrives in the sink `speaker`, where it can be recorded. What
is played into the sink `mic` is what the default input hears. ALSA, which PortAudio opens, is led
there by a configuration file of its own. Nothing of the user's sound system is touched.

The option `norewinds` keeps the sinks from rendering two seconds ahead. With it they behave as
a card does.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Self

PROGRAMS = ("pulseaudio", "pactl", "paplay", "parec")
RATE_HZ = 24_000
FORM = (f"--rate={RATE_HZ}", "--channels=1", "--format=s16le", "--raw")
ALSA = "/usr/share/alsa/alsa.conf"
TO_PULSE = f"<{ALSA}>\npcm.!default {{ type pulse }}\nctl.!default {{ type pulse }}\n"


class PulseServer:
    """A running server; `variables` of the environment lead a program to it."""

    def __init__(self, folder: Path) -> None:
        """`folder` must be private. Raises FileNotFoundError where PulseAudio isn't installed."""
        missing = [name for name in PROGRAMS if shutil.which(name) is None]
        if missing or not Path(ALSA).is_file():
            raise FileNotFoundError(f"PulseAudio is not installed: no {', '.join(missing) or ALSA}")
        configuration = folder / "asound.conf"
        configuration.write_text(TO_PULSE)
        self.socket = folder / "native"
        self._players: list[subprocess.Popen[bytes]] = []
        self.variables = {
            **dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"), str(folder)),
            **dict.fromkeys(("PULSE_RUNTIME_PATH", "PULSE_STATE_PATH"), str(folder)),
            "PULSE_SERVER": f"unix:{self.socket}",
            "PULSE_COOKIE": str(folder / "cookie"),
            "ALSA_CONFIG_PATH": str(configuration),
        }

    def __enter__(self) -> Self:
        modules = [
            f"module-native-protocol-unix socket={self.socket}",
            *(
                f"module-null-sink sink_name={name} rate={RATE_HZ} channels=1 norewinds=1"
                for name in ("speaker", "mic")
            ),
        ]
        loads = [word for module in modules for word in ("-L", module)]
        options = ("-n", "--exit-idle-time=-1", "--realtime=no", "--high-priority=yes")
        self._server = self._start("pulseaudio", *options, "--daemonize=no", *loads)
        try:
            self._until_ready()
            self.listen_to("mic")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self._players, self._server):
            process.terminate()
            process.wait(10)

    def crash(self) -> None:
        """End at once, without a word to those who are connected."""
        self._server.kill()
        self._server.wait(10)

    def listen_to(self, sink: str) -> None:
        """Let the default input hear this sink: "speaker" makes a loop of output and input."""
        self.control("set-default-sink", "speaker")
        self.control("set-default-source", f"{sink}.monitor")

    def control(self, *words: str) -> str:
        """A command of `pactl`; its output."""
        command = ("pactl", *words)
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=20, check=True
        ).stdout

    def say(self, pcm: bytes) -> None:
        """Let the microphone hear this sound of 24 kHz; returns at once."""
        with tempfile.TemporaryFile() as file:
            file.write(pcm)
            file.seek(0)
            command = ("paplay", "-d", "mic", "--latency-msec=20", *FORM)
            self._players.append(self._start(*command, stdin=file))

    def until_said(self) -> None:
        """Wait until all that `say` was given is said."""
        while self._players:
            self._players.pop().wait(60)

    @contextmanager
    def recorded(self, sink: str = "speaker") -> Iterator["SinkRecording"]:
        """Record what a sink plays from now on."""
        with tempfile.TemporaryFile() as file:
            source = ("-d", f"{sink}.monitor", "--latency-msec=5")
            recorder = self._start("parec", *source, *FORM, stdout=file)
            recording = SinkRecording(file)
            try:
                recording.until(lambda pcm: len(pcm) > 0)
                yield recording
            finally:
                recorder.send_signal(signal.SIGINT)
                recorder.wait(10)
                recording.keep()

    @property
    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | self.variables

    def _until_ready(self) -> None:
        for _ in range(200):
            if self.socket.exists():
                try:
                    self.control("info")
                    return
                except subprocess.CalledProcessError:
                    pass
            time.sleep(0.05)
        raise TimeoutError("PulseAudio did not start within 10 seconds")

    def _start(
        self,
        *command: str,
        stdin: BinaryIO | int = subprocess.DEVNULL,
        stdout: BinaryIO | int = subprocess.DEVNULL,
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            env=self._environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )


class SinkRecording:
    """What a sink has played since the recording began: 24 kHz, 16 bits, one channel."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._kept: bytes | None = None

    @property
    def size(self) -> int:
        """Samples that have been recorded by now."""
        return os.fstat(self._file.fileno()).st_size // 2

    @property
    def pcm(self) -> bytes:
        if self._kept is not None:
            return self._kept
        return os.pread(self._file.fileno(), 2 * self.size, 0)

    def keep(self) -> None:
        """Hold what there is, as the file is about to be closed."""
        self._kept = self.pcm

    def until(self, is_there: Callable[[bytes], bool], timeout_s: float = 10.0) -> None:
        """Wait until the recording meets a condition. Raises TimeoutError."""
        last = time.monotonic() + timeout_s
        while not is_there(self.pcm):
            if time.monotonic() > last:
                raise TimeoutError("the sink did not play it")
            time.sleep(0.005)


@contextmanager
def pulse_server() -> Iterator[PulseServer]:
    """A server in a folder of its own, which this process's sound devices lead to meanwhile."""
    with (
        tempfile.TemporaryDirectory(prefix="pulse") as folder,
        PulseServer(Path(folder)) as server,
    ):
        before = dict(os.environ)
        os.environ.update(server.variables)
        try:
            yield server
        finally:
            for name in server.variables:
                os.environ.pop(name)
            os.environ.update({name: before[name] for name in server.variables if name in before})
