"""Nothing exists undocumented: every command, setting, error and exit code stands in docs/reference, and every link leads somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from tradewind import errors
from tradewind.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@cache
def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


def texts() -> list[Path]:
    """Every Markdown page of the project."""
    folders = [ROOT / "docs", ROOT / "examples"]
    return sorted([*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))])


def documented(heading: str) -> set[str]:
    """The commands that the generated page describes."""
    return set(re.findall(rf"^## ({heading}.*)$", page("commands.md"), re.MULTILINE))


def commands_in(text: str) -> set[str]:
    """The lines of indented and fenced blocks that call the program."""
    return set(re.findall(r"^(?: {4}|\$ )?\s*(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(tradewind [a-z].*)$", text, re.MULTILINE))


def unknown_links(path: Path, text: str) -> list[str]:
    """Relative links of a page that lead to no file, and anchors that lead to no heading."""
    found = []
    for target in re.findall(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / unquote(name)) if name else path
        lost = bool(anchor) and file.suffix == ".md" and file.exists() and anchor not in anchors(file.read_text("utf-8"))
        if lost or not file.exists():
            found.append(target)
    return found


def anchors(text: str) -> set[str]:
    """The anchors a reader's page gives to the headings of a text."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_page_of_commands_is_what_the_program_says() -> None:
    found = generate("--check")
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_command_that_a_page_shows_exists() -> None:
    known = documented("tradewind")
    groups = {name for name in known if any(other.startswith(f"{name} ") for other in known)}
    unknown = {}
    for path in (path for path in texts() if path.name != "commands.md"):
        for line in commands_in(path.read_text("utf-8")):
            words = line.split()
            called = " ".join(words[:3]) if " ".join(words[:2]) in groups else " ".join(words[:2])
            if called not in known and not called.startswith("tradewind --"):
                unknown[line] = path.relative_to(ROOT).as_posix()
    assert not unknown


def test_every_route_and_metric_is_documented() -> None:
    from tradewind.web import metrics
    from tradewind.web.application import describe

    calls = [f"`{method.upper()} {path}`" for path, methods in describe()["paths"].items() for method in methods]
    assert len(calls) > 50
    assert not [call for call in calls if call not in page("api.md")]
    told = (ROOT / "docs" / "how-to" / "serve.md").read_text("utf-8")
    counted = re.findall(r"^- (tradewind_\w+)", metrics.__doc__ or "", re.MULTILINE)
    assert counted
    assert not [name for name in counted if f"`{name}`" not in told]


def test_every_setting_is_documented() -> None:
    text = page("settings.md")
    missing = [name for name in Settings.model_fields if f"`{name}`" not in text or f"`TRADEWIND_{name.upper()}`" not in text]
    assert not missing


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {f"TRADEWIND_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"^\| `\w+` \| `(TRADEWIND_[A-Z0-9_]+)`", page("settings.md"), re.MULTILINE)) == known


def error_classes() -> list[type[errors.TradewindError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TradewindError)]


def test_every_error_is_documented_with_its_exit_code() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", page("errors.md"), re.MULTILINE))
    assert rows == {kind.__name__: str(kind.exit_code) for kind in error_classes()}


def test_every_answer_that_is_no_error_has_its_code_documented() -> None:
    assert re.search(r"^\| 12 \| held", page("errors.md"), re.MULTILINE)


def test_every_link_between_pages_leads_somewhere() -> None:
    assert not {path.relative_to(ROOT).as_posix(): links for path in texts() if (links := unknown_links(path, path.read_text("utf-8")))}


def test_every_page_can_be_found_from_the_map() -> None:
    text = (ROOT / "docs" / "README.md").read_text("utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md") if path.name != "README.md"]
    assert not [name for name in pages if f"({name})" not in text]


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]


def test_the_checks_can_fail(tmp_path: Path) -> None:
    here = tmp_path / "page.md"
    here.write_text("# A heading\n", "utf-8")
    assert unknown_links(here, "[x](gone.md) [y](page.md) [z](#a-heading) [w](#no)") == ["gone.md", "#no"]
    assert commands_in("Run\n\n    tradewind syncs plan x\n") == {"tradewind syncs plan x"}
    assert commands_in("```\n$ tradewind init\nTRADEWIND_SANDBOX_URL=x tradewind doctor\n```") == {"tradewind init", "tradewind doctor"}


def test_no_two_shapes_of_the_api_have_one_name() -> None:
    """Where they had, both would be named after their modules, and clients made from the description would change."""
    from tradewind.web.application import describe

    assert [name for name in describe()["components"]["schemas"] if "__" in name] == []
