"""Decisions files without a screen: a review goes through a pull request and is made anew with new flows."""

import json

import pytest
import yaml

from tests.cli.conftest import LINES, both_ways, manifest

WEB = ["-n", "shop", "deploy/web"]
FILE = "web.decisions.yaml"


@pytest.fixture
def saved(run, cluster, tmp_path):
    """Save the decisions of web as they start, and return the file and the policy."""
    code, policy, err = run("generate", *cluster, *WEB, "--save-decisions", FILE)
    assert (code, f"saved the decisions to {FILE}" in err) == (0, True)
    return tmp_path / FILE, policy


def sees(tmp_path, *lines):
    (tmp_path / "flows.json").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_what_was_saved_gives_the_same_policy_and_says_nothing(run, cluster, saved):
    _, policy = saved
    code, out, err = run("generate", *cluster, *WEB, "--decisions", FILE)
    assert (code, out) == (0, policy)
    assert "new since" not in err
    assert "not seen" not in err


def test_a_review_goes_through_a_pull_request_and_is_made_anew_with_new_flows(run, cluster, saved, tmp_path):
    file, policy = saved
    sees(tmp_path, *LINES, *both_ways("idle-1", "web-1", 8080, 200))
    code, out, err = run("generate", *cluster, *WEB, "--decisions", FILE)
    assert (code, out) == (0, policy)
    assert "1 communication is new since the decisions were saved and starts out" in err
    assert "ingress shop/Deployment/idle 8080/TCP" in err
    assert "idle" in run("generate", *cluster, *WEB)[1]
    # The reviewer takes the new row in by moving its line, in git.
    before = file.read_text(encoding="utf-8")
    code, _, _ = run("generate", *cluster, *WEB, "--decisions", FILE, "--save-decisions", FILE)
    after = file.read_text(encoding="utf-8")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert code == 0
    assert (
        added
        == [
            "  out:",
            "    - {peer: owner, namespace: shop, kind: Deployment, name: idle, protocol: TCP, port: 8080}",
        ]
        or added == added[-1:]
    )
    moved = after.replace(f"{added[-1]}\n", "").replace("  in:\n", f"  in:\n{added[-1]}\n", 1)
    file.write_text(moved.replace("  out:\negress", "egress"), encoding="utf-8")
    code, out, err = run("generate", *cluster, *WEB, "--decisions", FILE)
    assert (code, "idle" in out, "new since" in err) == (0, True, False)


def test_what_was_not_seen_stays_and_what_is_gone_is_told(run, cluster, saved, tmp_path):
    _, policy = saved
    sees(tmp_path, *both_ways("gateway-1", "web-1", 8080, 300))
    code, out, err = run("generate", *cluster, *WEB, "--decisions", FILE)
    assert (code, out) == (0, policy)
    assert "1 saved communication was not seen in this timespan" in err
    assert "egress data/StatefulSet/db 5432/TCP" in err
    left = manifest()
    left["items"] = [item for item in left["items"] if not item["metadata"]["name"].startswith("db")]
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(left), encoding="utf-8")
    code, out, err = run("generate", *cluster, *WEB, "--decisions", FILE)
    assert (code, "5432" in out) == (0, False)
    assert "1 saved communication is gone" in err


def test_list_tells_it_as_json_and_in_its_table(run, cluster, saved, tmp_path):
    sees(tmp_path, *both_ways("gateway-1", "web-1", 8080), *both_ways("idle-1", "web-1", 8080))
    code, out, _ = run("list", *cluster, *WEB, "--decisions", FILE, "-o", "json")
    document = json.loads(out)
    assert (code, {row["peer"]["name"]: row["since"] for row in document["rows"]}) == (
        0,
        {"gateway": None, "idle": "new", "db": "not seen"},
    )
    told = document["decisions"]
    assert (told["new"], told["notSeen"], told["gone"], told["held"]) == (1, 1, 0, 0)
    assert [row["letThrough"] for row in told["rows"]] == [False, False]
    assert [(row["peer"]["name"], row["since"]) for row in told["rows"]] == [
        ("idle", "new"),
        ("db", "not seen"),
    ]
    assert json.loads(run("list", *cluster, *WEB, "-o", "json")[1])["decisions"] is None
    table = run("list", *cluster, *WEB, "--decisions", FILE)[1]
    assert "out (new)" in table
    assert "in (not seen)" in table


def test_diff_follows_the_decisions(run, cluster, saved, tmp_path):
    sees(tmp_path, *LINES, *both_ways("idle-1", "web-1", 8080, 200))
    code, out, err = run("diff", *cluster, *WEB, "--decisions", FILE, "--yaml")
    assert (code, "idle" in out, "new since" in err) == (1, False, True)


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["generate", *WEB, "--save-decisions", FILE], 73, "exists: load it with --decisions"),
        (["generate", *WEB, "--save-decisions", "flows.json", "--decisions", FILE], 73, "exists"),
        (["generate", *WEB, "--decisions", "none.yaml"], 66, "none.yaml does not exist"),
        (
            ["generate", "-n", "shop", "deploy/gateway", "--decisions", FILE],
            65,
            "for Deployment/web in namespace shop",
        ),
        (["generate", *WEB, "--decisions", "flows.json"], 65, "flows.json:"),
        (["list", "--decisions", FILE], 64, "--decisions needs the workload"),
        (["diff", *WEB, "--decisions", "cluster.yaml"], 2, "cluster.yaml:"),
    ],
)
def test_refusals_are_told_and_change_nothing(run, cluster, saved, tmp_path, argv, code, told):
    file, _ = saved
    before = file.read_bytes()
    found, out, err = run(*argv[:1], *cluster, *argv[1:])
    assert (found, out) == (code, "")
    assert told in err
    assert "Traceback" not in err
    assert file.read_bytes() == before


def test_saving_over_the_file_that_was_loaded_is_meant(run, cluster, saved):
    file, _ = saved
    before = file.read_text(encoding="utf-8")
    file.write_text(f"# reviewed by ops\n{before}", encoding="utf-8")
    code, _, _ = run("generate", *cluster, *WEB, "--decisions", FILE, "--save-decisions", f"./{FILE}")
    assert (code, file.read_text(encoding="utf-8")) == (0, before)


def test_a_folder_gets_a_file_of_the_policys_name(run, cluster, tmp_path):
    (tmp_path / "reviews").mkdir()
    assert run("generate", *cluster, *WEB, "--save-decisions", "reviews")[0] == 0
    assert [path.name for path in (tmp_path / "reviews").iterdir()] == ["deployment-web.decisions.yaml"]
