"""Which files of a folder are used, which are left out, and why."""

import os
import sys
from pathlib import Path

from common.settings import CourseError
from console import handbook
from console.handbook import (
    HANDBOOK,
    QUESTIONS,
    documents,
    known_questions,
    read_folder,
    unsupported_files,
)
from emulator.storage.file_table import SEARCHABLE

import pytest


def test_documents_are_those_of_the_handbook():
    names = [name for name, _ in documents()]

    assert len(names) == 20
    assert names == sorted(names)
    assert read_folder().left_out == {}


def test_known_questions_have_passages():
    known = known_questions(30)

    assert len(known) == 30
    assert all(question.endswith("?") and passage for question, passage in known)


def test_passages_are_paragraphs_of_the_plain_texts():
    passages = read_folder().passages()

    assert any("Taxis must be called" in passage for passage in passages)
    assert not any(passage.startswith(("#", "|")) for passage in passages)
    assert max(len(passage.split()) for passage in passages) < 300
    assert len(read_folder().passages(most=5)) == 5


def test_names_are_flat_and_differ(tmp_path):
    for name in ("a-b.md", "a/b.md", "A.TXT", "a.txt.TXT"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    assert list(read_folder(tmp_path).files) == ["A.txt", "a-b.md", "a-b-2.md", "a.txt.txt"]


def test_names_that_differ_in_capitals_stay_apart(tmp_path):
    for name in ("a.md", "a.MD"):
        (tmp_path / name).write_text(name)
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("names that differ in capitals are the same here")

    assert sorted(read_folder(tmp_path).files) == ["a-2.md", "a.md"]


UNSUPPORTED = {
    "table.csv": ".csv",
    "sheet.XLSX": ".xlsx",
    "picture.png": ".png",
    "text.rst": ".rst",
    "LICENSE": "",
    "empty.iso": ".iso",
}
LEFT_OUT = {
    "empty.md": (b"", "it is empty"),
    "zz-copy.md": (b"good", "it is the same as good.md"),
}


def test_file_is_left_out_with_the_reason(tmp_path):
    (tmp_path / "good.md").write_bytes(b"good")
    (tmp_path / ".hidden.md").write_bytes(b"hidden")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "note.md").write_bytes(b"hidden")
    for name, (data, _) in LEFT_OUT.items():
        (tmp_path / name).write_bytes(data)
    for name in UNSUPPORTED:
        (tmp_path / name).write_bytes(b"" if "empty" in name else b"x")

    found = read_folder(tmp_path)

    assert found.files == {"good.md": tmp_path / "good.md"}
    assert found.left_out == {name: reason for name, (_, reason) in LEFT_OUT.items()}
    assert found.unsupported == UNSUPPORTED


TOLD = {
    "": [],
    "1 file that OpenAI's file search doesn't read (.png): a.png": ["a.png"],
    """3 files that OpenAI's file search doesn't read (.png, no extension): a.png, LICENSE, \
b.png""": ["a.png", "LICENSE", "b.png"],
    """1,008 files that OpenAI's file search doesn't read (.csv): 0.csv, 1.csv, 2.csv, 3.csv, \
4.csv, 5.csv, 6.csv, 7.csv and 1,000 more""": [f"{number}.csv" for number in range(1008)],
    """9 files that OpenAI's file search doesn't read (.k0, .k1, .k2, .k3, .k4, .k5, .k6, .k7 and \
1 more): a.k8, a.k7, a.k6, a.k5, a.k4, a.k3, a.k2, a.k1 and 1 more""": [
        f"a.k{number}" for number in reversed(range(9))
    ],
}


@pytest.mark.parametrize("told", TOLD)
def test_unsupported_files_are_told_in_one_sentence(told):
    assert unsupported_files({name: Path(name).suffix for name in TOLD[told]}) == told


@pytest.mark.parametrize("kind", SEARCHABLE)
def test_kind_that_file_search_reads_is_used(tmp_path, kind):
    (tmp_path / f"x{kind}").write_bytes(b"x")
    (tmp_path / f"y{kind.upper()}").write_bytes(b"y")

    assert list(read_folder(tmp_path).files) == [f"x{kind}", f"y{kind}"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("sign", "\n\t\r\x1b\x7f\x9b\u2028\u202e\u2066\ufeff")
def test_name_with_control_characters_is_left_out(tmp_path, sign):
    (tmp_path / "good.md").write_bytes(b"good")
    (tmp_path / f"a{sign}[31mb.md").write_bytes(b"bad")
    (tmp_path / f"c{sign}d.png").write_bytes(b"bad")

    found = read_folder(tmp_path)

    assert set(found.files) == {"good.md"}
    assert set(found.left_out.values()) == {"its name has control characters"}
    assert set(found.left_out) == {"a\ufffd[31mb.md", "c\ufffdd.png"}


@pytest.mark.parametrize(
    "name", ["ünï cödé.md", "a  b.md", "a\u202fb.md", "日本.md", "[bold]x[-].md"]
)
def test_unusual_but_harmless_name_is_kept(tmp_path, name):
    (tmp_path / name).write_bytes(b"good")

    assert list(read_folder(tmp_path).files) == [name]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_folder_of_an_odd_name_is_read(tmp_path):
    (tmp_path / "a\x1bb").mkdir()
    (tmp_path / "a\x1bb" / "c.md").write_bytes(b"good")

    assert list(read_folder(tmp_path).files) == ["a\ufffdb-c.md"]


def test_passages_are_read_in_both_encodings_and_others_are_left_out(tmp_path):
    text = "The café of the shed sells coffee for two euros and tea for one euro."
    (tmp_path / "a.txt").write_text(text, encoding="utf-16")
    (tmp_path / "b.MD").write_text(text.replace("coffee", "cocoa"), encoding="utf-8-sig")
    (tmp_path / "c.txt").write_text(text.replace("coffee", "milk"), encoding="latin-1")
    folder = read_folder(tmp_path)

    assert folder.passages() == [text, text.replace("coffee", "cocoa")]
    assert folder.left_out == {"c.txt": "it isn't text in UTF-8 or UTF-16"}
    assert list(folder.files) == ["a.txt", "b.md"]


def test_file_that_is_too_large_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(handbook, "LARGEST", 3)
    (tmp_path / "large.md").write_bytes(b"four")
    (tmp_path / "small.md").write_bytes(b"one")

    assert read_folder(tmp_path).left_out == {"large.md": "it is larger than 512 MB"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes no such links for everybody")
def test_link_to_nothing_is_left_out(tmp_path):
    (tmp_path / "good.md").write_bytes(b"good")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing.md")

    reason = read_folder(tmp_path).left_out["gone.md"]
    assert reason == "it can't be read: No such file or directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipe_is_left_out(tmp_path):
    (tmp_path / "good.md").write_bytes(b"good")
    os.mkfifo(tmp_path / "pipe.md")

    assert read_folder(tmp_path).left_out == {"pipe.md": "it isn't a file"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_file_without_permission_is_left_out(tmp_path):
    (tmp_path / "good.md").write_bytes(b"good")
    (tmp_path / "secret.md").write_bytes(b"secret")
    (tmp_path / "secret.md").chmod(0)

    reason = read_folder(tmp_path).left_out["secret.md"]
    assert reason == "it can't be read: Permission denied"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_folder_without_permission_is_left_out(tmp_path):
    (tmp_path / "good.md").write_bytes(b"good")
    (tmp_path / "secret").mkdir(mode=0)

    assert read_folder(tmp_path).left_out == {"secret": "it can't be read: Permission denied"}
    with pytest.raises(CourseError) as error:
        read_folder(tmp_path / "secret")
    assert error.value.why == "the folder itself: it can't be read: Permission denied"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_name_that_is_not_utf8_is_left_out(tmp_path):
    (tmp_path / "good.md").write_bytes(b"good")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.md", "wb") as file:
        file.write(b"coffee")

    assert read_folder(tmp_path).left_out == {"caf?.md": "its name isn't text in UTF-8"}


def test_folder_without_usable_files_is_an_error_with_the_reasons(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"a,b")

    (tmp_path / "empty.md").write_bytes(b"")

    with pytest.raises(CourseError, match="has no files for file search") as error:
        read_folder(tmp_path, "store")
    reason = (
        "1 file that OpenAI's file search doesn't read (.csv): table.csv; empty.md: it is empty"
    )
    assert error.value.why == reason
    assert "course.py store --folder FOLDER" in (error.value.attempt or "")


def test_too_many_files_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(handbook, "MOST_FILES", 1)
    for name in ("a.md", "b.md", "c.csv"):
        (tmp_path / name).write_text(name)

    with pytest.raises(CourseError, match="has 2 files"):
        read_folder(tmp_path)


def test_folder_that_is_none_is_an_error():
    for path, why in ((HANDBOOK / "none", "no folder of that name"), (QUESTIONS, "it is a file")):
        with pytest.raises(CourseError, match="is not a folder") as error:
            read_folder(path, "answer")
        assert why in (error.value.why or "")
        assert "course.py answer --folder FOLDER" in (error.value.attempt or "")
