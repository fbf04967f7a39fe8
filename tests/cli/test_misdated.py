"""Input of which no flow counts, because no time of it can be: no command makes a policy of that."""

import json
import os

import pytest

from tests.cli.conftest import LINES
from tests.sources.conntrack.conntrack_lines import line

WEB = ["-n", "shop", "deploy/web"]
TABLE = line("10.1.0.1:40000", "10.1.0.2:8080", "10.1.0.2:8080") + "\n"
FUTURE = 4_000_000_000


def dated(year, lines=LINES, nodes=("node-1",)):
    """Return lines of Hubble that are all of a year, told by nodes in turn."""
    moved = (text.replace("2026-01-05", f"{year}-01-05") for text in lines)
    told = (text.replace("node-1", nodes[n % len(nodes)]) for n, text in enumerate(moved))
    return "".join(f"{text}\n" for text in told)


@pytest.fixture
def none_counts(cluster, tmp_path, request):
    (tmp_path / "flows.json").write_text(dated(request.param))
    return cluster


years = pytest.mark.parametrize("none_counts", ["1970", "2099"], indirect=True)


@years
@pytest.mark.parametrize("command", ["generate", "diff"])
def test_no_policy_is_made_where_no_flow_counts(run, none_counts, command):
    code, out, err = run(command, *none_counts, *WEB)
    assert (code, out) == (2, "")
    assert f"not one of the {len(LINES)} flows that were read counts" in err
    assert "without flows that count" in err
    assert "clock skew: node node-1 tells of flows" in err


@years
def test_a_listing_without_a_flow_that_counts_says_so(run, none_counts):
    code, out, err = run("list", *none_counts, "-o", "json")
    assert code == 2
    assert "set the clock of the nodes or of this machine" in err
    document = json.loads(out)
    assert (document["workloads"], document["input"]["flows"]) == ([], len(LINES))
    assert document["quality"]["lost"]["events"] == len(LINES)


def test_what_counts_beside_it_is_enough(run, cluster, tmp_path):
    (tmp_path / "later.json").write_text(dated("2099", LINES[:2], ["node-9"]))
    code, out, err = run("generate", *cluster, "--flows", "later.json", *WEB)
    assert code == 0
    assert "port: 8080" in out
    assert "clock skew: node node-9" in err
    assert "this machine's clock" not in err


@pytest.mark.parametrize("counted", [[], LINES])
def test_where_every_node_is_ahead_this_machine_is_likely_behind(run, cluster, tmp_path, counted):
    lines = dated("2099", LINES, ["node-1", "node-2"]) + dated("2026", counted)
    (tmp_path / "flows.json").write_text(lines)
    code, _, err = run("list", *cluster)
    assert code == (0 if counted else 2)
    assert (
        err.count("every node tells of flows after now, so this machine's clock is likely to be behind") == 1
    )


@pytest.mark.parametrize("changed", [1, FUTURE])
def test_a_table_whose_file_has_a_time_that_cannot_be_fails_with_the_way_out(run, cluster, tmp_path, changed):
    (tmp_path / "table").write_text(TABLE)
    os.utime(tmp_path / "table", (changed, changed))
    state = ["--manifests", "cluster.yaml"]
    for inputs in (["--flows", "table", *state], [*cluster, "--flows", "table"]):
        code, out, err = run("generate", *inputs, *WEB)
        assert (code, out) == (65, "")
        (said,) = (text for text in err.splitlines() if "table was last changed" in text)
        assert "touch -d" in said
    code, out, _ = run("list", *cluster, "--flows", "table")
    assert code == 65
    assert "web" in out
