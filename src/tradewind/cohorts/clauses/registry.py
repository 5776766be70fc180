"""Every kind of clause; a new one is a file beside this and a line here."""

from __future__ import annotations

from typing import Any

from tradewind.cohorts.clauses.did import DidForm
from tradewind.cohorts.clauses.form import Form
from tradewind.cohorts.clauses.in_cohort import InCohortForm
from tradewind.cohorts.clauses.in_sequence import InSequenceForm
from tradewind.cohorts.clauses.lifecycle import ActiveForm, InactiveForm, NewForm, ReturnedForm
from tradewind.cohorts.clauses.more_often import MoreOftenForm
from tradewind.cohorts.clauses.sample import SampleForm
from tradewind.cohorts.clauses.user_property import UserPropertyForm
from tradewind.model.cohort import Did, Inactive, InCohort, InSequence, MoreOften, New, Returned, Rule, Sample, UserProperty

_FORMS: dict[type[Any], Form[Any]] = {
    Did: DidForm(),
    MoreOften: MoreOftenForm(),
    InSequence: InSequenceForm(),
    New: NewForm(),
    Inactive: InactiveForm(),
    Returned: ReturnedForm(),
    UserProperty: UserPropertyForm(),
    InCohort: InCohortForm(),
    Sample: SampleForm(),
}
BY_WORD: dict[str, Form[Any]] = {word: form for form in (*_FORMS.values(), ActiveForm()) for word in form.words}
"""The forms by the keys that they are known by in YAML; `user.` is the beginning of one."""


def form_of(clause: Rule) -> Form[Any]:
    """What a clause knows of itself; rules of rules have no form."""
    return _FORMS[type(clause)]
