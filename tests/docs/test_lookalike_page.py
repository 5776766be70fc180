"""The page about lookalikes, typed as it stands over the made-up shop, against a sandbox."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from docs.test_pages_run import ROOT, lines_of, saved_files, terminal
from sandbox_process import SandboxProcess


def test_the_page_does_what_it_says(tmp_path: Path, sandbox: SandboxProcess) -> None:
    here, page = terminal(tmp_path, sandbox), (ROOT / "docs" / "how-to" / "lookalike.md").read_text("utf-8")
    shop = [sys.executable, str(ROOT / "src" / "tradewind" / "demo" / "shop.py"), str(tmp_path / "shop"), "--people", "1200"]
    subprocess.run([*shop, "--as-of", f"{datetime.now(UTC):%Y-%m-%d}"], check=True)
    here.type("tradewind init")
    here.type(f"tradewind events import {tmp_path / 'shop' / 'events'}")
    for name, content in saved_files(page).items():
        (tmp_path / name).write_text(content, "utf-8")
    for line in lines_of(page):
        here.type(line)
    card = here.ask("cohorts", "show", "like-buyers")["card"]
    assert card["auc"] > card["baseline"], "better than ranking people by how much they did, in the same run"
    assert card["auc_low"] > 0.5
    told = here.run("cohorts", "show", "like-buyers").output
    assert f"AUC {card['auc']:.3f}" in told
    assert "Purchase" in told
    segment = sandbox.members("ready1", "[Tradewind] Like buyers: like-buyers")
    assert len(segment) > 20
    buyers = here.ask("cohorts", "preview", "buyers")
    like = here.ask("cohorts", "preview", "like-buyers")
    assert like["members"] < buyers["members"] * 2
    assert not set(buyers["sample"]) & set(like["sample"])
