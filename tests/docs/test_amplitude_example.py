"""The example of a cohort in Amplitude, typed as its page says, with Amplitude and The Trade Desk emulated; both ends are counted."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from product import Product
from sandbox_process import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "amplitude"
KEY = json.loads((EXAMPLE / "answer-key.json").read_text("utf-8"))


class Reader:
    """Who types the lines of the page, in the project's folder, with a home elsewhere."""

    def __init__(self, home: Path, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox
        amplitude = sandbox.get("/_sandbox/amplitude")["urls"]["us"]
        named = {"TRADEWIND_SANDBOX_AMPLITUDE_URL": amplitude, "TRADEWIND_HOME": str(home)}
        self.product = Product(ROOT, sandbox.url, **named)
        self.home = home

    def type(self, line: str) -> str:
        """One line of the page; what it printed. The sandbox runs already, at other ports."""
        words = shlex.split(re.sub(r"\$(\w+)", lambda name: self.product.environment[name[1]], line))
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.product.environment.setdefault(name, value)
        elif words[0] == "curl":
            self.sandbox.post(urlsplit(words[3]).path, json.loads((ROOT / words[2].removeprefix("@")).read_text("utf-8")))
        elif line != "tradewind sandbox":
            done = self.product.text(*[self.newest()["id"] if word == "RUN" else word for word in words[1:]])
            assert done.code == 0, f"{line}\n{done.error}"
            return done.output
        return ""

    def newest(self) -> dict[str, Any]:
        found: dict[str, Any] = self.product.ok("runs", "list")["runs"][0]
        return found

    def sleeps_until_tuesday(self) -> None:
        """Half an hour cannot be waited for: the download is made older."""
        with sqlite3.connect(self.home / "tradewind.db") as rows:
            rows.execute("UPDATE amplitude_download SET asked_at = datetime(asked_at, '-1 hour')")
        rows.close()

    def counts(self) -> dict[str, int]:
        """What the newest run says of itself."""
        run = self.product.ok("runs", "show", self.newest()["id"])
        parts = run["plan"]["delta"]["parts"]
        assert run["run"]["outcome"] == "clean"
        return {
            "members": run["resolution"]["members"],
            "with_an_identifier": run["resolution"]["members_usable"],
            **{wish: sum(part["rows"] for part in parts if part["operation"] == wish) for wish in ("add", "remove")},
        }


@pytest.fixture
def reader(tmp_path: Path, sandbox: SandboxProcess) -> Reader:
    return Reader(tmp_path / "home", sandbox)


def lines() -> list[str]:
    return re.findall(r"^ {4}((?:tradewind|export|curl) .*)$", (EXAMPLE / "README.md").read_text("utf-8"), re.MULTILINE)


def expected(day: str) -> tuple[dict[str, int], set[tuple[str, str]]]:
    """By the answer key: what the run says, and who is in the segment."""
    counts = {name: KEY[day][name] for name in ("members", "with_an_identifier", "add", "remove")}
    return counts, {(kind, value) for kind, value in KEY[day]["segment"]}


def test_the_page_does_what_it_says_on_both_days(reader: Reader, sandbox: SandboxProcess) -> None:
    typed = lines()
    tuesday = next(number for number, line in enumerate(typed) if "tuesday" in line)
    said = {line: reader.type(line) for line in typed[: tuesday - 3]}
    assert "p7ayer5" in said["tradewind cohorts list --source product"]
    left_out = said["tradewind runs rejects RUN --people"]
    assert "4 people have no identifier" in left_out
    for amplitude_id, why in [("103", "all zeros"), ("105", "not of the form"), ("108", "no value"), ("109", "not of the form")]:
        assert re.search(rf"^{amplitude_id} .*{why}", left_out, re.MULTILINE), left_out
    counts, segment = expected("monday")
    assert (reader.counts(), sandbox.members("ready1", "amplitude: payers")) == (counts, segment)

    once = "".join(reader.type(line) for line in typed[tuesday - 3 : tuesday])
    assert "1 of 500" in once
    assert sandbox.members("ready1", "amplitude: payers once") == segment

    reader.sleeps_until_tuesday()
    for line in typed[tuesday:]:
        reader.type(line)
    counts, segment = expected("tuesday")
    assert (reader.counts(), sandbox.members("ready1", "amplitude: payers")) == (counts, segment)
    assert sandbox.get("/_sandbox/amplitude/counts")["100001"]["downloads"].popitem()[1] == 2
    assert sandbox.get("/_sandbox/counts")["removals"] == 1


def test_the_how_to_page_does_what_it_says(reader: Reader, sandbox: SandboxProcess, tmp_path: Path) -> None:
    """With the sandbox's regions and advertiser in the place of the reader's own."""
    page = (ROOT / "docs" / "how-to" / "amplitude.md").read_text("utf-8")
    (written,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    file = tmp_path / "amplitude.yaml"
    file.write_text(written.replace("region: eu", "region: sandbox").replace("abc1234", "ready1"), "utf-8")
    for line in lines():
        if line.startswith("export"):
            reader.type(line)
    reader.type(f"curl --data-binary @{EXAMPLE / 'monday.json'} /_sandbox/amplitude/cohorts")
    reader.type("tradewind init")
    typed = re.findall(r"^ {4}(tradewind .*)$", page, re.MULTILINE)
    said = ""
    for line in typed:
        keys = " --api-key-env AMPLITUDE_API_KEY --secret-key-env AMPLITUDE_SECRET_KEY" if "sources add" in line else ""
        said += reader.type(line.replace("--region eu", "--region sandbox").replace("amplitude.yaml", str(file)) + keys)
    assert "Ready: Amplitude in region 'sandbox' knows the keys" in said
    assert "planned" in said
    assert len(sandbox.members("ready1", "[Tradewind] Payers: payers")) == 6
