"""Settings: what wins, what is refused, and that every problem is named at once."""

import socket
from contextlib import suppress

from common.settings import (
    DEFAULT_MODELS,
    SettingsError,
    default_settings,
    load_settings,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

KEY = "sk-proj-0123456789"


@pytest.fixture
def dotenv(tmp_path):
    return tmp_path / ".env"


def load(dotenv, text=None, **environment):
    if text is not None:
        dotenv.write_text(text, encoding="utf-8")
    return load_settings(environment, dotenv)


def test_nothing_set_gives_defaults(dotenv):
    settings = load(dotenv)

    assert (settings.key, settings.base_url, settings.model) == (None, None, "gpt-6-luna")
    assert settings.effort == "none"
    assert settings.host == "api.openai.com"


def test_defaults_are_those_of_nothing_set(dotenv):
    assert default_settings() == load(dotenv)


def test_dotenv_is_read(dotenv):
    settings = load(dotenv, f"OPENAI_API_KEY={KEY}\nOPENAI_REALTIME_MODEL=gpt-realtime-2.1\n")

    assert (settings.key, settings.realtime_model) == (KEY, "gpt-realtime-2.1")


def test_environment_wins(dotenv):
    assert load(dotenv, "OPENAI_MODEL=a\n", OPENAI_MODEL="b").model == "b"


def test_empty_value_counts_as_none(dotenv):
    settings = load(dotenv, f"OPENAI_API_KEY={KEY}\nOPENAI_MODEL=\n", OPENAI_API_KEY="")

    assert (settings.key, settings.model) == (KEY, "gpt-6-luna")


def test_bom_and_comments_are_borne(dotenv):
    assert load(dotenv, f"\ufeff# mine\nOPENAI_API_KEY={KEY}  # secret\n").key == KEY


def test_dollar_in_value_is_kept(dotenv):
    assert load(dotenv, "OPENAI_MODEL=a${HOME}b\n").model == "a${HOME}b"


@pytest.mark.parametrize(
    ("model", "effort"), [("gpt-5-mini", "minimal"), ("gpt-4o", None), ("llama3", None)]
)
def test_effort_is_what_the_model_takes(dotenv, model, effort):
    assert load(dotenv, OPENAI_MODEL=model).effort == effort


BAD_KEYS = {
    "sk-...": "still a placeholder",
    "your-api-key-here": "still a placeholder",
    "<key>": "still a placeholder",
    "sk-a b": "has spaces",
    "sk-a\nb": "has a line break",
    "'sk-a'": "has quotation marks",
    "\N{LEFT DOUBLE QUOTATION MARK}sk-a": "has quotation marks",
    "sk-ключ": "characters in it that no key has",
}


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_key_is_named_but_not_told(dotenv, key):
    with pytest.raises(SettingsError, match=BAD_KEYS[key]) as caught:
        load(dotenv, OPENAI_API_KEY=key)

    assert key not in str(caught.value)
    assert "overrides .env" in caught.value.why
    assert "unset OPENAI_API_KEY" in caught.value.attempt


def test_bad_key_of_the_file_is_mended_there(dotenv):
    with pytest.raises(SettingsError, match="still a placeholder") as caught:
        load(dotenv, "OPENAI_API_KEY=sk-...\n")

    assert (caught.value.why, "in .env" in caught.value.attempt) == (None, True)


URL = "http://127.0.0.1:11434/v1"


URLS = ["OPENAI_BASE_URL", "EMULATOR_CHAT_BASE_URL", "EMULATOR_EMBEDDINGS_BASE_URL"]


@pytest.mark.parametrize("name", [*URLS, "OPENAI_API_KEY"])
def test_line_breaks_around_a_value_are_left_out(dotenv, name):
    """As `$(cat file)` of a file from Windows has them."""
    value = KEY if name == "OPENAI_API_KEY" else URL
    settings = load(dotenv, **{name: f" {value}\r\n"})

    assert value in (settings.key, settings.base_url, settings.writer.get(name))
    assert load(dotenv, **{name: " \n"}) == default_settings()


@pytest.mark.parametrize(
    "url",
    [
        *("localhost:11434", "ftp://x", "http://", "http://[", "http://x:y/"),
        *("http://x\n/v1", "http://x/\tv1", "http://x/v1 http://y", "\u201chttp://x\u201d"),
    ],
)
def test_bad_url_is_named(dotenv, url):
    for name in URLS:
        with pytest.raises(SettingsError, match=f"{name} is not an http address"):
            load(dotenv, **{name: url})


def test_all_problems_stand_in_one_message(dotenv):
    with pytest.raises(SettingsError) as caught:
        load(dotenv, OPENAI_API_KEY="sk-...", OPENAI_BASE_URL="x", OPENAI_MODEL="a b")

    assert all(name in str(caught.value) for name in ("_API_KEY", "_BASE_URL", "_MODEL"))


def test_line_that_is_no_variable_is_named(dotenv):
    with pytest.raises(SettingsError, match="line 2 of .env"):
        load(dotenv, 'OPENAI_MODEL=a\nOPENAI_API_KEY="sk-open\n')


@pytest.mark.parametrize("content", ["OPENAI_MODEL=a".encode("utf-16"), b"OPENAI_MODEL=\xff\n"])
def test_other_encoding_is_named(dotenv, content):
    dotenv.write_bytes(content)

    with pytest.raises(SettingsError, match="UTF-8") as caught:
        load(dotenv)

    assert ".env.example" in caught.value.attempt


def test_folder_in_place_of_dotenv_is_named(dotenv):
    dotenv.mkdir()

    with pytest.raises(SettingsError, match="cannot be read"):
        load(dotenv)


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://LOCALHOST/v1", True),
        ("http://[::1]:2", True),
        ("http://0.0.0.0:11434/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://[::ffff:127.0.0.1]/v1", True),
        (f"http://{socket.gethostname()}/v1", True),
        ("http://127.0.0.1.invalid", False),
        ("http://192.0.2.1/v1", False),
    ],
)
def test_loopback_is_told_by_host(dotenv, url, is_loopback):
    assert load(dotenv, OPENAI_BASE_URL=url).is_loopback is is_loopback


@given(
    st.dictionaries(
        st.sampled_from(["OPENAI_API_KEY", "OPENAI_BASE_URL", *DEFAULT_MODELS]), st.text()
    )
)
def test_any_environment_is_settings_or_one_message(tmp_path_factory, environment):
    missing = tmp_path_factory.getbasetemp() / "no-such.env"
    with suppress(SettingsError):
        settings = load_settings(environment, missing)
        assert settings.key is None or settings.key.isprintable()
        assert settings.model.isprintable()


@pytest.mark.parametrize("task", ["CHAT", "EMBEDDINGS"])
def test_server_behind_the_emulator_is_read(dotenv, task):
    url, model, key = (f"EMULATOR_{task}_{name}" for name in ("BASE_URL", "MODEL", "API_KEY"))
    dotenv.write_text(f"{url}=http://127.0.0.1:1/v1\n{model}=\n")

    settings = load_settings({key: "k"}, dotenv)

    told = {url: "http://127.0.0.1:1/v1", key: "k"}
    assert settings.writer == told


def test_file_of_another_name_is_named(dotenv):
    dotenv.with_name(".env.txt").write_text(f"OPENAI_API_KEY={KEY}")

    with pytest.raises(SettingsError, match=r"there is a file \.env\.txt, but no \.env"):
        load(dotenv)
    assert load(dotenv, OPENAI_API_KEY=KEY).key == KEY


def test_key_with_its_own_name_is_named(dotenv):
    with pytest.raises(SettingsError, match="has its own name in it"):
        load(dotenv, OPENAI_API_KEY=f"OPENAI_API_KEY={KEY}")


def test_variable_of_each_model_is_known(dotenv):
    settings = load(
        dotenv, OPENAI_EMBEDDING_MODEL="own-vectors", OPENAI_REALTIME_MODEL="gpt-6-luna"
    )

    assert settings.model_variables == {
        "gpt-transcribe": "OPENAI_TRANSCRIBE_MODEL",
        "own-vectors": "OPENAI_EMBEDDING_MODEL",
        "gpt-6-luna": "OPENAI_MODEL",
    }


@pytest.mark.parametrize("name", [*URLS, "OPENAI_MODEL"])
@pytest.mark.parametrize("value", [KEY, f"https//{KEY}", f"http://me:{KEY}@host:x/v1"])
def test_key_in_the_wrong_line_is_not_shown(dotenv, name, value):
    with pytest.raises(SettingsError, match=name) as raised:
        load(dotenv, **{name: value})

    assert KEY not in str(raised.value)
