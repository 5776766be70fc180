"""What a browser gets and what a program gets at the same server, and under which policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from site_of import Site
from tradewind.web.shell import UNBUILT, File, files

PAGE = b'<meta property="csp-nonce" nonce="__NONCE__"><script src="/assets/index-1a2b.js" nonce="__NONCE__"></script>'
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    town = tmp_path / "town"
    town.mkdir()
    site = Site(town)
    yield site
    site.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_bytes(PAGE)
    (built / "assets" / "index-1a2b.js").write_bytes(b"export {};")
    (built / "built-from.txt").write_text("a fingerprint")
    return built


def get(site: Site, path: str, folder: Path, **headers: str) -> httpx2.Response:
    """As a browser asks that shows a page, unless headers say otherwise."""
    return site.browser(console=files(folder)).get(path, headers=BROWSER | headers)


def test_any_address_a_browser_opens_gives_the_one_page_with_a_nonce_of_its_own(site: Site, folder: Path) -> None:
    first, second = (get(site, "/projects/shop/cohorts", folder) for _ in range(2))
    nonces = [re.findall(r'nonce="([^"]+)"', answer.text) for answer in (first, second)]
    assert first.status_code == 200
    assert len({*nonces[0]}) == len({*nonces[1]}) == 1
    assert nonces[0] != nonces[1]
    policy = first.headers["content-security-policy"]
    assert f"'nonce-{nonces[0][0]}'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy
    assert first.headers["cache-control"] == "no-store"


def test_hashed_files_are_kept_for_ever_and_packed_for_whoever_takes_that(site: Site, folder: Path) -> None:
    plain = get(site, "/assets/index-1a2b.js", folder, **{"Accept": "*/*", "Accept-Encoding": "identity"})
    assert (plain.text, "content-encoding" in plain.headers) == ("export {};", False)
    assert "immutable" in plain.headers["cache-control"]
    packed = get(site, "/assets/index-1a2b.js", folder, **{"Accept": "*/*", "Accept-Encoding": "gzip"})
    assert (packed.text, packed.headers["content-encoding"]) == ("export {};", "gzip")


@pytest.mark.parametrize("path", ["/assets/index-gone.js", "/assets/../built-from.txt", "/built-from.txt", "/api/v1/nothing", "/nothing"])
def test_what_is_not_there_is_a_problem_for_a_program(site: Site, folder: Path, path: str) -> None:
    answer = get(site, path, folder, Accept="*/*")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_the_api_is_the_api_whatever_the_browser_would_rather_see(site: Site, folder: Path) -> None:
    assert get(site, "/api/v1/setup", folder).json() == {"needed": True, "signed_in": False}
    assert get(site, "/livez", folder).json() == {"state": "alive"}
    assert get(site, "/api/v1/nothing", folder).status_code == 404
    assert site.browser(console=files(folder)).post("/projects/shop", headers=BROWSER).status_code == 404


def test_a_server_without_the_console_says_so_to_a_browser(site: Site, tmp_path: Path) -> None:
    answer = get(site, "/", tmp_path / "nothing built")
    assert (answer.status_code, answer.content) == (503, UNBUILT)


def test_a_browser_that_asks_whether_there_is_a_page_gets_no_body(site: Site, folder: Path) -> None:
    answer = site.browser(console=files(folder)).head("/", headers=BROWSER)
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_same_file_is_packed_once() -> None:
    file = File(b"x" * 1000, "text/css")
    assert file.packed is file.packed
