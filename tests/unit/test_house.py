"""The habits of the house, each as a check that can fail: sizes, names, rooms of the drivers, fakes instead of mocks."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tradewind import errors

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tradewind"

FORBIDDEN = {
    "workspace",
    "warehouse",
    "dataset",
    "audience",
    "connector",
    "integration",
    "channel",
    "pipeline",
    "job",
    "changeset",
    "chunk",
    "dump",
}
NAMELESS_ROOMS = {"utils", "util", "helpers", "helper", "common", "services", "service", "misc"}

TOO_LARGE: dict[str, str] = {
    "migrations/versions/0001_the_first_schema.py": "written by Alembic: a list of tables, in their order",
    "migrations/versions/0001_the_first_schema.py::upgrade": "written by Alembic: a list of tables, in their order",
}
"""`path` or `path::name` -> the reason why it may be larger than the house allows."""

LINES_OF_MOST, LINES_OF_ANY, LINES_OF_CLASS, LINES_OF_FILE = 35, 80, 350, 500

FILES = ("events/", "membership/", "engines/", "sources/")
COLUMNS = (*FILES, "privacy/", "delivery/", "destinations/", "testing/", "demo/")
STORES = re.compile(r"^database\.py$|(^|/)sql\.py$|(^|/)migrations/")
OWN_WORLD = ("sandbox/", "demo/")
ROOMS_OF: dict[str, Callable[[str], bool]] = {
    "duckdb": lambda path: path == "compute.py" or path.startswith((*FILES, "testing/", "demo/")),
    "pyarrow": lambda path: path == "__main__.py" or path.startswith(COLUMNS),
    "numpy": lambda path: path.startswith(COLUMNS),
    "sqlalchemy": lambda path: bool(STORES.search(path)),
    "alembic": lambda path: bool(STORES.search(path)),
    "socket": lambda path: path in {"door.py", "exchange.py", "steps.py", "operations/claims.py"} or path.startswith(OWN_WORLD),
    "ssl": lambda path: path in {"door.py", "exchange.py"},
    "truststore": lambda path: path == "door.py",
    "smtplib": lambda path: path == "notify/mail.py",
    "httpx2": lambda _path: False,
    "http.client": lambda path: path.startswith(OWN_WORLD),
    "urllib.request": lambda path: path.startswith((*OWN_WORLD, "testing/")),
    "requests": lambda _path: False,
    "ttd_data": lambda _path: False,
    "sklearn": lambda path: path.startswith("engines/lookalike/"),
    "fastapi": lambda path: path.startswith("web/"),
    "starlette": lambda path: path.startswith("web/"),
    "uvicorn": lambda path: path.startswith("web/"),
    "prometheus_client": lambda path: path.startswith("web/"),
    "argon2": lambda path: path == "access/passwords.py",
    "graphql": lambda path: path.startswith("sandbox/"),
}
"""Driver -> may the file at this path, relative to the package, import it?"""

LONG_PROTOCOLS = {
    "Dialect": "one hook for each thing that SQL engines write differently",
    "Access": "one place for each kind of thing that is kept of people",
}
"""Protocols that may have more than seven methods, and why."""

IMPORTED_AS = {
    "argon2": "argon2-cffi",
    "graphql": "graphql-core",
    "opentelemetry": "opentelemetry-sdk",
    "sklearn": "scikit-learn",
    "starlette": "fastapi",
    "yaml": "pyyaml",
}
"""Import name -> package name, where they differ by more than a hyphen."""

WORLD: dict[str, tuple[set[str], Callable[[str], bool]]] = {
    "the clock": (
        {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.sleep", "time.monotonic"},
        lambda path: path == "clock.py" or path.startswith(OWN_WORLD),
    ),
    "the environment": (
        {"os.environ", "os.getenv", "os.putenv"},
        lambda path: path in {"settings.py", "app.py"} or path.startswith(("cli/", *OWN_WORLD)),
    ),
}
"""What reaches outside without an import of its own, and which files may."""


# --- reading the house


@cache
def modules() -> dict[str, ast.Module]:
    """Path relative to the package -> its tree."""
    return {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


@cache
def project_files() -> list[Path]:
    """Files that are or would be committed."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("no git here to say which files belong to the project")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in sorted(set(listed.split("\0"))) if name and (path := ROOT / name).is_file()]


def classes(tree: ast.AST) -> list[ast.ClassDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def height(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def dotted(node: ast.AST) -> str:
    """`os.environ` for that expression, '' for others."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def imports(tree: ast.AST, package: str = "tradewind") -> set[str]:
    """Every module a file imports, lazily or for types too; `from a import b` counts as `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = f"{package}.{node.module or ''}".rstrip(".") if node.level else node.module or ""
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def words(name: str) -> set[str]:
    """The words of CamelCase, snake_case and kebab-case names, lower-case and singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return {word for part in parts for word in (part.lower(), part.lower().removesuffix("s"))}


# --- the checks; each answers with what is wrong


def oversized(path: str, tree: ast.Module, lines: int) -> dict[str, int]:
    """What is larger than the house allows, and its lines."""
    found = {path: lines} if lines > LINES_OF_FILE else {}
    found |= {f"{path}::{node.name}": height(node) for node in classes(tree) if height(node) > LINES_OF_CLASS}
    return found | {f"{path}::{node.name}": height(node) for node in functions(tree) if height(node) > LINES_OF_ANY}


def bad_opening(tree: ast.Module) -> str:
    first = (ast.get_docstring(tree) or "").split("\n")[0]
    if not first:
        return "opens with no sentence that says what it is"
    if len(first) > 120 or not first.endswith("."):
        return f"must open with one sentence of at most 120 characters that ends on its line: {first!r}"
    return ""


def named(tree: ast.Module) -> Iterator[str]:
    """Names a reader learns: of classes, tables, commands and settings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
            if node.name == "Settings":
                yield from (
                    field.target.id for field in node.body if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
                )
        elif isinstance(node, ast.Call):
            called = dotted(node.func).rpartition(".")[2]
            if called == "Table" and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)
            if called in {"command", "add_typer", "Typer"}:
                given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "name")]
                yield from (str(value.value) for value in given if isinstance(value, ast.Constant))
        elif isinstance(node, ast.FunctionDef):
            decorators = (part.func if isinstance(part, ast.Call) else part for part in node.decorator_list)
            if any(dotted(part).endswith(".command") for part in decorators):
                yield node.name


def forbidden_names(tree: ast.Module) -> list[str]:
    return [name for name in named(tree) if words(name) & FORBIDDEN]


def strays(path: str, tree: ast.Module) -> list[str]:
    """Drivers imported outside their rooms."""
    imported = imports(tree)
    return [
        f"{path} imports {driver}"
        for driver, allows in ROOMS_OF.items()
        if any(name == driver or name.startswith(f"{driver}.") for name in imported) and not allows(path)
    ]


def package_of(requirement: str) -> str:
    return re.split(r"[<>=!~\[ ;]", requirement)[0].lower().replace("_", "-")


def undeclared(tree: ast.Module, declared: set[str]) -> set[str]:
    """Outside packages that a file imports and pyproject.toml does not name: they may be there by chance only."""
    tops = {name.split(".")[0] for name in imports(tree)} - {"tradewind", *sys.stdlib_module_names}
    return {name for name in tops if IMPORTED_AS.get(name, name.replace("_", "-")) not in declared}


def reaches(path: str, tree: ast.Module) -> list[str]:
    """The clock or the environment used outside the files that own them."""
    used = {
        ".".join(name.split(".")[-2:]) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and (name := dotted(node))
    } | imports(tree)
    return [
        f"{path} uses {', '.join(sorted(used & names))}: {what}"
        for what, (names, allows) in WORLD.items()
        if used & names and not allows(path)
    ]


def not_a_noun(tree: ast.Module) -> list[str]:
    """What does not belong on the ground floor: anything but frozen dataclasses, enums, aliases and constants."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            frozen = any(
                isinstance(mark, ast.Call)
                and dotted(mark.func).endswith("dataclass")
                and any(k.arg == "frozen" and getattr(k.value, "value", False) is True for k in mark.keywords)
                for mark in node.decorator_list
            )
            if not frozen and not any(dotted(base).endswith("Enum") for base in node.bases):
                found.append(f"class {node.name} is neither a frozen dataclass nor an enum")
        elif not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign) and not isinstance(
            getattr(node, "value", None), ast.Constant
        ):
            found.append(f"line {node.lineno} is neither a noun nor an alias")
    allowed = ("tradewind.errors", "tradewind.model")
    return found + [
        f"imports {name}" for name in imports(tree) if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(allowed)
    ]


def long_protocols(tree: ast.Module) -> list[str]:
    protocols = [
        node
        for node in classes(tree)
        if node.name not in LONG_PROTOCOLS and any(dotted(getattr(base, "value", base)).endswith("Protocol") for base in node.bases)
    ]
    return [node.name for node in protocols if sum(isinstance(part, ast.FunctionDef) for part in node.body) > 7]


def patches(tree: ast.Module) -> list[str]:
    """Mocks, and attributes of our own modules replaced by a test."""
    ours = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tradewind")) or isinstance(node, ast.Import)
        for alias in node.names
        if isinstance(node, ast.ImportFrom) or alias.name.startswith("tradewind")
    }
    found = [name for name in imports(tree) if name.startswith(("unittest.mock", "pytest_mock"))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in {"monkeypatch.setattr", "mocker.patch", "monkeypatch.delattr"} and node.args:
            target = node.args[0]
            text = str(target.value) if isinstance(target, ast.Constant) else dotted(target)
            if text.split(".")[0] in ours | {"tradewind"}:
                found.append(f"line {node.lineno} patches {text}")
    return found


def drawn_tree(text: str) -> dict[str, str]:
    """Class -> parent, as the indented drawing of a docstring says."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        if not (match := re.fullmatch(r"( {2,})([A-Z]\w+)", line)):
            continue
        depth, name = len(match[1]), match[2]
        above = [(other, parent) for other, parent in above if other < depth]
        parents[name] = above[-1][1] if above else ""
        above.append((depth, name))
    return parents


def unexplained(pyproject: str) -> list[str]:
    """Ignores of the linter without a reason beside them."""
    section, found = "", []
    for line in pyproject.splitlines():
        if line.startswith("["):
            section = line
        inside = section == "[tool.ruff.lint]" and re.match(r'\s+"[A-Z]+\d+"', line)
        if (inside or (section == "[tool.ruff.lint.per-file-ignores]" and "=" in line)) and "# " not in line:
            found.append(line.strip())
    return found


PLACES = re.compile(
    "|".join(
        [
            r"(?<![\w.~}])/" + "work/",
            "pypi" + r"\.org",
            "python" + r"hosted\.org",
            "registry" + r"\.npmjs",
            "deb" + r"ian\.org",
            r"\bissue" + r"s? #?\d+",
        ]
    )
)
"""Traces of one machine, of a registry or of the way a change came about."""

LEFT_OVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\braise NotImplementedError\b")


# --- the house as it stands


def test_files_classes_and_functions_stay_small() -> None:
    found: dict[str, int] = {}
    for path, tree in modules().items():
        found |= oversized(path, tree, len((SOURCE / path).read_text("utf-8").splitlines()))
    assert found.keys() == TOO_LARGE.keys(), f"larger than the list of exceptions says, or no longer: {found}"


def test_nine_functions_of_ten_fit_a_glance() -> None:
    heights = [height(node) for tree in modules().values() for node in functions(tree)]
    large = sum(lines > LINES_OF_MOST for lines in heights)
    assert large <= len(heights) / 10, f"{large} of {len(heights)} functions have more than {LINES_OF_MOST} lines"


def test_every_module_says_what_it_is() -> None:
    assert not {path: wrong for path, tree in modules().items() if (wrong := bad_opening(tree))}


def test_names_come_from_the_plan() -> None:
    assert not {path: names for path, tree in modules().items() if (names := forbidden_names(tree))}


def test_no_room_is_called_after_nothing() -> None:
    paths = [path.relative_to(ROOT) for path in project_files() if path.suffix == ".py"]
    assert not [str(path) for path in paths if NAMELESS_ROOMS & {part.removesuffix(".py") for part in path.parts}]


def test_drivers_stay_in_their_rooms() -> None:
    assert not [line for path, tree in modules().items() for line in strays(path, tree)]


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {
        package_of(line)
        for line in [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    }
    assert not {
        path: names
        for path, tree in modules().items()
        if (names := undeclared(tree, declared | ({"pytest"} if path.startswith("testing/") else set())))
    }


def test_time_and_environment_are_handed_in() -> None:
    assert not [line for path, tree in modules().items() for line in reaches(path, tree)]


def test_the_drawn_tree_of_errors_is_the_real_one() -> None:
    real = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    parents = {name: kind.__bases__[0].__name__ if kind.__bases__[0].__name__ in real else "" for name, kind in real.items()}
    assert drawn_tree(errors.__doc__ or "") == parents


def test_no_error_grows_outside_the_tree() -> None:
    tree = set(drawn_tree(errors.__doc__ or ""))
    outside = {path: parsed for path, parsed in modules().items() if path != "errors.py"}
    assert not [
        f"{path}::{kind.name}"
        for path, parsed in outside.items()
        for kind in classes(parsed)
        if tree & {dotted(base) for base in kind.bases}
    ]


def test_the_ground_floor_holds_nouns_only() -> None:
    assert not {path: found for path, tree in modules().items() if path.startswith("model/") and (found := not_a_noun(tree))}


def test_protocols_are_short() -> None:
    assert not {path: names for path, tree in modules().items() if (names := long_protocols(tree))}


def test_the_sandbox_and_the_shop_know_nothing_of_the_product() -> None:
    judges = {path: tree for path, tree in modules().items() if path.startswith("sandbox/") or path == "demo/shop.py"}
    assert judges
    found = {path: {name for name in imports(tree) if name.startswith("tradewind")} for path, tree in judges.items()}
    assert not {path: names for path, names in found.items() if any(not name.startswith("tradewind.sandbox") for name in names)}


def test_tests_use_fakes_and_patch_nothing_of_ours() -> None:
    tests = sorted(path for path in (ROOT / "tests").rglob("*.py"))
    assert not {path.name: found for path in tests if (found := patches(ast.parse(path.read_text("utf-8"))))}


def test_every_ignore_of_the_linter_is_explained() -> None:
    assert not unexplained((ROOT / "pyproject.toml").read_text("utf-8"))


def test_nothing_is_left_for_later() -> None:
    assert not {path: match[0] for path in modules() if (match := LEFT_OVERS.search((SOURCE / path).read_text("utf-8")))}


def test_no_file_tells_where_it_was_made() -> None:
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in project_files()}
    assert not {path.relative_to(ROOT).as_posix(): match[0] for path, text in texts.items() if (match := PLACES.search(text))}


def test_every_file_is_small_enough_to_clone() -> None:
    assert not [path.name for path in project_files() if path.stat().st_size > 2**20]


def test_the_locks_hold_what_the_package_asks_for() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    wanted = {package_of(line) for line in declared}
    locked = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / "requirements" / "runtime.lock").read_text("utf-8"), re.MULTILINE)
    assert not wanted - set(locked)


def test_the_lock_of_the_console_holds_no_address() -> None:
    """Names, versions and hashes: whoever installs says from where."""
    text = (ROOT / "console" / "package-lock.json").read_text("utf-8")
    assert "://" not in text
    assert text.count('"integrity"') >= len(json.loads(text)["packages"]) - 1


def test_the_locks_agree_with_one_another_and_name_every_hash() -> None:
    pinned: dict[str, set[str]] = {}
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text("utf-8")
        assert "://" not in text, f"{lock.name} holds an address"
        entries = re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(.*)\\\n((?: {4}--hash=.*\n)*)", text, re.MULTILINE)
        assert entries
        assert all(hashes for *_, hashes in entries)
        for name, version, marker, _ in entries:
            pinned.setdefault(f"{name}{marker}", set()).add(version)
    assert not {name: versions for name, versions in pinned.items() if len(versions) > 1}


def test_the_door_can_be_read_by_a_python_too_old_for_it() -> None:
    assert ast.parse((ROOT / "dev").read_text("utf-8"), feature_version=(3, 8))


# --- the checks themselves can fail


TALL = "def tall():\n" + "    pass\n" * 90


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        (lambda tree: oversized("a.py", tree, 10), TALL, "def short():\n    pass\n"),
        (lambda tree: oversized("a.py", tree, 501), "", None),
        (lambda tree: oversized("a.py", tree, 9), "class Big:\n" + "    x = 1\n" * 400, "class Small:\n    x = 1\n"),
        (bad_opening, "import os\n", '"""What it is."""\n'),
        (bad_opening, '"""It goes on\nand on."""\n', None),
        (forbidden_names, "class ImportJob: ...", "class Run: ..."),
        (forbidden_names, "sa.Table('audiences', metadata)", "sa.Table('runs', metadata)"),
        (forbidden_names, "@app.command()\ndef pipeline_list(): ...", "@app.command()\ndef run_list(): ..."),
        (forbidden_names, "app.add_typer(sub, name='datasets')", "app.add_typer(sub, name='events')"),
        (forbidden_names, "class Settings:\n    chunk_rows: int", "class Settings:\n    home: Path"),
        (lambda tree: strays("cohorts/a.py", tree), "def f():\n    import duckdb", "import sqlglot"),
        (lambda tree: strays("ledger/base.py", tree), "from sqlalchemy import Table", "import json"),
        (lambda tree: strays("delivery/a.py", tree), "import httpx2", "import pyarrow as pa"),
        (lambda tree: undeclared(tree, {"pyyaml"}), "import click", "import yaml, json"),
        (lambda tree: reaches("runner.py", tree), "import datetime\nx = datetime.datetime.now()", "x = clock.now()"),
        (lambda tree: reaches("runner.py", tree), "from time import sleep", "clock.sleep(1)"),
        (lambda tree: reaches("vault/keys.py", tree), "import os\nx = os.environ['A']", "import os\nx = os.path"),
        (not_a_noun, "class Loose:\n    x: int", "@dataclass(frozen=True)\nclass Noun:\n    x: int"),
        (not_a_noun, "import pyarrow", "from tradewind.model.identifier import IdType"),
        (not_a_noun, "def act(): ...", "class Kind(StrEnum):\n    A = 'a'"),
        (
            long_protocols,
            "class Long(Protocol):\n" + "".join(f"    def f{n}(self): ...\n" for n in range(8)),
            "class P(Protocol):\n    def f(self): ...",
        ),
        (
            patches,
            "from tradewind import runner\nmonkeypatch.setattr(runner, 'run', fake)",
            "import sys\nmonkeypatch.setattr(sys, 'argv', [])",
        ),
        (patches, "monkeypatch.setattr('tradewind.door.send', fake)", "monkeypatch.setenv('A', 'b')"),
        (patches, "from unittest import mock", "import unittest"),
    ],
)
def test_a_check_refuses_a_bad_text_and_passes_a_good_one(check: Callable[[ast.Module], object], bad: str, good: str | None) -> None:
    assert check(ast.parse(bad))
    assert good is None or not check(ast.parse(good))


def test_the_checks_on_texts_can_fail_too() -> None:
    assert drawn_tree("  Base\n    Wrong\n") == {"Base": "", "Wrong": "Base"}
    assert unexplained('[tool.ruff.lint]\nignore = [\n  "S101",\n]') == ['"S101",']
    assert PLACES.search("see " + "/work" + "/main")
    assert not PLACES.search("frame/work/shop")
    assert LEFT_OVERS.search("# TODO later")
    assert words("ImportJobs-list") >= {"import", "job", "list"}
