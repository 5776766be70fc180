"""The other side's screens: the setup list of the platform walked to its two values, and what an advertiser holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest

from sandbox_process import SandboxProcess

SETTINGS = "/advertisers/ready1/settings/integrations"

DAID = "a934b283-a381-4a0d-8a18-0368f9b19170"


def upload(
    sandbox: SandboxProcess, *ids: str, advertiser: str = "ready1", name: str = "s", more: dict[str, Any] | None = None
) -> tuple[int, Any]:
    """Add these devices for 30 days, by the advertiser's token; status and answer."""
    items = [{"DAID": each, "Data": [{"Name": name, "TtlInMinutes": 43_200}]} for each in ids]
    body = orjson.dumps({"AdvertiserId": advertiser, "Items": items, **(more or {})})
    status, _, answer = sandbox.send("POST", "/data/advertiser", body, {"TTD-Auth": f"sandbox-token-{advertiser}"})
    return status, orjson.loads(answer)


class Screen(HTMLParser):
    """What a person sees: words, links, fields with their labels, and the names of all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self.tags: list[str] = []
        self.links: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.posts: list[str] = []
        self._link = self._label = ""
        self._labels: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "a":
            self._link = given["href"]
        if tag == "label":
            self._label = given["for"]
        if tag == "input":
            self.values[self._labels[given["id"]]] = given.get("value", "")
        if tag == "form" and given.get("method") == "post":
            self.posts.append(given["action"])

    def handle_endtag(self, tag: str) -> None:
        if tag in ("a", "label"):
            self._link = self._label = ""

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "
        if self._link:
            self.links[data] = self._link
        if self._label:
            self._labels[self._label] = data


def opened(sandbox: SandboxProcess, path: str) -> Screen:
    status, headers, body = sandbox.send("GET", path)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8"), body
    return Screen(body.decode())


def test_the_setup_list_is_walked_to_the_two_values(sandbox: SandboxProcess) -> None:
    # "In The Trade Desk, navigate to Settings > Integrations."
    advertiser = opened(sandbox, opened(sandbox, "/").links["ready1"])
    settings = opened(sandbox, advertiser.links["Settings"])
    assert "Settings › Integrations" in settings.words
    # "Click Add integration, then find and add Amplitude."
    found = opened(sandbox, settings.links["Add integration"] + "?find=ampl")
    status, headers, _ = sandbox.send("POST", found.posts[0])
    # "Copy the Advertiser ID and Advertiser Secret Key to your clipboard."
    values = opened(sandbox, headers["location"])
    assert (status, values.values) == (303, {"Advertiser ID": "ready1", "Advertiser Secret Key": "sandbox-secret-ready1"})
    assert "Amplitude" in opened(sandbox, SETTINGS).words


def test_the_values_are_shown_once_the_integration_is_added_and_no_longer_after_a_reset(sandbox: SandboxProcess) -> None:
    before = sandbox.send("GET", f"{SETTINGS}/amplitude")
    sandbox.send("POST", f"{SETTINGS}/amplitude")
    sandbox.post("/_sandbox/reset")
    after = sandbox.send("GET", f"{SETTINGS}/amplitude")
    assert before[0] == after[0] == 303
    assert before[1]["location"] == f"{SETTINGS}/add"


def test_what_nobody_offers_is_not_found_and_not_added(sandbox: SandboxProcess) -> None:
    assert "No integration is called" in opened(sandbox, f"{SETTINGS}/add?find=Unheard").words
    assert [sandbox.send(method, f"{SETTINGS}/unheard")[0] for method in ("GET", "POST")] == [404, 404]
    assert sandbox.send("GET", "/advertisers/nobody/segments")[0] == 404


def test_segments_show_size_and_time_left_and_the_last_requests_what_was_refused(sandbox: SandboxProcess) -> None:
    sandbox.post("/_sandbox/clock", {"now": "2026-07-01T00:00:00Z", "running": False})
    assert "The first delivery makes one" in opened(sandbox, "/advertisers/ready1/segments").words
    upload(sandbox, DAID, "no id")
    words = " ".join(opened(sandbox, "/advertisers/ready1/segments").words.split())
    assert "s 1 DAID 1 in 30 days in 30 days 0" in words
    assert re.search(r"2026-07-01 00:00:00 200 1 0 1 \d+", words)
    assert "in 30 days" not in opened(sandbox, "/advertisers/ready2/segments").words


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "\"'><img src=x>", "{0}{home}"])
def test_what_others_write_is_shown_and_never_run(sandbox: SandboxProcess, evil: str) -> None:
    assert [upload(sandbox, DAID, name=evil)[0], upload(sandbox, DAID, more={evil: 1})[0]] == [200, 400]
    segments = opened(sandbox, "/advertisers/ready1/segments")
    add = opened(sandbox, f"{SETTINGS}/add?find=%3Cimg%20src%3Dx%3E")
    assert evil in segments.words
    assert not {"img"} & {*segments.tags, *add.tags}
    assert segments.tags.count("script") == 1


def test_a_screen_loads_nothing_from_elsewhere_and_takes_no_order_from_another_site(sandbox: SandboxProcess) -> None:
    _, headers, body = sandbox.send("GET", "/")
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self';")
    loaded = re.findall(rb'(?:src|href)="(/screens/[^"]+)"', body)
    assert [sandbox.send("GET", path.decode())[0] for path in loaded] == [200, 200]
    assert b"//" not in body.replace(b"<!doctype html>", b"")
    refused = sandbox.send("POST", f"{SETTINGS}/amplitude", headers={"Origin": "http://elsewhere.invalid"})
    assert refused[0] == 403
    assert sandbox.send("GET", "/", headers={"Host": "elsewhere.invalid"})[0] == 403
