"""NetworkPolicies that the tests of ``check`` ask about."""

DENY_DATA = {"podSelector": {}, "policyTypes": ["Ingress"]}
WEB_TO_DB = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "policyTypes": ["Ingress"],
    "ingress": [
        {"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]},
        {
            "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}],
            "ports": [{"protocol": "TCP", "port": 5432}],
        },
    ],
}
ONLY_WEB_1 = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "policyTypes": ["Ingress"],
    "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.0.2/32"}}]}],
}
