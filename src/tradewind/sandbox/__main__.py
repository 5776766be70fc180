"""`python -m tradewind.sandbox`: The Trade Desk and Amplitude, emulated on a loopback address until told to stop."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import orjson

from tradewind.sandbox import control, state
from tradewind.sandbox.advertisers import built_in, read_advertisers
from tradewind.sandbox.amplitude.platform import Amplitude
from tradewind.sandbox.amplitude.platform import Front as AmplitudeFront
from tradewind.sandbox.amplitude.projects import Region
from tradewind.sandbox.desk import Desk
from tradewind.sandbox.platform.front import Front
from tradewind.sandbox.screens.screens import Screens
from tradewind.sandbox.server import Server, Site
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
    parser = argparse.ArgumentParser(
        prog="tradewind sandbox", description="The Trade Desk and Amplitude, emulated on this machine.", allow_abbrev=False
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="The Trade Desk's port; 0 takes one that is free (default: 0)")
    parser.add_argument("--amplitude-port", type=int, default=0, help="the same for Amplitude in the US (default: 0)")
    parser.add_argument("--amplitude-eu-port", type=int, default=0, help="the same for Amplitude in the EU (default: 0)")
    parser.add_argument("--ready-file", type=Path, help="write {url, amplitude, pid} here, as JSON, once it answers; removed when it stops")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input ends, as it does with whoever started it")
    parser.add_argument("--state", type=Path, help="keep what it holds in this file, and start from it")
    parser.add_argument("--advertisers", type=Path, help="a JSON file with more advertisers")
    return parser


def _serve(options: argparse.Namespace) -> None:
    host = _loopback(options.host)
    for option in ("port", "amplitude_port", "amplitude_eu_port"):
        if not 0 <= getattr(options, option) <= 65_535:
            raise Unusable(f"--{option.replace('_', '-')}: expected a number from 0 to 65535")
    advertisers = built_in() | (read_advertisers(options.advertisers) if options.advertisers else {})
    desk = Desk(advertisers)
    if options.state:
        state.load(desk, options.state)
    signals = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # threads inherit it, so that only this one is told
    try:
        with tempfile.TemporaryDirectory(prefix="tradewind-sandbox-") as folder:
            _run(desk, Amplitude(desk.clock, Path(folder)), host, options, signals)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(desk: Desk, amplitude: Amplitude, host: str, options: argparse.Namespace, signals: set[signal.Signals]) -> None:
    keeper = state.Keeper(desk, options.state) if options.state else None
    with ExitStack() as at_the_end:
        if keeper:
            at_the_end.callback(_stop, keeper, options.state)
        at_the_end.callback(desk.close)
        servers = _servers(desk, amplitude, host, options, at_the_end)
        amplitude.urls = {region.value: servers[region].url for region in Region}
        for server in servers.values():
            server.start()
        if keeper:
            keeper.start()
        _announce(servers["thetradedesk"].url, amplitude.urls, options.ready_file, at_the_end)
        if options.until_input_ends:
            threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
        signal.sigwait(signals)


def _stop_at_the_end_of_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _servers(desk: Desk, amplitude: Amplitude, host: str, options: argparse.Namespace, at_the_end: ExitStack) -> dict[str, Server]:
    """The Trade Desk's and one for each of Amplitude's regions, each listening. All of them show the same pages under `/_sandbox`."""
    pages = partial(control.pages, desk, amplitude)
    sites: dict[str, tuple[Site, int]] = {
        "thetradedesk": (Screens(desk, Front(desk)), options.port),
        Region.US: (AmplitudeFront(amplitude, Region.US), options.amplitude_port),
        Region.EU: (AmplitudeFront(amplitude, Region.EU), options.amplitude_eu_port),
    }
    found = {}
    for name, (site, port) in sites.items():
        try:
            found[name] = Server(site, pages, desk.clock, host, port)
        except OSError as error:
            raise Unusable(f"cannot listen on {host} port {port}: {error.strerror}") from None
        at_the_end.callback(found[name].stop)
    return found


def _announce(url: str, amplitude: Mapping[str, str], ready_file: Path | None, at_the_end: ExitStack) -> None:
    print(f"The Trade Desk, emulated, at {url}", flush=True)  # noqa: T201 - what this command says
    print(f"Amplitude, emulated, at {amplitude[Region.US]} (US) and {amplitude[Region.EU]} (EU)", flush=True)  # noqa: T201 - same
    if ready_file:
        at_the_end.callback(ready_file.unlink, missing_ok=True)
        _write(ready_file, orjson.dumps({"url": url, "amplitude": amplitude, "pid": os.getpid()}))


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
