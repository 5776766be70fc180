"""Sentences as the API and the console tell them: what to do, without the command that does it; pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_COMMAND = r"tradewind [a-z][^;(]*?'?(?=$|;| \()"

_BY_COMMAND = re.compile(rf",?(?: or)? with(?:: | '){_COMMAND}|; (?:(?:see|then): )?{_COMMAND}| \(tradewind [^)]*\)")
"""A deed, and the command that does it; a clause of its own about a command; a command in brackets."""

_OPTIONS = {"--empty": "leaving=empty", "--let-expire": "leaving=let_expire"}
"""What an option of the command line is called over the API."""


def spoken(sentence: str) -> str:
    """The sentence without commands, and with the API's words for options."""
    said = _BY_COMMAND.sub("", sentence)
    for option, parameter in _OPTIONS.items():
        said = said.replace(option, parameter)
    return said


Said = Annotated[str, AfterValidator(spoken)]
"""A field that holds such a sentence."""
