"""``netsec-tui list`` of one workload: what applied policies and the draft make of its communications."""

import json

import pytest

CLOSED = """
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {namespace: data, name: closed}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""


@pytest.fixture
def closed(cluster, tmp_path):
    """Add a policy that lets nobody into the database."""
    (tmp_path / "closed.yaml").write_text(CLOSED, encoding="utf-8")
    return [*cluster, "--manifests", "closed.yaml", "-n", "shop", "deploy/web"]


def test_each_scenario_is_counted_and_each_row_has_three_verdicts(run, closed):
    code, out, _ = run("list", *closed, "-o", "json")
    document = json.loads(out)
    assert code == 0
    verdicts = {row["peer"]["name"]: row["whatIf"] for row in document["rows"]}
    # The draft lets web out to the database, whose own policy lets nobody in.
    denied, allowed = "would be denied", "allowed"
    assert verdicts["db"] == {"applied": denied, "appliedAndDraft": denied, "draftAlone": allowed}
    assert verdicts["203.0.113.9"] == {"applied": allowed, "appliedAndDraft": denied, "draftAlone": denied}
    assert verdicts["gateway"] == dict.fromkeys(("applied", "appliedAndDraft", "draftAlone"), allowed)

    counts = {name: dict(told) for name, told in document["whatIf"].items()}
    unseen = {name: told.pop("allowedNeverSeen") for name, told in counts.items()}
    assert counts == {
        "applied": {"allowed": 2, "wouldBeDenied": 1, "cannotTell": 0},
        "appliedAndDraft": {"allowed": 1, "wouldBeDenied": 2, "cannotTell": 0},
        "draftAlone": {"allowed": 2, "wouldBeDenied": 1, "cannotTell": 0},
    }
    # Both ways any address, gateway (on other ports) and idle; db may come in, though nobody gets to it.
    assert unseen == {"applied": 7, "appliedAndDraft": 0, "draftAlone": 0}


def test_the_table_ends_with_the_counts(run, closed):
    code, out, _ = run("list", *closed)
    rows, counts = out.split("\n\n")
    assert code == 0
    assert len(rows.splitlines()) == 1 + len(json.loads(run("list", *closed, "-o", "json")[1])["rows"])
    lines = [line.split("   ") for line in counts.splitlines()]
    assert [line[0] for line in lines] == ["WHAT IF", "applied", "applied + draft", "draft alone"]
    assert [[cell.strip() for cell in line if cell.strip()][1:4] for line in lines[1:]] == [
        ["2", "1", "0"],
        ["1", "2", "0"],
        ["2", "1", "0"],
    ]


def test_a_workload_without_a_policy_is_still_told_what_is_applied(run, closed):
    document = json.loads(run("list", *closed[:-1], "ds/agent", "-o", "json")[1])
    assert document["policies"] == []
    assert {row["whatIf"]["draftAlone"] for row in document["rows"]} == {"allowed"}
    # It runs on the node of the database, to which a node's own traffic is let through.
    assert {row["whatIf"]["applied"] for row in document["rows"]} == {"cannot tell"}
