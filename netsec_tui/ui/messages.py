"""What widgets and screens ask of those above them."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from netsec_tui.model.identity import CommunicationKey
from netsec_tui.render.spans import Target
from netsec_tui.session.actions import Action


@dataclass
class Decide(Message):
    """Ask the app to carry out an action on the session."""

    action: Action


@dataclass
class Say(Message):
    """Ask the screen to say one sentence in the status line, or only ``instead_of`` another one there."""

    text: str
    error: bool = False
    instead_of: str | None = None


@dataclass
class Saved(Message):
    """Tell the app that the policy of the chosen workload was written to ``path``."""

    path: str


@dataclass
class NameAddress(Message):
    """Ask the app to name an unresolved IP, or to edit the alias named; one of both is empty."""

    address: str
    alias: str


class WhatIfCleared(Message):
    """Tell the screen that a table no longer wants only the rows of a what-if verdict."""


@dataclass
class OpenDetail(Message):
    """Ask the screen to show everything about one element."""

    target: Target


@dataclass
class FocusCommunication(Message):
    """Tell the screen which communication is focused, so that every pane can show what belongs to it."""

    key: CommunicationKey

    def can_replace(self, message: Message) -> bool:
        """Let the newest win over those not handled yet."""
        return isinstance(message, FocusCommunication)
