"""The console as a browser asks for it: hashed files for ever, and one page under its own policy for all addresses."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from tradewind.web.bodies import API

BUILT = Path(__file__).with_name("console")
"""Where the build puts the pages, and where the wheel has them."""

NONCE = b"__NONCE__"
"""What the built page holds where a fresh nonce belongs."""

MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}

OTHERS = (f"{API}/", "/livez", "/readyz", "/metrics")
"""What begins so is never the console's."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Only what this server gives: no script and no style in the page, but styles that carry the page's nonce."""

UNBUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Tradewind</title><h1>The console is not built here</h1>
<p>The JSON API answers at /api/v1. In a clone of the source, <code>./dev console</code> builds the console; a wheel has it.</p></html>
"""


@dataclass(frozen=True)
class File:
    """A built file. `packed` is the same by gzip."""

    content: bytes
    media: str

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.content, 6)


def files(folder: Path = BUILT) -> Mapping[str, File]:
    """The built files by their address; none where the console was not built."""
    found = [path for path in folder.rglob("*") if path.suffix in MEDIA] if folder.is_dir() else []
    return {f"/{path.relative_to(folder).as_posix()}": File(path.read_bytes(), MEDIA[path.suffix]) for path in found}


class Shell:
    """ASGI around the API: what a browser opens is the console's, everything else goes through."""

    def __init__(self, app: ASGIApp, built: Mapping[str, File]) -> None:
        self.app, self.built = app, built

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or scope["path"].startswith(OTHERS):
            await self.app(scope, receive, send)
        elif scope["path"] in self.built and scope["path"] != "/index.html":
            await self._give(scope, send, self.built[scope["path"]], _keep(scope["path"]))
        elif b"text/html" in _header(scope, b"accept"):
            await self._page(scope, send)
        else:
            await self.app(scope, receive, send)

    async def _page(self, scope: Scope, send: Send) -> None:
        page = self.built.get("/index.html")
        if page is None:
            await self._give(scope, send, File(UNBUILT, MEDIA[".html"]), [], 503)
            return
        nonce = secrets.token_urlsafe(16)
        content = page.content.replace(NONCE, nonce.encode())
        policy = (b"content-security-policy", POLICY.format(nonce=nonce).encode())
        await self._give(scope, send, File(content, page.media), [policy])

    async def _give(self, scope: Scope, send: Send, file: File, more: list[tuple[bytes, bytes]], status: int = 200) -> None:
        packs = b"gzip" in _header(scope, b"accept-encoding") and file.media != MEDIA[".woff2"]
        body = file.packed if packs else file.content
        told = [(b"content-type", file.media.encode()), (b"content-length", str(len(body)).encode()), (b"vary", b"accept-encoding"), *more]
        told += [(b"content-encoding", b"gzip")] if packs else []
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _keep(path: str) -> list[tuple[bytes, bytes]]:
    """A file with a hash in its name never changes; another is asked for again within the hour."""
    return [(b"cache-control", b"public, max-age=31536000, immutable" if path.startswith("/assets/") else b"public, max-age=3600")]


def _header(scope: Scope, name: bytes) -> bytes:
    return b",".join(value for key, value in scope["headers"] if key.lower() == name)
