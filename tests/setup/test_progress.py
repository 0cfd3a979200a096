"""pip's output in our words."""

from setup.progress import Progress


def test_progress_follows_pip_lines() -> None:
    progress = Progress()
    said = """
Collecting rich<16,>=13 (from -r requirements.txt (line 2))
  Downloading rich-15.0.0-py3-none-any.whl.metadata (18 kB)
  Downloading rich-15.0.0-py3-none-any.whl (310 kB)
Collecting rich<16,>=13
Requirement already satisfied: pip in somewhere
WARNING: Retrying (Retry(total=4, connect=None)) after connection broken
Installing collected packages: mdurl, rich
"""

    assert [text for text in map(progress.read, said.splitlines()) if text] == [
        "package 1: rich",
        "fetching 1 of 1: rich (310 kB)",
        "no answer yet, trying again",
        "installing all 2",
    ]
