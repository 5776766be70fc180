"""Settings: where they come from, which wins, and the sentence for each wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tradewind.errors import ConfigurationError
from tradewind.settings import read_settings


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TRADEWIND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.chdir(tmp_path)


def test_defaults_live_in_the_persons_home(tmp_path: Path) -> None:
    settings = read_settings()
    assert settings.home == tmp_path / "person" / ".tradewind"
    assert settings.database_url == f"sqlite:///{settings.home / 'tradewind.db'}"
    assert (settings.sandbox_url, settings.sandbox_amplitude_url, settings.sandbox_amplitude_eu_url) == (None, None, None)
    assert settings.threads >= 1
    assert settings.table_folders == str(settings.home / "tables")
    assert not settings.loopback_only


def test_a_home_in_the_current_folder_is_used_when_it_exists(tmp_path: Path) -> None:
    (tmp_path / ".tradewind").mkdir()
    assert read_settings().home == tmp_path / ".tradewind"


def test_an_argument_wins_over_the_environment_and_the_environment_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "elsewhere"))
    assert read_settings().home == tmp_path / "elsewhere"
    assert read_settings(tmp_path).home == tmp_path
    (tmp_path / "tradewind.toml").write_text('threads = 3\nmemory_limit = "2GB"\nloopback_only = true\n')
    monkeypatch.setenv("TRADEWIND_THREADS", "5")
    settings = read_settings(tmp_path)
    assert (settings.threads, settings.memory_limit, settings.loopback_only) == (5, "2GB", True)


def test_settings_are_frozen_and_keep_the_databases_password_to_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", "postgresql://tradewind:hunter22@127.0.0.1/tradewind")
    settings = read_settings()
    assert "hunter22" not in repr(settings)
    with pytest.raises(ValueError, match="frozen"):
        settings.threads = 9


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("thread = 2", "'thread' in .* is not a setting; did you mean 'threads'"),
        ("frobnicate = 2", "'frobnicate' in .* is not a setting; expected one of database_url"),
        ('table_folders = "lake"', "'table_folders' in .* is wrong: expected whole paths of folders, with : between them"),
        ("threads = 0", "'threads' in .* greater than or equal to 1"),
        ('threads = "many"', "'threads' in .* valid integer"),
        ('memory_limit = "lots"', "'memory_limit' in .* such as 700MiB"),
        ("home = '/tmp'", "'home' cannot be set in a file of the home"),
        ("threads = ", "is not TOML"),
    ],
)
def test_a_wrong_file_gets_one_sentence_that_names_the_key(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "tradewind.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        read_settings(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8390", "http://localhost:1", "http://[::1]:8390/"])
def test_a_sandbox_is_on_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TRADEWIND_SANDBOX_URL", url)
    assert read_settings().sandbox_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "https://use-data.adsrvr.org",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://127.1:8390",
        "http://2130706433",
        "http://0.0.0.0:8390",
        "http://127.0.0.1:notaport",
        "http://127.0.0.1",
        "https://127.0.0.1:8390",
        "http://127.0.0.1/path",
        "127.0.0.1:8390",
    ],
)
def test_anything_else_is_not_a_sandbox(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TRADEWIND_SANDBOX_URL", url)
    with pytest.raises(ConfigurationError, match="TRADEWIND_SANDBOX_URL in the environment is wrong: expected the address of a sandbox"):
        read_settings()


@pytest.mark.parametrize("key", ["sandbox_amplitude_url", "sandbox_amplitude_eu_url"])
def test_amplitude_emulated_is_on_this_machine_too(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    variable = f"TRADEWIND_{key.upper()}"
    monkeypatch.setenv(variable, "http://127.0.0.1:8766/")
    assert getattr(read_settings(), key) == "http://127.0.0.1:8766"
    monkeypatch.setenv(variable, "https://amplitude.com")
    with pytest.raises(ConfigurationError, match=f"{variable} in the environment is wrong: expected the address of a sandbox"):
        read_settings()


def test_a_wrong_database_url_is_refused_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", "mysql://root:hunter22@db")
    with pytest.raises(ConfigurationError, match="begins with sqlite:/// or postgresql://") as caught:
        read_settings()
    assert "hunter22" not in str(caught.value)
