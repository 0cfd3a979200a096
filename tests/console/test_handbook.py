"""Which files of a folder are used, which are left out, and why."""

import os
import sys

from common.settings import CourseError
from console import handbook
from console.handbook import HANDBOOK, documents, known_questions, read_folder

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
    for name in ("a-b.md", "a/b.md", "A.TXT"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    assert list(read_folder(tmp_path).files) == ["A.TXT", "a-b.md", "a-b-2.md"]


LEFT_OUT = {
    "table.csv": (b"a,b", "file search doesn't read .csv files"),
    "sheet.XLSX": (b"PK", "file search doesn't read .xlsx files"),
    "picture.png": (b"\x89PNG", "file search doesn't read .png files"),
    "text.rst": (b"text", "file search doesn't read .rst files"),
    "LICENSE": (b"MIT", "its name has no extension"),
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

    found = read_folder(tmp_path)

    assert found.files == {"good.md": tmp_path / "good.md"}
    assert found.left_out == {name: reason for name, (_, reason) in LEFT_OUT.items()}


@pytest.mark.parametrize("kind", ["md", "txt", "html", "json", "pdf", "docx", "pptx", "py", "tex"])
def test_kind_that_file_search_reads_is_used(tmp_path, kind):
    (tmp_path / f"x.{kind}").write_bytes(b"x")

    assert list(read_folder(tmp_path).files) == [f"x.{kind}"]


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


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_name_that_is_not_utf8_is_left_out(tmp_path):
    (tmp_path / "good.md").write_bytes(b"good")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.md", "wb") as file:
        file.write(b"coffee")

    assert read_folder(tmp_path).left_out == {"caf?.md": "its name isn't text in UTF-8"}


def test_folder_without_usable_files_is_an_error_with_the_reasons(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"a,b")

    with pytest.raises(CourseError, match="has no files for file search") as error:
        read_folder(tmp_path)
    assert error.value.why == "table.csv: file search doesn't read .csv files"


def test_too_many_files_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(handbook, "MOST_FILES", 1)
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(name)

    with pytest.raises(CourseError, match="has 2 files"):
        read_folder(tmp_path)


def test_folder_that_is_none_is_an_error():
    with pytest.raises(CourseError, match="is not a folder"):
        read_folder(HANDBOOK / "none")
