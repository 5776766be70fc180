"""`python -m tradewind.sandbox`: The Trade Desk, emulated on a loopback address until it is told to stop."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import sys
from pathlib import Path

import orjson

from tradewind.sandbox import state
from tradewind.sandbox.advertisers import built_in, read_advertisers
from tradewind.sandbox.desk import Desk
from tradewind.sandbox.server import Server
from tradewind.sandbox.unusable import Unusable

EXIT_CONFIGURATION = 11


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. The exit code is 0, 2 for a wrong argument, 11 for a setting that must be changed."""
    options = _parser().parse_args(argv)
    try:
        _serve(options)
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - this module is a command
        return EXIT_CONFIGURATION
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tradewind sandbox", description="The Trade Desk, emulated on this machine.", allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="0 takes one that is free (default: 0)")
    parser.add_argument("--ready-file", type=Path, help="write {url, pid} here, as JSON, once it answers; removed when it stops")
    parser.add_argument("--state", type=Path, help="keep what it holds in this file, and start from it")
    parser.add_argument("--advertisers", type=Path, help="a JSON file with more advertisers")
    return parser


def _serve(options: argparse.Namespace) -> None:
    host = _loopback(options.host)
    if not 0 <= options.port <= 65_535:
        raise Unusable("--port: expected a number from 0 to 65535")
    advertisers = built_in() | (read_advertisers(options.advertisers) if options.advertisers else {})
    desk = Desk(advertisers)
    if options.state:
        state.load(desk, options.state)
    signals = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # threads inherit it, so that only this one is told
    try:
        _run(desk, host, options, signals)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(desk: Desk, host: str, options: argparse.Namespace, signals: set[signal.Signals]) -> None:
    try:
        server = Server(desk, host, options.port)
    except OSError as error:
        raise Unusable(f"cannot listen on {host} port {options.port}: {error.strerror}") from None
    keeper = state.Keeper(desk, options.state) if options.state else None
    try:
        server.start()
        if keeper:
            keeper.start()
        print(f"The Trade Desk, emulated, at {server.url}", flush=True)  # noqa: T201 - the one line it says
        if options.ready_file:
            _write(options.ready_file, orjson.dumps({"url": server.url, "pid": os.getpid()}))
        signal.sigwait(signals)
    finally:
        server.stop()
        if options.ready_file:
            options.ready_file.unlink(missing_ok=True)
        if keeper:
            _stop(keeper, options.state)


def _loopback(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise Unusable("--host: the sandbox serves a loopback address only, such as 127.0.0.1")


def _write(path: Path, content: bytes) -> None:
    try:
        state.write_whole(path, content)
    except OSError as error:
        raise Unusable(f"{path}: cannot be written ({error.strerror})") from None


def _stop(keeper: state.Keeper, path: Path) -> None:
    try:
        keeper.stop()
    except OSError as error:
        raise Unusable(f"{path}: what the sandbox held could not be saved ({error.strerror})") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
