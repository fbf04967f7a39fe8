"""What leads to the configuration: unresolved rows of the tables, and the messages at the top."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netsec_tui.ui.start import StartScope
from tests.ui.config_host import (
    BOTH,
    config_app,
    press,
    top,
    words,
    write,
)
from tests.ui.shop import NARROW, WIDE, cluster, full_feed, screen_text, started, status


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shop.yaml"


class TestTables:
    async def test_an_unresolved_row_can_be_a_range_of_the_cluster(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await press(pilot, "2", "end", "at", "tab", "tab", "tab", "down", "enter")
            assert "Service CIDR" in screen_text(app)
            await press(pilot, "ctrl+u")
            await write(pilot, "203.0.113.0/24")
            assert "10.96.0.0/16, which the cluster tells, is entered by hand with it" in words(app)
            assert re.search(r"of \d unresolved addresses become: \d Internal", words(app))
            await press(pilot, "enter")
            assert set(app.session.config.service_cidrs) == {"10.96.0.0/16", "203.0.113.0/24"}
            assert set(app.session.inventory.service_cidrs) == {"10.96.0.0/16", "203.0.113.0/24"}

    async def test_allowed_needs_no_name(self, file):
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await press(pilot, "2", "end", "at", "tab", "tab", "space", "enter")
            (alias,) = app.session.config.aliases
            assert alias.allowed
            assert alias.entries == (f"{alias.name}/32",)

    async def test_locked_the_reason_is_said(self, file):
        app = config_app(file, locked="The configuration is locked.")
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            await press(pilot, "2", "end", "at")
            assert status(app) == "The configuration is locked."


class TestMessages:
    async def test_a_missing_range_leads_to_its_area(self, file):
        bare = replace(cluster(), discovered=())
        app = config_app(file, feed=full_feed(inventory=bare))
        async with app.run_test(size=NARROW) as pilot:
            await started(pilot)
            assert "Cluster subnet is incomplete" in screen_text(app)
            assert "(C" in top(app)
            await press(pilot, "w")
            assert "(C: Configuration)" in words(app)
            await press(pilot, "C")
            assert "Pod CIDRs" in screen_text(app)
            assert "enter what is missing" in words(app)
            assert "in the configuration" not in words(app)

    async def test_what_is_missing_is_said_without_a_workload_too(self, file):
        app = config_app(
            file, feed=full_feed(inventory=replace(cluster(), discovered=())), start=StartScope()
        )
        async with app.run_test(size=NARROW) as pilot:
            await started(pilot)
            await press(pilot, "escape", "C", "3")
            assert "the IPv4 pod and service ranges are not known" in words(app)
            assert "in the configuration" not in words(app)

    @BOTH
    async def test_the_namespaces_without_labels_can_be_read_before_the_messages_are_opened(self, file, size):
        file.write_text("schema: 1\nlabels: {namespaces: {exclude: ['*']}}\n")
        many = replace(cluster(), namespaces=dict.fromkeys((*cluster().namespaces, "data"), ()))
        app = config_app(file, feed=full_feed(inventory=many))
        async with app.run_test(size=size) as pilot:
            await started(pilot)
            (first, *_) = app.session.review().warnings
            names = first.partition(": ")[2].partition(" (")[0]
            assert names in " ".join(top(app).split())
            assert "(C" in top(app)

    async def test_a_namespace_without_labels_leads_to_the_labels(self, file):
        file.write_text("schema: 1\nlabels: {namespaces: {exclude: [kubernetes.io/metadata.name]}}\n")
        app = config_app(file)
        async with app.run_test(size=WIDE) as pilot:
            await started(pilot)
            assert "you need to assign labels" in screen_text(app)
            assert "(C" in top(app)
            await press(pilot, "w")
            assert "(C: Configuration)" in words(app)
            await press(pilot, "C")
            assert "Labels of namespaces" in screen_text(app)
