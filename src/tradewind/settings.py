"""Environment and `tradewind.toml` as one frozen Settings, checked when read; only `app.py` reads it.

    setting                   environment                         meaning (default)
    home                      TRADEWIND_HOME                      folder of all files (`./.tradewind` if there is one, else `~/.tradewind`)
    database_url              TRADEWIND_DATABASE_URL              SQLite or PostgreSQL by URL (`tradewind.db` in the home)
    key                       TRADEWIND_KEY                       the key of the vault, as Base64, in place of the home's file `key`
    sandbox_url               TRADEWIND_SANDBOX_URL               a loopback address; offers the region `sandbox` of The Trade Desk (none)
    sandbox_amplitude_url     TRADEWIND_SANDBOX_AMPLITUDE_URL     a loopback address; offers the region `sandbox` of Amplitude (none)
    sandbox_amplitude_eu_url  TRADEWIND_SANDBOX_AMPLITUDE_EU_URL  a loopback address; offers the region `sandbox-eu` of Amplitude (none)
    smtp_url                  TRADEWIND_SMTP_URL                  the mail server for alerts, smtp:// or smtps:// (none)
    mail_from                 TRADEWIND_MAIL_FROM                 the sender of that mail (tradewind@localhost)
    memory_limit              TRADEWIND_MEMORY_LIMIT              what DuckDB may use, in the whole process (700MiB)
    preview_memory            TRADEWIND_PREVIEW_MEMORY            what previews may use beside that, of those who write cohorts (512MiB)
    threads                   TRADEWIND_THREADS                   threads of DuckDB (the processors this process may use)
    table_folders             TRADEWIND_TABLE_FOLDERS             folders in which files of tables may lie, by : (`tables` in the home)
    ca_file                   TRADEWIND_CA_FILE                   a file of certificates (PEM) that are trusted beside this machine's (none)
    loopback_only             TRADEWIND_LOOPBACK_ONLY             refuse to send to any host but this machine, for rehearsals (no)

The environment wins over `<home>/tradewind.toml`, which may hold every setting but `home` and `key`.
"""

from __future__ import annotations

import os
import re
import tomllib
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from tradewind.errors import ConfigurationError

FILE = "tradewind.toml"
PREFIX = "TRADEWIND_"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """Every setting of one process. The key, and the database's URL, which may hold a password, are left out of representations."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    home: Path
    database_url: str = Field(default="", repr=False)
    key: str = Field(default="", repr=False)
    sandbox_url: str | None = None
    sandbox_amplitude_url: str | None = None
    sandbox_amplitude_eu_url: str | None = None
    smtp_url: str = Field(default="", repr=False)
    mail_from: str = "tradewind@localhost"
    memory_limit: str = "700MiB"
    preview_memory: str = "512MiB"
    threads: int = Field(default_factory=_processors, ge=1, le=1024)
    table_folders: str = ""
    ca_file: Path | None = None
    loopback_only: bool = False

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str, info: ValidationInfo) -> str:
        if not url:
            return f"sqlite:///{info.data['home'] / 'tradewind.db'}"
        if not url.startswith(("sqlite:///", "postgresql://", "postgresql+")):
            raise ValueError("expected a URL that begins with sqlite:/// or postgresql://")
        return url

    @field_validator("sandbox_url", "sandbox_amplitude_url", "sandbox_amplitude_eu_url")
    @classmethod
    def _loopback(cls, url: str | None) -> str | None:
        return None if url is None else _loopback_url(url)

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, url: str) -> str:
        if url and not _is_mail_server(url):
            raise ValueError("expected smtp://user:password@host:587, or smtps://user:password@host:465")
        return url

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, address: str) -> str:
        if not re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9.-]+", address):
            raise ValueError("expected an address such as tradewind@shop.example")
        return address

    @field_validator("ca_file")
    @classmethod
    def _certificates(cls, path: Path | None) -> Path | None:
        if path is not None:
            try:
                holds = b"-----BEGIN CERTIFICATE-----" in path.read_bytes()
            except OSError:
                holds = False
            if not holds:
                raise ValueError(f"expected a file of certificates in PEM form, and {path} is none that can be read")
        return path

    @field_validator("memory_limit", "preview_memory")
    @classmethod
    def _size(cls, text: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,6} ?[KMGT]i?B", text):
            raise ValueError("expected a size such as 700MiB or 4GB")
        return text

    @field_validator("table_folders")
    @classmethod
    def _folders(cls, text: str, info: ValidationInfo) -> str:
        folders = text.split(os.pathsep) if text else [str(info.data["home"] / "tables")]
        if not all(Path(folder).is_absolute() for folder in folders):
            raise ValueError(f"expected whole paths of folders, with {os.pathsep} between them")
        return os.pathsep.join(folders)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the library passes it by name; .env files are not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments hold the home alone, so that the environment wins over the file."""
        home = init_settings()["home"]
        return init_settings, env_settings, InitSettingsSource(settings_cls, _read_toml(home / FILE))


def read_settings(home: Path | None = None) -> Settings:
    """The settings of this process; `home` (of a command's option) wins over the environment.

    Raises ConfigurationError, naming the key and where it stands, when a key is unknown or a value is wrong.
    """
    folder = _home(home)
    try:
        return Settings(home=folder)
    except ValidationError as error:
        raise ConfigurationError(_sentence(error, folder)) from None


def _home(given: Path | None) -> Path:
    chosen = given or os.environ.get(PREFIX + "HOME") or (Path(".tradewind") if Path(".tradewind").is_dir() else "~/.tradewind")
    return Path(os.path.abspath(Path(chosen).expanduser()))  # noqa: PTH100  a link to the home stays the name the operator gave


def _read_toml(path: Path) -> dict[str, object]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    if "key" in values:
        raise ConfigurationError(f"{path}: 'key' cannot be set in a file, which lies beside what it opens; set {PREFIX}KEY instead")
    if "home" in values:
        raise ConfigurationError(f"{path}: 'home' cannot be set in a file of the home; set {PREFIX}HOME instead")
    return values


def _loopback_url(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        here = parts.scheme == "http" and bool(port) and (host == "localhost" or ip_address(host).is_loopback)
        bare = parts.username is None and parts.path in {"", "/"} and not parts.query and not parts.fragment
    except ValueError:
        here = bare = False
    if not (here and bare):
        raise ValueError("expected the address of a sandbox on this machine, such as http://127.0.0.1:8390")
    return f"{parts.scheme}://{parts.netloc}"


def _is_mail_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    bare = parts.path in {"", "/"} and not parts.query and not parts.fragment
    return parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and bare


def _sentence(error: ValidationError, home: Path) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    key, message = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
    where = f"{PREFIX}{key.upper()} in the environment" if os.environ.get(PREFIX + key.upper()) else f"'{key}' in {home / FILE}"
    if first["type"] != "extra_forbidden":
        return f"{where} is wrong: {message[0].lower() + message[1:]}"
    known = [name for name in Settings.model_fields if name not in {"home", "key"}]
    near = get_close_matches(key, known, 1)
    return f"{where} is not a setting; " + (f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(known)}")
