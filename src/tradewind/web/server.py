"""`tradewind serve`: API and worker in one process, started together and stopped together."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Any

import uvicorn

from tradewind.errors import ConfigurationError, TradewindError
from tradewind.operations import people, webhooks
from tradewind.operations.alerting import Watchman, watching
from tradewind.operations.doctor import cramped
from tradewind.operations.handing import alone, bell
from tradewind.operations.plain import plain
from tradewind.operations.platform import asking
from tradewind.parts import Parts
from tradewind.web.application import build
from tradewind.web.limits import Seen
from tradewind.web.metrics import Metrics
from tradewind.web.shell import files
from tradewind.web.wire import Wire
from tradewind.worker import Done, Stop, housekeeping, run_due, work

REQUESTS_END = 5
"""Seconds that requests under way have when the server stops."""

TURN = 0.001
"""Seconds for which a thread may keep the interpreter while another wants it, a fifth of what is usual: a request wants it some dozen
times, and else waits each time while a run beside it counts and lays out.
"""

PATIENCE = 25.0
"""Seconds that the worker then has to end the request it is at; after that it is broken off, which loses nothing."""

Room = Callable[[], str]
"""Says why there is no room to work, or nothing."""

Tell = Callable[[str], None]
"""Given one line of the log: a JSON object without identifier and secret."""


class Server:
    """One process. `serve` returns when it was told to stop, and 1 when its worker ended for another reason."""

    def __init__(
        self, parts: Parts, small: Parts, host: str, port: int, tell: Tell, names: Collection[str] = (), room: Room = lambda: ""
    ) -> None:
        self.parts, self.tell, self.where = parts, tell, f"{host}:{port}"
        self.stop, self.metrics, self.failed = Stop(room=room, waits=room(), bell=lambda: bell(parts.home)), Metrics(), ""
        self.worker = threading.Thread(target=self._work, name="worker", daemon=True)
        app = build(
            parts, small, nudge=self.nudge, ready=self.ready, metrics=self.metrics, tell=self._tell_request, console=files(),
            names=[host, *names], closed=self.closed,
        )  # fmt: skip
        self.watchman: Watchman = app.state.watchman
        config = uvicorn.Config(
            app, host=host, port=port, http=Wire, log_config=None, access_log=False, server_header=False, date_header=False,
            timeout_graceful_shutdown=REQUESTS_END, timeout_keep_alive=15, limit_concurrency=200, lifespan="off",
        )  # fmt: skip
        self.http = _Http(config, self.stop)

    def serve(self) -> int:
        """Answer and work until SIGTERM or SIGINT. Raises ConfigurationError when the address is taken."""
        self.worker.start()
        try:
            self.http.run()
        except SystemExit:
            raise ConfigurationError(f"nothing can listen at {self.where}; it is taken, or not an address of this machine") from None
        finally:
            self.stop.requested = True
        self.worker.join(PATIENCE)
        if self.worker.is_alive():
            sys.stdout.flush()
            os._exit(0)
        return 1 if self.failed or not self.http.started else 0

    def nudge(self) -> None:
        """Let the worker look for work now."""
        self.stop.nudge()

    def ready(self) -> str:
        """Why nobody should be sent here; nothing where all is well."""
        if self.stop.requested or not self.worker.is_alive():
            return self.failed or "the worker has ended"
        try:
            self.parts.access.trail.entries(limit=1)
        except TradewindError:
            return "the store cannot be read"
        return self.closed()

    def closed(self) -> str:
        """Why nothing is changed here for now; nothing where all is well."""
        return self.stop.waits

    def _work(self) -> None:
        try:
            webhooks.warm(self.parts)
            with (
                watching(self.parts, lambda sentence: self._line("alerts.failed", reason=sentence), watchman=self.watchman),
                asking(self.parts, lambda sentence: self._line("platform.failed", reason=sentence)),
                housekeeping(self.parts, self.stop, self._tell_work),
            ):
                work(self.parts, self.stop, self._tell_work, run_due)
        except BaseException as error:  # a worker that ended in silence would be found out by lapsed people
            self.failed = str(error) if isinstance(error, TradewindError) else f"the worker met a defect: {type(error).__name__}"
            self._line("worker.failed", reason=self.failed)
            self.http.should_exit = True

    def _tell_work(self, done: Done) -> None:
        self.metrics.done(done)
        run = {"run": done.run.id, "state": done.run.state, "outcome": done.run.outcome, "reason": done.run.reason} if done.run else {}
        error = {"error": type(done.error).__name__, "message": str(done.error)} if done.error else {}
        self._line("work", project=done.project, sync=done.sync, **run, **error)

    def _tell_request(self, seen: Seen) -> None:
        self._line("request", **asdict(seen))

    def _line(self, what: str, **fields: Any) -> None:
        line = {"at": self.parts.clock.now().isoformat(timespec="milliseconds"), "what": what} | plain(fields)
        self.tell(json.dumps(line, ensure_ascii=False))


class _Http(uvicorn.Server):
    """Tells the worker of the first signal at once: it and the requests end side by side. A second one breaks everything off."""

    def __init__(self, config: uvicorn.Config, stop: Stop) -> None:
        super().__init__(config)
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As it is, but that a signal is not raised anew when the requests have ended: the worker may need longer."""
        before = {kind: signal.signal(kind, self.handle_exit) for kind in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._stop.requested:
            os._exit(0)
        self._stop.requested = True
        super().handle_exit(sig, frame)


def serve(parts: Parts, small: Parts, host: str, port: int, tell: Tell, say: Tell, names: Collection[str] = ()) -> int:
    """Serve until told to stop; the exit code. `say` tells a person the address, and the set-up code where there is no user yet.

    `names` are those by which browsers and programs may ask, beside this machine's addresses.

    Raises BusyError when another server has this home, ConfigurationError when the address is taken.
    """
    with alone(parts):
        sys.setswitchinterval(TURN)
        code = people.offer_setup(parts)
        if code:
            say(f"Nobody can sign in yet. Make the first user within half an hour, with the code {code}")
        say(f"Tradewind answers at http://{host}:{port}, the API at /api/v1, and runs syncs when they are due; Ctrl-C or SIGTERM stops it.")
        if why := cramped(parts.home):
            say(why)
        return Server(parts, small, host, port, tell, names, lambda: cramped(parts.home)).serve()
