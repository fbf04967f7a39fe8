"""What the saved policies of a scene say, and where a row stands."""

from netsec_tui.model.review import Standing
from tests.core.scene import IN, OUT

IN_POLICY, OUT_OF_IT = (Standing.IN, True), (Standing.OUT, False)
DNS_RULE = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "TCP", "port": 5353}, {"protocol": "UDP", "port": 5353}],
}


def egress(scene):
    """Return the egress rules but the cluster DNS's."""
    return [rule for rule in scene.rules(OUT) if rule != DNS_RULE]


def opened(scene, direction):
    """Return (peers, ports) of each rule, ports as numbers."""
    word = "from" if direction is IN else "to"
    return [(rule.get(word), [p["port"] for p in rule.get("ports", [])]) for rule in scene.rules(direction)]


def state(row):
    return row.standing, row.in_policy


def to_pods(**labels):
    return [{"podSelector": {"matchLabels": labels}}]
