"""``netsec-tui list``: workloads, rows, JSON shapes, and what is said when something is wrong."""

import json
import shlex

import pytest

SHOP = ["-n", "shop"]


def listed(run, *argv):
    code, out, err = run("list", *argv, "-o", "json")
    return code, json.loads(out), err


def test_workloads_with_communications_are_listed_and_others_are_not(run, cluster):
    code, document, err = listed(run, *cluster)
    names = [(w["namespace"], w["kind"], w["name"]) for w in document["workloads"]]
    assert (code, err, document["schemaVersion"]) == (0, "", 1)
    assert names == [
        ("data", "StatefulSet", "db"),
        ("shop", "DaemonSet", "agent"),
        ("shop", "Deployment", "gateway"),
        ("shop", "Deployment", "idle"),
        ("shop", "Deployment", "web"),
    ]
    told = document["input"].pop("sources")
    assert document["input"] == {"flows": 11, "skipped": 0, "gaps": [], "problems": []}
    assert {"name": "flows flows.json", "detail": "11 flows"} in told


def test_workloads_of_one_namespace(run, cluster):
    _, document, _ = listed(run, *cluster, "-n", "data")
    assert [(w["name"], w["ingress"], w["egress"]) for w in document["workloads"]] == [("db", 3, 0)]


def test_host_network_workload_is_listed_and_marked(run, cluster):
    _, document, _ = listed(run, *cluster, *SHOP)
    assert {w["name"]: w["hostNetwork"] for w in document["workloads"]}["agent"] is True


def test_table_has_one_line_for_each_workload(run, cluster):
    code, out, err = run("list", *cluster, *SHOP)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:5] == ["NAMESPACE", "KIND", "NAME", "INGRESS", "EGRESS"]
    assert ["shop", "Deployment", "web", "1", "2"] in [line[:5] for line in lines]


@pytest.mark.parametrize("spelling", ["deploy/web", "Deployments/web", "deployment.v1.apps/web"])
def test_rows_of_one_workload(run, cluster, spelling):
    code, document, _ = listed(run, *cluster, *SHOP, spelling)
    assert code == 0
    assert document["workload"]["name"] == "web"
    rows = {
        (r["direction"], r["peer"]["name"], r["protocol"], r["port"]): r["state"] for r in document["rows"]
    }
    seen = {key: state for key, state in rows.items() if key[1] != "cluster DNS"}
    assert seen == {
        ("ingress", "gateway", "TCP", 8080): "in",
        ("egress", "db", "TCP", 5432): "in",
        ("egress", "203.0.113.9", "TCP", 443): "out",
    }


def test_row_tells_counts_times_and_reason(run, cluster):
    _, document, _ = listed(run, *cluster, *SHOP, "deploy/web")
    by_peer = {row["peer"]["name"]: row for row in document["rows"]}
    gateway = by_peer["gateway"]
    assert (gateway["counts"]["forwarded"], gateway["counts"]["answers"]) == (2, 2)
    assert (gateway["firstSeen"], gateway["lastSeen"]) == ("2026-01-05T08:00:00Z", "2026-01-05T08:30:00Z")
    assert (gateway["ticked"], gateway["inPolicy"], gateway["category"]) == (True, True, None)
    outside = by_peer["203.0.113.9"]
    assert (outside["peer"]["type"], outside["ticked"], outside["inPolicy"]) == ("address", False, False)
    assert outside["reason"]
    assert outside["category"] in ("External", "Unknown")


def test_denied_flow_is_out_with_its_count(run, cluster):
    _, document, _ = listed(run, *cluster, "-n", "data", "sts/db")
    idle = next(row for row in document["rows"] if row["peer"]["name"] == "idle")
    assert (idle["state"], idle["counts"]["dropped"]) == ("out", 1)


def test_rows_of_a_workload_without_a_policy_are_told_as_allowed_and_why_is_said_once(run, cluster):
    hidden = ["--set", "labels.namespaces.exclude=kubernetes.io/metadata.name"]
    code, out, err = run("list", *cluster, *hidden, *SHOP, "deploy/idle")
    assert code == 0
    (row,) = (line for line in out.splitlines() if "data/StatefulSet/db" in line and "egress" in line)
    assert "egress      allowed, no policy   data/StatefulSet/db" in row
    assert "not expressible" not in out
    assert err.count("you need to assign labels to this namespace: data") == 1


@pytest.mark.parametrize(
    ("flags", "ending"),
    [
        (["--config", "c.yaml"], ": netsec-tui config add cidrs.services CIDR --config c.yaml"),
        (
            [],
            ": --service-cidr CIDR for this run; to keep it netsec-tui config add cidrs.services CIDR "
            "--config FILE, read with --config FILE",
        ),
    ],
)
def test_ranges_that_are_missing_are_told_with_the_command_that_enters_them(
    run, cluster, tmp_path, flags, ending
):
    (tmp_path / "c.yaml").write_text("schema: 1\n", encoding="utf-8")
    _, document, err = listed(run, *cluster, *flags, *SHOP, "deploy/web")
    told = [line for line in err.splitlines() if "Cluster subnet is incomplete" in line]
    assert [line.removeprefix("netsec-tui: ") for line in told] == [
        warning for warning in document["warnings"] if "Cluster subnet is incomplete" in warning
    ]
    assert told[0].endswith(ending)
    run("config", "add", "cidrs.services", "10.96.0.0/16", "--config", "c.yaml")
    assert "incomplete" not in listed(run, *cluster, "--config", "c.yaml", *SHOP, "deploy/web")[2]


def test_labels_that_are_missing_are_told_with_the_command_that_lets_names_be_used(run, cluster, tmp_path):
    (tmp_path / "c.yaml").write_text(
        'schema: 1\nlabels: {namespaces: {exclude: ["kubernetes.io/*"]}}\n', encoding="utf-8"
    )
    ask = [*cluster, "--config", "c.yaml", *SHOP, "deploy/idle"]
    (told,) = (line for line in listed(run, *ask)[2].splitlines() if "you need to assign labels" in line)
    command = "netsec-tui config remove labels.namespaces.exclude 'kubernetes.io/*' --config c.yaml"
    assert told.endswith(f": {command}")
    # What is said for this run only is not in the file.
    once = ["--set", "labels.namespaces.exclude=kubernetes.io/metadata.name"]
    (tmp_path / "empty.yaml").write_text("schema: 1\n", encoding="utf-8")
    err = listed(run, *cluster, "--config", "empty.yaml", *once, *SHOP, "deploy/idle")[2]
    assert "you need to assign labels" in err
    assert "config remove" not in err
    assert run(*shlex.split(command)[1:])[0] == 0
    assert "you need to assign labels" not in listed(run, *ask)[2]


def test_short_coverage_is_said_on_stderr_and_in_json(run, cluster):
    _, document, err = listed(run, *cluster, *SHOP, "deploy/web")
    assert document["coverage"]["short"] is True
    assert document["coverage"]["seenSeconds"] == 3 * 3600
    assert document["warnings"]
    assert all(warning in err for warning in document["warnings"])


def test_timespan_counts_back_from_the_newest_record(run, cluster):
    _, document, _ = listed(run, *cluster, "--since", "1h")
    assert document["timespan"] == {"label": "last 1 h", "seconds": 3600}
    assert {w["name"] for w in document["workloads"]} == {"agent", "db", "idle", "web"}


def test_without_namespace_a_workload_must_be_the_only_one(run, cluster):
    code, document, _ = listed(run, *cluster, "sts/db")
    assert (code, document["workload"]["namespace"]) == (0, "data")


@pytest.mark.parametrize(
    ("argv", "code", "sentence"),
    [
        (["deploy/webb"], 66, "no Deployment/webb in any namespace"),
        (
            ["-n", "data", "deploy/web"],
            66,
            "no Deployment/web in namespace data; there is Deployment/web in shop",
        ),
        (["-n", "shop", "sts/web"], 66, "there is Deployment/web in shop"),
        (["-n", "nowhere"], 66, "namespace nowhere is not known; there is data, shop"),
        (["-n", "nowhere", "deploy/web"], 66, "namespace nowhere is not known; there is data, shop"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(run, cluster, argv, code, sentence):
    assert run("list", *cluster, *argv)[:2] == (code, "")
    assert sentence in run("list", *cluster, *argv)[2]


def test_workload_in_two_namespaces_must_be_chosen(run, cluster, tmp_path):
    text = (
        (tmp_path / "cluster.yaml").read_text(encoding="utf-8").replace("namespace: data", "namespace: shop")
    )
    twin = "kind: StatefulSet\napiVersion: apps/v1\nmetadata: {namespace: shop, name: db}\n"
    twin += "spec: {selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}}}\n"
    (tmp_path / "twin.yaml").write_text(twin, encoding="utf-8")
    assert text
    code, out, err = run("list", *cluster, "--manifests", "twin.yaml", "sts/db")
    assert (code, out) == (64, "")
    assert "StatefulSet/db exists in several namespaces (data, shop); choose one with -n" in err


def test_broken_line_is_counted_and_the_rest_is_kept(run, cluster, tmp_path):
    with (tmp_path / "flows.json").open("a", encoding="utf-8") as file:
        file.write('{"flow": {"time": \n')
    code, document, err = listed(run, *cluster)
    assert code == 65
    assert (document["input"]["flows"], document["input"]["skipped"]) == (11, 1)
    assert len(document["workloads"]) == 5
    assert "flows.json" in err


def test_missing_file_is_one_sentence_and_what_was_read_is_kept(run, cluster):
    code, document, err = listed(run, *cluster, "--flows", "gone.json")
    assert code == 66
    assert len(document["workloads"]) == 5
    assert "gone.json" in err


def test_nothing_readable_at_all(run, cluster):
    code, out, err = run("list", "--flows", "gone.json")
    assert (code, out) == (66, "")
    assert err.startswith("netsec-tui: ")
    assert err.count("\n") == 1


def test_without_flows_nothing_can_be_told(run, cluster):
    code, out, err = run("list", "--manifests", "cluster.yaml", "-o", "json")
    assert code == 2
    assert json.loads(out)["workloads"] == []
    assert "hubble observe" in err


def test_hostile_names_stay_data(run, cluster, tmp_path):
    hostile = LINE_WITH_ESCAPE
    (tmp_path / "flows.json").write_text(hostile + "\n", encoding="utf-8")
    for form in ("table", "json"):
        _, out, err = run("list", "--flows", "flows.json", "-o", form)
        assert "\x1b" not in out + err


def _hostile():
    end = {"namespace": "a\x1b[31m", "pod_name": "[red]\x1b]0;x\x07", "labels": ["k8s:app=\u202ex"]}
    record = {
        "time": "2026-01-05T08:00:00Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.1.0.1", "destination": "10.1.0.2"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 80, "flags": {"SYN": True}}},
        "source": end,
        "destination": {**end, "pod_name": "other"},
        "is_reply": False,
    }
    return json.dumps(record)


LINE_WITH_ESCAPE = _hostile()


def test_demo_knows_its_own_ranges(run):
    seen = set()
    for namespace, target in (("shop", "deploy/web"), ("shop", "deploy/payments"), ("shop", "deploy/orders")):
        _, document, _ = listed(run, "--demo", "-n", namespace, target)
        seen |= {row["category"] for row in document["rows"]}
    assert {"Internal", "External", "Unknown"} <= seen


BROKEN_OBJECTS = {
    "a Pod without a name": (
        "kind: Pod\napiVersion: v1\nmetadata: {namespace: shop}\n",
        ["odd.yaml:1: Pod has no metadata.name"],
    ),
    "an address that is none": (
        "kind: Pod\napiVersion: v1\nmetadata: {namespace: shop, name: odd}\nstatus: {podIP: nowhere}\n",
        ["Pod shop/odd: status holds something that is no IP address: 'nowhere'"],
    ),
    "a policy that the API server would refuse": (
        "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {namespace: shop, name: odd}\n"
        "spec: {podSelector: [], policyTypes: [Sideways]}\n",
        ["NetworkPolicy shop/odd: spec.podSelector must be an object, not list; the policy is left out"],
    ),
}


@pytest.mark.parametrize(("text", "sentences"), BROKEN_OBJECTS.values(), ids=BROKEN_OBJECTS)
@pytest.mark.parametrize("command", ["list", "generate"])
def test_object_that_cannot_be_understood_is_counted_and_told(
    run, cluster, tmp_path, command, text, sentences
):
    (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
    flags = [*cluster, "--manifests", "odd.yaml"]
    code, out, err = run(command, *flags, *SHOP, "deploy/web")
    assert code == 65
    assert out
    assert all(err.count(sentence) == 1 for sentence in sentences)
    document = listed(run, *flags)[1]["input"]
    assert (document["skipped"], len(document["problems"])) == (len(sentences), len(sentences))


def test_missing_cluster_state_is_a_problem_that_is_told_once(run, cluster):
    for target in ([], [*SHOP, "workload/web"]):
        code, document, err = listed(run, "--flows", "flows.json", *target)
        assert code == 0
        assert [problem.partition(":")[0] for problem in document["input"]["problems"]] == [
            "no cluster state"
        ]
        assert err.count("no cluster state") == 1


def test_refused_workload_says_why_and_has_no_row_in_a_policy(run, cluster):
    code, document, err = listed(run, *cluster, *SHOP, "ds/agent")
    assert code == 0
    assert "host network" in document["workload"]["refusal"].casefold()
    assert f"no policy is possible: {document['workload']['refusal']}" in err
    assert document["rows"]
    assert not any(row["inPolicy"] for row in document["rows"])
    assert document["policies"] == []


def test_rows_and_rules_of_the_policy_name_each_other(run, cluster):
    told = json.loads(run("list", *cluster, "-n", "shop", "deploy/web", "-o", "json")[1])
    (policy,) = told["policies"]
    rules = {(rule["direction"], rule["index"]): rule for rule in policy["rules"]}
    assert set(rules) == {("ingress", 0), *(("egress", number) for number in range(len(rules) - 1))}
    for direction, index in rules:
        behind = [
            row
            for row in told["rows"]
            if {"policy": policy["name"], "direction": direction, "index": index} in row["rules"]
        ]
        assert rules[direction, index]["rows"] == len(behind) > 0
        flows = sum(n for row in behind for name, n in row["counts"].items())
        assert rules[direction, index]["flows"] == flows > 0
    assert all(bool(row["rules"]) == row["inPolicy"] for row in told["rows"])
