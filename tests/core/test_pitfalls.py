"""The known pitfalls of generating NetworkPolicies from flows, one named test each, from flows to the policy.

Each was a defect of a published tool. What is asserted is what a user sees: rows with their reasons,
warnings, and the YAML that is saved, parsed anew.

Those of ports, selectors, name look-ups and addresses have modules of their own.
"""

import ast
import re
from pathlib import Path

import pytest
import yaml

from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Verdict
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Standing
from tests.core.policy_rules import OUT_OF_IT, egress, opened, state, to_pods
from tests.core.scene import IN, NOW, OUT, Scene, answer, flow, owner, pod, shop, talk

PACKAGE = Path(__file__).resolve().parents[2] / "netsec_tui"


def test_06_an_emptied_peer_list_takes_its_rule_along():
    scene = shop().sees(("cart-1", "web-1", 8080), ("203.0.113.7", "web-1", 8080), ("web-1", "db-0", 5432))
    scene.chooses().alias("partner", "203.0.113.0/24", allowed=True)
    block = {"ipBlock": {"cidr": "203.0.113.0/24"}}
    assert opened(scene, IN) == [([*to_pods(app="cart"), block], [8080])]
    for direction in (IN, OUT):
        for row in scene.table(direction).rows:
            scene.tick(row, False)
    document = yaml.safe_load(scene.review.yaml)
    assert (document["spec"]["ingress"], document["spec"]["egress"]) == ([], [])
    assert document["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
    # What names a peer that nobody can select makes no rule either.
    nobody = Endpoint("10.244.9.9", "shop", "ghost")
    scene.sees(talk(nobody, scene.end("web-1"), 8080))
    scene.tick(scene.row(IN, "ghost"))
    assert scene.rules(IN) == []


@pytest.mark.parametrize("talks", [[], [("cart-1", "web-1", 8080)], [("web-1", "cart-1", 8080)]])
def test_07_both_directions_are_always_named_and_an_unseen_one_is_said(talks):
    scene = shop().sees(("pay-1", "cart-1", 8080), *talks).chooses()
    assert yaml.safe_load(scene.review.yaml)["spec"]["policyTypes"] == ["Ingress", "Egress"]
    for direction, seen in ((IN, talks[:1] and talks[0][1]), (OUT, talks[:1] and talks[0][0])):
        note = scene.table(direction).note
        assert (f"all {direction} will be refused" in note) is (seen != "web-1")


def test_14_lossy_capture_is_said_and_nothing_is_called_complete():
    scene = shop().sees(("cart-1", "web-1", 8080)).chooses()
    assert not any("lost" in warning for warning in scene.review.warnings)
    gaps = [Gap(NOW, 40, "the ring buffer was full"), Gap(NOW, 2, "a line could not be read")]
    scene.session.add_flows(gaps)
    warnings = scene.review.warnings
    assert "42 events or lines were lost: rare communications may be missing" in warnings
    assert any(re.match("only .* seen; observe at least 12 h", warning) for warning in warnings)


def test_14_no_sentence_of_the_product_claims_to_be_complete():
    said = {
        (path.name, node.value)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"\b(complete|all traffic|every communication)\b", node.value)
    }
    docstrings = {
        (path.name, ast.get_docstring(node, clean=False))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assert said - docstrings == set()


def test_15_denied_flows_are_never_learned():
    scene = shop()
    dropped = {"verdict": Verdict.DROPPED}
    scene.sees([flow(scene.end("pay-1"), scene.end("web-1"), 8080, **dropped)], ("cart-1", "web-1", 8080))
    scene.sees([flow(scene.end("web-1"), scene.end("db-0"), 5432, verdict=Verdict.AUDIT)])
    scene.sees([flow(scene.end("web-1"), scene.end("pay-1"), 22, **dropped)] * 3).chooses()
    assert (state(scene.row(IN, "pay")), scene.row(IN, "pay").reason) == (OUT_OF_IT, "denied only (once)")
    assert [state(scene.row(OUT, name)) for name in ("db", "pay")] == [OUT_OF_IT, OUT_OF_IT]
    assert opened(scene, IN) == [(to_pods(app="cart"), [8080])]
    assert egress(scene) == []
    # Audited packets go on, each is traced more than once, and they are answered.
    audited = shop()
    pay, web = audited.end("pay-1"), audited.end("web-1")
    audited.sees([flow(pay, web, 8080, verdict=Verdict.AUDIT)], [flow(pay, web, 8080)] * 4, (pay, web, 8080))
    audited.chooses()
    assert (opened(audited, IN), audited.row(IN, "pay").communication.counts.answers) == ([], 1)
    # Nor where the source tells of no answers at all, so that silence means nothing.
    mute = shop()
    web = mute.end("web-1")
    mute.sees([flow(mute.end("pay-1"), web, 8080, **dropped), flow(mute.end("cart-1"), web, 8080)]).chooses()
    assert opened(mute, IN) == [(to_pods(app="cart"), [8080])]


def test_17_nothing_is_invented_for_what_is_not_known():
    scene = Scene().sees(talk(Endpoint("10.0.0.1", "shop", "bare"), Endpoint("10.0.0.2", "shop", "web-1")))
    web, other = Endpoint("10.0.0.2", "shop", "web-1"), Endpoint("10.0.0.3", "shop", "o", (("app", "o"),))
    scene.sees([Flow(NOW, web, other, Protocol.TCP, 40000, 45000, Verdict.FORWARDED, is_reply=None)])
    scene.chooses(WorkloadRef("Pod", "shop", "web-1"))
    assert scene.review.subject.refusal == "the labels of Pod/web-1 are not known"
    assert scene.review.yaml == ""
    scene.chooses(WorkloadRef("Workload", "shop", "o"))
    assert [(row.standing, row.reason) for row in scene.table(IN).rows] == [
        (Standing.NOT_EXPRESSIBLE, "its listening port is not known")
    ]
    assert (scene.rules(IN), scene.rules(OUT)) == ([], [])
    assert any("no DNS rule is made" in warning for warning in scene.review.warnings)


def test_21_silence_and_drops_are_no_proof_of_a_policy():
    scene = shop()
    web, cart = scene.end("web-1"), scene.end("cart-1")
    scene.sees([flow(web, cart, 9090)], [flow(web, cart, 9091, verdict=Verdict.DROPPED)])
    scene.sees([flow(web, cart, 9092), answer(web, cart, 9092, rst=True)], ("web-1", "pay-1", 8080)).chooses()
    rows = {row.key.port: row for row in scene.table(OUT).rows if row.key.peer.name == "cart"}
    assert {port: row.reason for port, row in rows.items()} == {
        9090: "never answered",
        9091: "denied only (once)",
        9092: "never answered (refused once)",
    }
    assert {(row.applied, row.allowed_by) for row in rows.values()} == {((), "")}
    assert not scene.review.applied


@pytest.mark.parametrize("asked", [True, False])
def test_23_directions_are_two_objects_where_the_enforcer_needs_it(asked):
    place = ("kube-system", "DaemonSet")
    router = owner("kube-router", *place, labels={"k8s-app": "kube-router"}, hostNetwork=True)
    running = pod("kube-router-x", "172.18.0.2", "kube-router", *place, hostNetwork=True)
    more = () if asked else (router, running)
    scene = shop(*more, two_objects=asked).sees(("web-1", "web-2", 8080)).chooses()
    written = list(yaml.safe_load_all(scene.review.yaml))
    assert [list(o["spec"]["policyTypes"]) for o in written] == [["Ingress"], ["Egress"]]
    assert [sorted(set(o["spec"]) & {"ingress", "egress"}) for o in written] == [["ingress"], ["egress"]]
    assert len({o["metadata"]["name"] for o in written}) == 2
    one = shop().sees(("web-1", "web-2", 8080)).chooses()
    assert len(one.review.policies) == 1
