"""Every row of what can be wrong with configuration, environment and machine, and what is answered: here, or by the test that is named."""

from __future__ import annotations

import errno
import os
import resource
import ssl
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from product import Product
from site_of import Site
from small_disk import small_disk
from tests_of import functions
from town import NOON
from tradewind import ground
from tradewind.access.roles import Role
from tradewind.clock import StandingClock
from tradewind.errors import BusyError, ConfigurationError
from tradewind.model.alert import AlertKind
from tradewind.model.sync import Cadence
from tradewind.operations.alerting import Watchman
from tradewind.operations.doctor import ROOM, cramped, exposed
from tradewind.operations.handing import alone
from tradewind.web.server import Server
from tradewind.worker import Done, Stop, run_once, work

TESTS = Path(__file__).resolve().parents[1]

CONFIGURATION, USAGE, BUSY = 11, 2, 75

ELSEWHERE = {
    "G1": "integration/test_wrong_input.py::test_a_wrong_home_or_setting_is_named",
    "G2": "integration/test_migrations.py::test_an_upgrade_that_fails_leaves_nothing_behind",
    "G3": "integration/test_wrong_input.py::test_a_wrong_home_or_setting_is_named",
    "G4": "integration/test_wrong_input.py::test_a_wrong_definition_changes_nothing",
    "G14": "unit/operations/test_backup.py::test_one_run_makes_up_for_all_that_was_sent_after_the_backup",
}


@pytest.fixture
def product(tmp_path: Path) -> Product:
    product = Product(tmp_path)
    product.ok("init")
    return product


# --- G3 and G10: what a server is started with


@pytest.mark.parametrize(
    ("row", "words", "environment", "code", "says"),
    [
        ("G3 a port of letters", "serve --port abc", {}, USAGE, "--port"),
        ("G3 no port", "serve --port 0", {}, USAGE, "--port"),
        ("G3 a setting that is none", "serve", {"toml": "batch_size = 0\n"}, CONFIGURATION, "'batch_size'"),
        ("G3 less than no thread", "serve", {"TRADEWIND_THREADS": "-1"}, CONFIGURATION, "TRADEWIND_THREADS"),
        ("G3 a URL for a name", "serve --name https://tradewind.example", {}, 10, "without https://"),
        ("G9 no certificates", "serve", {"TRADEWIND_CA_FILE": "tradewind.toml"}, CONFIGURATION, "TRADEWIND_CA_FILE"),
        ("G10 a defect is shown to everybody", "serve --host 0.0.0.0", {"TRADEWIND_DEBUG": "1"}, CONFIGURATION, "TRADEWIND_DEBUG"),
    ],
)
def test_a_server_is_not_started(product: Product, row: str, words: str, environment: dict[str, str], code: int, says: str) -> None:
    if toml := environment.pop("toml", ""):
        product.write("home/tradewind.toml", toml)
    product.environment.update(environment)
    if "TRADEWIND_DEBUG" in environment:  # which shows errors as they are
        with pytest.raises(ConfigurationError, match=says):
            product.text(*words.split())
        return
    done = product.text(*words.split())
    assert (done.code, says in done.error) == (code, True), f"{row}: {done.error}"


# --- G5: two servers


def test_g5_a_home_has_one_server(tmp_path: Path) -> None:
    """The second ends at once with 75, which a supervisor takes for: not now. It is seen as a process in the tests of `serve`."""
    site = Site(tmp_path)
    with alone(site.town.parts), pytest.raises(BusyError, match="another server works on"), alone(site.town.parts):
        pass
    assert BusyError.exit_code == BUSY
    with alone(site.town.parts):
        pass
    site.close()


# --- G6: a folder in which locks do not hold


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        ("/dev/sda1 / ext4 rw 0 0", ""),
        ("/dev/sda1 / ext4 rw 0 0\nserver:/x {home} nfs4 rw 0 0", "nfs4"),
        ("//server/x {parent} cifs rw 0 0", "cifs"),
        ("server:/x {parent}/oth nfs rw 0 0", ""),
        ("overlay / overlay rw 0 0", ""),
        ("server:/x / nfs rw 0 0\ntmpfs {home} tmpfs rw 0 0", ""),
        ("server:/x /with\\040space nfs rw 0 0", ""),
        ("", ""),
        ("garbage", ""),
    ],
)
def test_g6_a_home_that_other_machines_may_have_is_refused(tmp_path: Path, mounts: str, refused: str) -> None:
    table = mounts.format(home=tmp_path, parent=tmp_path.parent)
    if not refused:
        ground.check_locks(tmp_path, table)
        return
    with pytest.raises(ConfigurationError, match=f"lies on {refused}, which other machines may have"):
        ground.check_locks(tmp_path, table)


def test_g6_locks_that_do_not_hold_are_found_out(tmp_path: Path) -> None:
    def to_everybody(_file: int, _how: int) -> None:
        """As a file system does that takes locks and forgets them."""

    def to_nobody(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with pytest.raises(ConfigurationError, match="gives one to two at once"):
        ground.check_locks(tmp_path, "", to_everybody)
    with pytest.raises(ConfigurationError, match="nothing can be locked"):
        ground.check_locks(tmp_path, "", to_nobody)
    ground.check_locks(tmp_path, "")


# --- G7: no room


def test_g7_without_room_everything_can_be_read_and_nothing_is_changed(tmp_path: Path) -> None:
    """Until there is room: then it goes on by itself."""
    site, room = Site(tmp_path), ["the disk is full"]
    town = site.town
    site.user("ann", {"default": Role.ADMIN})
    town.add("daily", Cadence.DAILY)
    town.clock.sleep(86400)
    server = Server(town.parts, town.parts, "127.0.0.1", 0, lambda _: None, ["tradewind.example"], lambda: room[0])
    app: Any = server.http.config.app
    site.app = app
    ann = site.signed_in("ann")
    assert ann.get("/api/v1/projects/default/syncs").status_code == 200
    refused = ann.post("/api/v1/projects/default/syncs/daily/runs")
    assert (refused.status_code, refused.json()["detail"], refused.headers["retry-after"]) == (503, "the disk is full", "60")
    told: list[Done] = []

    def tell(done: Done) -> None:
        told.append(done)
        server.stop.requested = True

    began = town.clock.now()

    def freed() -> str:
        return room[0] if town.clock.now() - began < timedelta(minutes=1) else ""

    server.stop.room = freed
    work(town.parts, server.stop, tell)
    assert [each.sync for each in told] == ["daily"]
    assert town.clock.now() - began >= timedelta(minutes=1)
    assert server.closed() == ""
    site.close()


def test_g7_what_no_room_is(tmp_path: Path) -> None:
    with small_disk(tmp_path, 8):
        assert "nothing is changed or run" in cramped(tmp_path)
    assert ROOM == 1 << 30


# --- G8: a clock that cannot be right


@pytest.mark.parametrize("wrong", [datetime(2025, 12, 31, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)])
def test_g8_by_a_clock_that_cannot_be_right_nothing_is_run_and_it_is_told(tmp_path: Path, wrong: datetime) -> None:
    """Set right, it goes on."""
    site = Site(tmp_path)
    parts, told = site.town.parts, list[Done]()
    site.town.add("daily", Cadence.DAILY)

    class Wall(StandingClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.monotonic() > 30:
                self._now = NOON + timedelta(days=1)
            stop.requested = self.monotonic() > 60

    stop, clock = Stop(), Wall(wrong)
    parts = replace(parts, clock=clock)
    alerts = [each.alert for each in Watchman(parts).look() if each.alert.kind is AlertKind.CLOCK]
    assert alerts
    assert all(f"{wrong:%Y-%m-%d}" in each.sentence for each in alerts)
    with pytest.raises(ConfigurationError, match="cannot be"):
        list(run_once(parts, Stop()))
    work(parts, stop, told.append)
    assert [each.sync for each in told] == ["daily"]
    assert told[0].run
    assert told[0].run.opened_at >= NOON
    site.close()


# --- G9: what a variable of others says


def test_g9_no_variable_says_whom_to_trust(product: Product) -> None:
    """OpenSSL would take the authorities of SSL_CERT_FILE, whoever set it; the product takes those of its own setting."""
    environment = {"SSL_CERT_FILE": "/evil.pem", "SSL_CERT_DIR": "/evil", "PATH": "/bin"}
    ground.trust_only(None, environment)
    assert environment == {"PATH": "/bin"}
    product.environment |= {"SSL_CERT_FILE": "/evil.pem", "HTTPS_PROXY": "http://127.0.0.1:9", "PYTHONHTTPSVERIFY": "0"}
    script = (
        "import ssl, os\nfrom tradewind.app import opened\nfrom tradewind.door import tls\n"
        "with opened(None):\n"
        "    context = tls()\n"
        "    print(ssl.get_default_verify_paths().cafile, context.verify_mode.name, context.check_hostname)"
    )
    done = run(product, sys.executable, "-c", script)
    paths = ssl.get_default_verify_paths()
    assert done.stdout.split() == [str(paths.openssl_cafile if Path(paths.openssl_cafile).exists() else None), "CERT_REQUIRED", "True"]


# --- G11: a machine without language and zones


def test_g11_without_language_zones_or_time_zone_all_is_as_everywhere(product: Product) -> None:
    """Names come out as UTF-8, times are UTC unless the project says otherwise, and zones are those of the package."""
    product.environment |= {
        "LC_ALL": "C",
        "LANG": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONTZPATH": "",
        "TZ": "Asia/Kathmandu",
    }
    product.write("a.yaml", "cohorts: [{id: a, name: Über 東京, kind: behavioural, who: {did: Öffnen}}]\n")
    script = (
        "import sys\nfrom tradewind.cli.main import main\n"
        "for words in ('apply a.yaml', 'cohorts list', 'projects add berlin --name B --zone Europe/Berlin', 'doctor'):\n"
        "    code = main(words.split())\n"
        "    assert code == 0, words"
    )
    done = run(product, sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    assert "Über 東京" in done.stdout
    assert f"{datetime.now(UTC):%Y-%m-%d %H:}" in done.stdout


# --- G12: too few files


def test_g12_a_process_that_may_open_few_files_is_refused(product: Product) -> None:
    done = run(product, "bash", "-c", f"ulimit -n 64; exec {sys.executable} -m tradewind syncs list")
    assert (done.returncode, "this process may open 64 files, and needs 256" in done.stderr) == (CONFIGURATION, True), done.stderr


def test_g12_where_it_may_take_more_it_does() -> None:
    may, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, most))
        ground.check_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(ground.ENOUGH, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (may, most))


# --- G13: secrets that others see


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"TRADEWIND_KEY": "a2V5"}, ["TRADEWIND_KEY"]),
        ({"TRADEWIND_SMTP_URL": "smtp://me:hunter2-hunter2@h", "TRADEWIND_DATABASE_URL": "postgresql://me@h/x"}, ["TRADEWIND_SMTP_URL"]),
        ({"TRADEWIND_SMTP_URL": "smtp://[::1", "TRADEWIND_THREADS": "2"}, []),
    ],
)
def test_g13_a_secret_in_the_environment_is_warned_of(environment: dict[str, str], named: list[str]) -> None:
    told = exposed(environment)
    assert [name for name in ("TRADEWIND_KEY", "TRADEWIND_SMTP_URL", "TRADEWIND_DATABASE_URL") if name in told] == named
    assert "hunter2" not in told


def test_every_row_is_answered_by_a_test_that_is_there() -> None:
    missing = [place for place in ELSEWHERE.values() if place.partition("::")[2] not in functions(place.partition("::")[0])]
    assert missing == []
    here = {name.split("_")[1].upper() for name in functions("integration/test_wrong_ground.py") if name.startswith("test_g")}
    assert {f"G{number}" for number in range(1, 15)} - here - set(ELSEWHERE) == {"G10"}, "which is in the table above"


def run(product: Product, *command: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, whose words are UTF-8 whatever it was told."""
    return subprocess.run(
        command, cwd=product.folder, env=product.environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
