"""A tiny app around one table, rows to fill it, and what is painted; shared by the tests of the table."""

import re
from pathlib import Path

from textual.app import App
from textual.geometry import Region
from textual.widgets import Button

from netsec_tui.model.communication import AddressCategory, Communication
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, Direction, WorkloadRef, address_peer, owner_peer
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row, Standing
from netsec_tui.ui.widgets.communication_table import CommunicationTable

STYLES = Path(__file__).resolve().parents[2] / "styles"


class Spy(CommunicationTable):
    """A table that notes which of its rows are painted."""

    def render_line(self, y):
        self.__dict__.setdefault("painted", []).append(y)
        return super().render_line(y)


class Host(App):
    CSS_PATH = [STYLES / "line_scroll.tcss", STYLES / "communication_table.tcss"]
    CSS = "Button { height: 1; border: none; }"

    def __init__(self, rows, theme="textual-dark", focus=True):
        super().__init__()
        self.rows, self.start_theme, self.start_focus = rows, theme, focus
        self.seen = []

    def compose(self):
        yield Button("elsewhere")
        yield Spy()

    def on_mount(self):
        self.theme = self.start_theme
        self.query_one(Spy).set_rows(self.rows)
        if self.start_focus:
            self.query_one(Spy).focus()

    def note(self, kind, key):
        self.seen.append((kind, key.peer.name if key else None))

    def on_communication_table_focused(self, event):
        self.note("focused", event.key)

    def on_communication_table_hovered(self, event):
        self.note("hovered", event.key)

    def on_communication_table_activated(self, event):
        self.note("activated", event.key)

    def on_communication_table_refused(self, event):
        self.note("refused", event.key)

    def on_communication_table_toggled(self, event):
        self.seen.append(("ticked" if event.ticked else "unticked", [key.peer.name for key in event.keys]))

    def decisions(self):
        return [entry for entry in self.seen if entry[0] in ("ticked", "unticked", "refused", "activated")]


def row(name, standing=Standing.IN, port=8080, reason="", last_seen=0.0):
    is_ip = name[0].isdigit()
    peer = address_peer(name) if is_ip else owner_peer(WorkloadRef("Deployment", "shop", name))
    key = CommunicationKey(Direction.INGRESS, peer, Protocol.TCP, port)
    category = AddressCategory.UNKNOWN if is_ip else None
    reach = Reach.ALLOWED if standing is Standing.IN else Reach.DENIED
    return Row(Communication(key, last_seen=last_seen), standing, reason, category=category, reach=reach)


def shop(count):
    return [row(f"web{index:03}") for index in range(count)]


def addresses(count, standing=Standing.OUT):
    return [row(f"10.0.0.{index}", standing, 443) for index in range(count)]


def screen_of(table):
    """Return the text on the terminal: lines that nobody asked to repaint stay as they were."""
    return [strip.text.rstrip() for strip in table.render_lines(Region(0, 0, *table.outer_size))]


def row_of(table, text):
    """Return the screen row on which a text stands."""
    return next(y for y, line in enumerate(screen_of(table)) if text in line)


def shown_names(table):
    """Return the names of the rows in sight, from the top."""
    return re.findall(r"web\d+|new\d+|10\.0\.0\.\d+", "\n".join(screen_of(table)))


def cursor_line(table):
    """Return the painted line of the cursor."""
    wanted = table.get_component_rich_style("line--plain", "line--cursor").bgcolor
    strips = table.render_lines(Region(0, 0, *table.outer_size))
    lines = [strip.text for strip in strips if any(s.style and s.style.bgcolor == wanted for s in strip)]
    assert len(lines) <= 1
    return lines[0] if lines else ""
