"""``netsec-tui check --batch``: answers in order, as they come, an error in the place of a broken line."""

import gzip
import itertools
import json
import subprocess
from pathlib import Path

import pytest

from netsec_tui.cli import check_batch

VECTORS = Path(__file__).resolve().parents[1] / "data" / "netpol-vectors.jsonl.gz"
GOOD = {"from": "shop/web-1", "to": "data/db-0", "protocol": "TCP", "port": 5432}


@pytest.fixture
def batch(run, cluster, tmp_path):
    """Return a function that asks lines from a file: exit code and decoded answers."""

    def call(*lines, flags=("--manifests", "cluster.yaml")):
        data = b"".join(x if isinstance(x, bytes) else json.dumps(x).encode() + b"\n" for x in lines)
        (tmp_path / "asked.jsonl").write_bytes(data)
        code, out, _ = run("check", *flags, "--batch", "asked.jsonl")
        return code, [json.loads(line) for line in out.splitlines()]

    return call


def test_each_line_is_answered_in_order_with_its_number(batch):
    other = {**GOOD, "from": "shop/deploy/web", "to": "203.0.113.9", "protocol": "udp", "port": 53}
    code, answers = batch(GOOD, b"\n", other)
    assert code == 0
    assert [a["line"] for a in answers] == [1, 3]
    assert answers[0] == {
        "line": 1,
        **GOOD,
        "egress": "allowed",
        "ingress": "allowed",
        "allowed": True,
        "policies": [],
        "reason": "egress: no policy selects the pod; ingress: no policy selects the pod",
        "notes": [],
    }
    assert (answers[1]["from"], answers[1]["protocol"]) == ("shop/Deployment/web", "UDP")


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        (b"{\n", 65, "not JSON"),
        (b"\xff\xfe\n", 65, "not JSON"),
        (b"[" * 60_000 + b"\n", 65, "not JSON"),
        (b'{"port": ' + b"9" * 5000 + b"}\n", 65, "not JSON"),
        (b"[]\n", 65, "no JSON object"),
        (b'"' + b"x" * 200_000 + b'"\n', 65, "longer than"),
        ({}, 65, '"from" is missing'),
        ({**GOOD, "to": 7}, 65, '"to" must be text'),
        ({k: v for k, v in GOOD.items() if k != "protocol"}, 65, '"protocol" is missing'),
        ({**GOOD, "protocol": "HTTP"}, 65, "protocol 'HTTP' is not known"),
        ({**GOOD, "port": "80"}, 65, "port '80' is not a number"),
        ({**GOOD, "port": True}, 65, "port True is not a number"),
        ({**GOOD, "port": None}, 65, "port None is not a number"),
        ({**GOOD, "from": "web"}, 65, "'web' is no end"),
        ({**GOOD, "from": "shop/gone"}, 66, "there is no shop/Pod/gone"),
    ],
)
def test_broken_line_is_answered_in_its_place_and_the_rest_goes_on(batch, line, code, sentence):
    got, answers = batch(GOOD, line, GOOD)
    assert got == code
    assert [set(a) & {"error", "allowed"} for a in answers] == [{"allowed"}, {"error"}, {"allowed"}]
    assert answers[1]["line"] == 2
    assert sentence in answers[1]["error"]


def test_last_line_needs_no_newline_and_nothing_asked_is_nothing_answered(batch):
    assert len(batch(GOOD, json.dumps(GOOD).encode())[1]) == 2
    assert batch() == (0, [])


def test_half_read_input_is_told_by_the_exit_code_and_answered_all_the_same(batch, tmp_path):
    spec = {"podSelector": {}, "policyTypes": ["Both"]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": spec}
    broken = {**policy, "metadata": {"namespace": "data", "name": "broken"}}
    (tmp_path / "broken.json").write_text(json.dumps(broken), encoding="utf-8")
    code, answers = batch(GOOD, flags=("--manifests", "cluster.yaml", "--manifests", "broken.json"))
    assert (code, [a["ingress"] for a in answers]) == (65, ["undecided"])


def test_protocol_without_ports_is_asked_without_one(batch):
    code, (answer,) = batch({"from": "shop/web-1", "to": "data/db-0", "protocol": "ICMP"})
    assert (code, answer["port"]) == (0, None)


def test_missing_file_is_one_sentence(run, cluster):
    code, out, err = run("check", "--manifests", "cluster.yaml", "--batch", "gone.jsonl")
    assert (code, out) == (66, "")
    assert err == "netsec-tui: gone.jsonl cannot be read: No such file or directory\n"


def test_answers_come_before_the_next_question_is_written(start, cluster):
    process = start(
        "check", "--manifests", "cluster.yaml", "--batch", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for number in (1, 2):
        process.stdin.write(json.dumps(GOOD).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["line"] == number
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()


def test_overlong_line_is_not_kept_in_memory(tmp_path):
    class Endless:
        """Give one line of a gigabyte, and remember the most that was asked for at once."""

        def __init__(self):
            self.left, self.largest = 1 << 30, 0

        def readline(self, size):
            self.largest = max(self.largest, size)
            part = min(size, self.left, 1 << 16)
            self.left -= part
            return b"x" * part

    file = Endless()
    kept = [len(line) for line in check_batch._lines(file)]
    assert (len(kept), file.left) == (1, 0)
    assert max(*kept, file.largest) < 1 << 17


def vectors():
    with gzip.open(VECTORS, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def manifest_of(state, case):
    """Return a state of the vectors as one list of objects."""
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in state["namespaces"].items()
    ]
    for pod in state["pods"]:
        meta = {key: pod[key] for key in ("namespace", "name", "labels")}
        spec = {"containers": [{"name": "c", "ports": pod["ports"]}]}
        status = {"phase": "Running", "podIPs": [{"ip": pod["ip"]}]}
        items.append({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status})
    told = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return {"apiVersion": "v1", "kind": "List", "items": [*items, *({**told, **p} for p in case["policies"])]}


@pytest.mark.skipif(not VECTORS.exists(), reason=f"{VECTORS.name} is not among the test data")
@pytest.mark.parametrize("number", [10, 60, 110])
def test_vectors_are_answered_as_another_engine_does(run, tmp_path, number):
    state, *cases = vectors()
    case = cases[number]
    names = [f"{pod['namespace']}/{pod['name']}" for pod in state["pods"]]
    asked = [(a, b, key) for key in case["denied"] for a, b in itertools.product(names, names)]
    (tmp_path / "state.json").write_text(json.dumps(manifest_of(state, case)), encoding="utf-8")
    lines = []
    for source, destination, key in asked:
        protocol, _, port = key.partition("/")
        lines.append(json.dumps({"from": source, "to": destination, "protocol": protocol, "port": int(port)}))
    (tmp_path / "asked.jsonl").write_text("\n".join(lines), encoding="utf-8")
    code, out, _ = run("check", "--manifests", tmp_path / "state.json", "--batch", tmp_path / "asked.jsonl")
    answers = [json.loads(line) for line in out.splitlines()]
    assert (code, len(answers)) == (0, len(asked))
    for (source, destination, key), answer in zip(asked, answers, strict=True):
        for side in ("egress", "ingress"):
            denied = [source, destination] in case["denied"][key][side]
            assert answer[side] == ("denied" if denied else "allowed"), (answer, side)
        both = answer["egress"] == answer["ingress"] == "allowed"
        assert answer["allowed"] is (both or source == destination)
