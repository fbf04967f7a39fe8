"""What widgets and screens ask of those above them."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from netsec_tui.render.spans import Target
from netsec_tui.session.actions import Action


@dataclass
class Decide(Message):
    """Ask the app to carry out an action on the session."""

    action: Action


@dataclass
class Say(Message):
    """Ask the screen to say one sentence in the status line."""

    text: str
    error: bool = False


@dataclass
class Saved(Message):
    """Tell the app that the policy of the chosen workload was written to ``path``."""

    path: str


@dataclass
class WhatIfCleared(Message):
    """Tell the screen that a table no longer wants only the rows of a what-if verdict."""


class OpenDetail(Message):
    """Ask the screen to show everything about one element."""

    target: Target
