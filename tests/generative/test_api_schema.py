"""The API against its own description: whatever the description allows, and what it forbids, is answered as it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from generative.fuzzing import fuzzed
from site_of import Site
from tradewind.model.sync import Cadence
from tradewind.operations import factors, syncs

load_all_checks()

EXAMPLES = {GenerationMode.POSITIVE: 2, GenerationMode.NEGATIVE: 1}
"""Of each route, unless `./dev fuzz` says otherwise: sound requests, and unsound ones."""

RULE = "/api/v1/second-factor"
"""Where everybody may be asked for a second factor, which nobody here has: it is taken back, or all that follows would be refused."""

BESIDE = [positive_data_acceptance]
"""A description cannot say which ids exist or which password is too common: sound requests may be refused, in a sentence."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site where a sync has run."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.town.add("daily", Cadence.DAILY)
    syncs.run(site.town.parts, "default", "daily", None, lambda *_: None)
    site.user("root", administrator=True)
    yield site
    site.close()


class Caller:
    """An administrator who signs in again when a request has ended the session; two of three requests are about what is there.

    Not those whose wrong part is the path: with a good one nothing would be wrong with them.
    """

    def __init__(self, site: Site) -> None:
        self.site, self.asked = site, 0
        run = site.town.parts.ledger.newest("default", "daily", site.town.clock.now())
        assert run is not None
        self.there = {
            "project": "default",
            "cohort": "all",
            "connection": "main",
            "sync": "daily",
            "run": run.id,
            "destination": "thetradedesk",
        }
        self.browser: TestClient = site.signed_in("root")
        self.answers: Counter[int] = Counter()
        self.wrong: dict[str, str] = {}

    def __call__(self, case: Any) -> None:
        if case.path_parameters and not case.meta.is_negative_at(ParameterLocation.PATH):
            self.asked += 1
            if self.asked % 3:
                case.path_parameters = {name: self.there.get(name, value) for name, value in case.path_parameters.items()}
        given = case.as_transport_kwargs(base_url="https://tradewind.example")
        given = {name: value for name, value in given.items() if name in {"method", "url", "headers", "params", "json", "data", "content"}}
        if not isinstance(given.get("data", {}), dict):
            given["content"] = given.pop("data")
        answer = self.browser.request(**given)
        if answer.status_code == 401:
            self.site.town.clock.sleep(3600)  # for requests that guessed at a password or a code
            self.browser = self.site.signed_in("root")
            answer = self.browser.request(**given)
        if answer.request.url.path == RULE:
            factors.require(self.site.town.parts, "test", required=False)
        self.answers[answer.status_code] += 1
        if answer.status_code == 413 and case.meta.is_negative_at(ParameterLocation.BODY):
            return  # which the check does not know for a refusal
        try:
            case.validate_response(answer, excluded_checks=BESIDE)
        except FailureGroup as found:
            self.wrong.setdefault(case.operation.label, str(found)[:2000])


def test_every_route_answers_as_its_description_says(site: Site) -> None:
    """No failure on this side, no answer of another form, nothing unsound taken."""
    call = Caller(site)
    for found in schemathesis.openapi.from_dict(site.app.openapi()).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode, examples in EXAMPLES.items():

            @fuzzed(examples)
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                call(case)

            try:
                ask()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, f"{operation.label}: nothing can be sent"
    print(sorted(call.answers.items()))
    assert not call.wrong, "\n\n".join(f"{label}\n{text}" for label, text in call.wrong.items())
    assert call.answers[200] > 50
    assert call.answers[422] > 50
