"""Small packages for pip to install, or to fail on."""

import io
import tarfile
import zipfile
from pathlib import Path


def write_wheel(folder: Path, name: str) -> None:
    """Version 1 of a package that has an empty module."""
    info = f"{name}-1.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def write_source(folder: Path, name: str) -> None:
    """Version 1 of a package that has to be compiled, and does not compile."""
    texts = {
        "pyproject.toml": """
            [build-system]
            requires = []
            build-backend = "backend"
            backend-path = ["."]
            """.replace("            ", ""),
        "backend.py": """def build_wheel(*_): raise SystemExit("fatal error: portaudio.h")""",
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
    }
    with tarfile.open(folder / f"{name}-1.tar.gz", "w:gz") as file:
        for path, text in texts.items():
            entry = tarfile.TarInfo(f"{name}-1/{path}")
            entry.size = len(text)
            file.addfile(entry, io.BytesIO(text.encode()))
