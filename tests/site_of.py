"""The API around a town in memory, as a browser and a program meet it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.testclient import TestClient

from town import Town
from tradewind.access.roles import Role, Routes
from tradewind.model.project import Project, ProjectPlan
from tradewind.operations import people
from tradewind.web.application import build
from tradewind.web.limits import Seen
from tradewind.web.metrics import Metrics
from tradewind.web.rates import Rates
from tradewind.web.shell import File
from tradewind.worker import Stop, run_once

PASSWORD = "correct horse battery"
HERE = "https://tradewind.example"


class Site:
    """A town with a second project, and its API; nobody is slowed down unless a test wants it."""

    def __init__(self, folder: Path) -> None:
        self.town = Town(folder)
        self.town.parts.catalog.add_project(Project("other", "Other", ProjectPlan.PAID, "UTC", ("fake",)), "ann")
        self.nudges, self.metrics, self.trouble = 0, Metrics(), ""
        self.seen: list[Seen] = []
        self.app = self._built(None)

    def _built(self, console: Mapping[str, File] | None) -> FastAPI:
        parts = self.town.parts
        tell = self.seen.append
        app = build(
            parts,
            parts,
            nudge=self._nudge,
            ready=lambda: self.trouble,
            metrics=self.metrics,
            tell=tell,
            console=console,
            names=[urlsplit(HERE).hostname or ""],
        )
        app.state.rates = app.state.guesses = Rates(10**6, 10**6)
        return app

    def browser(self, address: str = "192.0.2.7", console: Mapping[str, File] | None = None) -> TestClient:
        """A client that keeps cookies and says where it comes from, as browsers do; with pages of a console where some are given."""
        app = self.app if console is None else self._built(console)
        client = TestClient(app, base_url=HERE, client=(address, 1), headers={"Origin": HERE})
        client.headers.pop("user-agent")
        return client

    def signed_in(self, user: str) -> TestClient:
        """A browser with a session."""
        client = self.browser()
        answer = client.post("/api/v1/session", json={"user": user, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return client

    def user(self, name: str, roles: dict[str, Role] | None = None, *, administrator: bool = False) -> str:
        """Somebody who has chosen a password."""
        invited = people.add_user(self.town.parts, "test", name, name.title(), administrator=administrator, roles=roles)
        people.welcome(self.town.parts, invited.code, PASSWORD)
        return name

    def program(self, user: str, project: str, role: Role, *routes: Routes) -> TestClient:
        """A client with a token."""
        text = people.issue(self.town.parts, "test", user, f"of {user}", project, role, 9, routes).text
        return TestClient(self.app, base_url=HERE, headers={"Authorization": f"Bearer {text}"})

    def work(self) -> None:
        """What the worker beside the API does when it looks."""
        for done in run_once(self.town.parts, Stop()):
            assert done.error is None, done.error

    def _nudge(self) -> None:
        self.nudges += 1

    def close(self) -> None:
        """Give the town back."""
        self.town.close()


def detail(answer: Any) -> str:
    """The sentence of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found: str = answer.json()["detail"]
    return found
