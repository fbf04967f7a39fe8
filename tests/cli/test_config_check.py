"""``netsec-tui config check``: what there is to settle; and what ranges by hand rule out."""

import json
import shlex

import pytest

from netsec_tui.configuration.paths import config_path


def test_good_file_is_good(run, prod):
    code, out, err = run("config", "check")
    assert code == 0
    assert out.startswith(f"{prod} can be used\n")
    assert "aliases.proxies   covers 257 addresses" in out
    assert "only the file was looked at" in err


def test_file_that_is_not_there_is_no_mistake(run, prod):
    code, out, _ = run("config", "check", "--context", "test")
    assert (code, out) == (0, f"{config_path('test')} is not there yet: defaults count\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema: 1\ncluster: other\n", ["for the cluster other, and it is used for prod"]),
        ("schema: 1\nlabels: {workloads: {exclude: [app]}}\n", ["Deployment/web", "nothing can be selected"]),
        (
            'schema: 1\nlabels: {namespaces: {exclude: ["kubernetes.io/metadata.name"]}}\n',
            [
                "you need to assign labels to these namespaces: data, shop",
                "netsec-tui config remove labels.namespaces.exclude kubernetes.io/metadata.name --context",
            ],
        ),
        ("schema: 1\naliases: {mine: {entries: [10.1.0.9]}}\n", ["10.1.0.9/32 is inside the pod range"]),
    ],
)
def test_findings_are_named_and_end_with_1(run, prod, cluster, text, words):
    prod.write_text(text, encoding="utf-8")
    code, out, _ = run("config", "check", *cluster)
    assert code == 1
    findings = [line for line in out.splitlines() if line.startswith("finding")]
    for word in words:
        assert any(word in line for line in findings), out
    told = json.loads(run("config", "check", *cluster, "-o", "json")[1])
    assert len(told["findings"]) == len(findings)


def test_ranges_are_told_with_their_origin(run, prod, cluster):
    out = run("config", "check", "--context", "none", *cluster)[1]
    assert "note      cidrs.pods   10.1.0.0/24 (told by Node node-1 podCIDRs)" in out


def test_range_that_is_missing_is_a_finding_with_the_command_that_enters_it(run, cluster):
    code, out, _ = run("config", "check", "--context", "none", *cluster)
    (finding,) = (line for line in out.splitlines() if line.startswith("finding"))
    assert code == 1
    assert "Cluster subnet is incomplete: the IPv4 service range is not known" in finding
    command = "netsec-tui config add cidrs.services CIDR --context none"
    assert finding.endswith(f": {command}")
    assert run(*shlex.split(command.replace("CIDR", "10.96.0.0/16"))[1:])[0] == 0
    assert run("config", "check", "--context", "none", *cluster)[0] == 0


@pytest.mark.parametrize(
    ("services", "alias", "expected"),
    [
        ("10.96.0.0/16", "10.244.0.9", "10.244.0.9/32 is inside the pod range 10.244.0.0/16"),
        ("10.244.8.0/24", "203.0.113.7", "10.244.8.0/24 (by hand): overlaps the pod range 10.244.0.0/16"),
        ("10.96.0.0/16", "203.0.113.7", None),
    ],
)
def test_file_alone_is_checked_against_its_own_ranges(run, prod, services, alias, expected):
    ranges = f"cidrs: {{pods: [10.244.0.0/16], services: [{services}]}}\n"
    prod.write_text(f"schema: 1\n{ranges}aliases: {{mine: {{entries: [{alias}]}}}}\n", encoding="utf-8")
    code, out, _ = run("config", "check")
    findings = "\n".join(line for line in out.splitlines() if line.startswith("finding"))
    assert (code, bool(findings)) == ((1, True) if expected else (0, False))
    assert (expected or "") in findings


def test_ranges_by_hand_that_do_not_fit_the_cluster_are_findings(run, prod, cluster):
    run("config", "set", "cidrs.services", "10.96.0.0/16")
    code, out, _ = run("config", "check", *cluster)
    (finding, gap) = (line for line in out.splitlines() if line.startswith("finding"))
    assert code == 1
    assert gap.endswith("netsec-tui config add cidrs.pods CIDR --context prod")
    assert "lies outside what was entered by hand: 10.244.0.0/16" in finding
    run("config", "set", "cidrs.pods", "10.1.0.0/16")
    run("config", "set", "cidrs.services", "10.1.8.0/24")
    code, out, _ = run("config", "check", *cluster)
    assert code == 1
    assert "10.1.8.0/24 (by hand): overlaps the pod range 10.1.0.0/16" in out


def test_what_is_wrong_is_in_the_json_too(run, prod):
    prod.write_text("schema: 1\nlables: {}\n", encoding="utf-8")
    code, out, err = run("config", "check", "-o", "json")
    told = json.loads(out)
    assert (code, [f"netsec-tui: {line}" for line in told["problems"]]) == (65, err.splitlines())


def test_input_that_cannot_be_read_is_no_good_check(run, prod, tmp_path):
    (tmp_path / "bad.yaml").write_text("kind: [\n", encoding="utf-8")
    assert run("config", "check", "--manifests", tmp_path / "bad.yaml")[0] == 65


def test_namespaces_that_lack_the_label_that_is_included_are_named(run, prod, cluster):
    prod.write_text("schema: 1\nlabels: {namespaces: {include: [team]}}\n", encoding="utf-8")
    out = run("config", "check", *cluster)[1]
    (note,) = (line for line in out.splitlines() if "labels.namespaces" in line)
    assert note.startswith("note")
    assert note.endswith(
        "data, shop have no label that is included: they are selected by their name, "
        "kubernetes.io/metadata.name, unless it is excluded"
    )


# Ranges by hand


@pytest.mark.parametrize("action", ["set", "add"])
def test_discovered_ranges_that_an_edit_rules_out_are_told(run, prod, cluster, action):
    run("config", "unset", "cidrs")
    code, _, err = run("config", action, "cidrs.pods", "10.9.0.0/16", *cluster)
    assert code == 0
    ruled = "10.1.0.0/24 told by Node node-1 podCIDRs lies outside what was entered by hand: 10.9.0.0/16"
    assert f"netsec-tui: {ruled}; it does not count any longer\n" in err
    code, _, err = run("config", "add", "cidrs.pods", "10.8.0.0/16", *cluster)
    assert (code, err) == (0, f"netsec-tui: wrote {prod}\n")


def test_discovered_ranges_that_are_covered_by_hand_are_not_told(run, prod, cluster):
    run("config", "unset", "cidrs")
    assert run("config", "set", "cidrs.pods", "10.1.0.0/16", *cluster)[2] == f"netsec-tui: wrote {prod}\n"


def test_effect_of_ranges_on_half_of_the_input_is_no_reason_to_write(run, prod, cluster):
    before = prod.read_text(encoding="utf-8")
    argv = ["config", "set", "cidrs.pods", "10.9.0.0/16", *cluster, "--capture", "gone.capture"]
    assert run(*argv)[0] == 66
    assert prod.read_text(encoding="utf-8") == before
    assert run(*argv, "--yes")[0] == 0
