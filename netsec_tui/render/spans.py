"""Lines of styled text, free of any terminal library; the UI maps roles to theme colours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netsec_tui.model.identity import CommunicationKey, Direction, Peer
from netsec_tui.model.provenance import RulePlace


class Role(StrEnum):
    """Name what a piece of text means; never a colour."""

    PLAIN = "plain"
    DIM = "dim"
    HEADING = "heading"
    ALLOWED = "allowed"
    REFUSED = "refused"
    GAINED = "gained"
    SELECTED = "selected"
    ENTITY = "entity"
    WARNING = "warning"
    KEY = "key"
    STRING = "string"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class ManualTarget:
    """Point at the n-th manual rule of a direction."""

    direction: Direction
    index: int


@dataclass(frozen=True, slots=True)
class FoldTarget:
    """Point at the line that stands for many peers of a direction; ``group`` names what they share."""

    direction: Direction
    group: str


@dataclass(frozen=True, slots=True)
class PolicyTarget:
    """Point at an applied policy by its kind and name, for instance ``NetworkPolicy shop/web``."""

    title: str


@dataclass(frozen=True, slots=True)
class SettingTarget:
    """Point at a line of the configuration: the group it stands in and its name there, empty for the head."""

    group: str
    name: str = ""


Target = CommunicationKey | Peer | ManualTarget | FoldTarget | RulePlace | PolicyTarget | SettingTarget
"""What a line is about: focusing or hovering it shows that thing's detail."""


@dataclass(frozen=True, slots=True)
class Span:
    """Hold a run of text with one role; ``text`` has no newline, control or escape character.

    ``target`` is set where a line is about several things: in the topology a line of text holds a
    communication and its peer, in the hub two of each. None means whatever the line is about.
    """

    text: str
    role: Role = Role.PLAIN
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line; ``target`` is what all of it is about, None for decoration, which the cursor skips."""

    spans: tuple[Span, ...] = ()
    target: Target | None = None

    @property
    def text(self) -> str:
        """Return the line without roles, as golden files hold it."""
        return "".join(span.text for span in self.spans)
