"""The demo's scenario: a small shop, who talks to whom in it, and what is remarkable about that."""

from __future__ import annotations

from typing import Any

from netsec_tui.demo.parts import Address, Call, Port, Service, Workload
from netsec_tui.model.flow import Protocol, Verdict

TCP, UDP, SCTP, ICMP = Protocol.TCP, Protocol.UDP, Protocol.SCTP, Protocol.ICMP

END = 1_772_742_000.0
"""2026-03-05 20:20:00 UTC, the newest record."""

SECONDS = 13 * 3600 + 20 * 60
"""The oldest record is of 07:00."""

# The pods of the n-th node live in 10.244.n.0/24 and fd00:10:244:n::/64.
NODES = ("control-1", "worker-1", "worker-2")
NODE_IPS = ("172.18.0.2", "172.18.0.3", "172.18.0.4")
SERVICE_PREFIX = "10.96.0."
"""Of the range 10.96.0.0/16, which nothing in the cluster state tells; for IPv6 there is none."""

NAMESPACES = ("analytics", "data", "default", "kube-system", "monitoring", "shop")
"""``legacy`` has pods but no Namespace object, so its labels are not known."""

HTTP, METRICS = Port(8080, "http"), Port(9102, "metrics")

WORKLOADS = (
    Workload("Deployment", "shop", "web", 10, (HTTP, METRICS), probed=True),
    Workload("Deployment", "shop", "orders", 10, (HTTP, METRICS), probed=True),
    Workload("Deployment", "shop", "catalog", 3, (HTTP, METRICS), probed=True),
    Workload("Deployment", "shop", "payments", 2, (Port(8443, "https"), METRICS)),
    Workload("Deployment", "shop", "notifier", 2, (HTTP,)),
    Workload("Deployment", "shop", "mailer", 1, (Port(2525, "smtp"),)),
    Workload("Deployment", "shop", "pricing-v1", 1, (HTTP,)),
    Workload("Deployment", "shop", "sms-gateway", 1, (Port(2905, "m3ua", SCTP),)),
    Workload("Rollout", "shop", "cart", 2, (HTTP,)),
    Workload("StatefulSet", "shop", "sessions", 2, (Port(6379, "redis"),)),
    Workload("ReplicaSet", "shop", "search", 2, (Port(7700, "http"), Port(7946, "gossip", UDP))),
    Workload("CronJob", "shop", "stock-sync", 3),
    Workload("Job", "shop", "import-catalog", 1),
    Workload("Pod", "shop", "toolbox", 1),
    Workload("StatefulSet", "data", "postgres", 2, (Port(5432, "postgres"),)),
    Workload("Deployment", "data", "warehouse", 2, (Port(9000, "native"),)),
    Workload("StatefulSet", "data", "logstore", 1, (Port(9200, "http"),)),
    Workload("Deployment", "analytics", "report-exporter", 1),
    Workload("Deployment", "analytics", "dashboard", 1, (Port(3000, "http"),), probed=True),
    Workload("StatefulSet", "monitoring", "prometheus", 1, (Port(9090, "http"),)),
    Workload("Deployment", "monitoring", "grafana", 1, (Port(3000, "http"),), probed=True),
    Workload("Deployment", "monitoring", "statsd", 1, (Port(8125, "statsd", UDP),)),
    Workload("Deployment", "monitoring", "tracing", 1, (Port(14250, "grpc"),)),
    Workload("DaemonSet", "monitoring", "log-agent", 3),
    Workload("DaemonSet", "monitoring", "node-exporter", 3, (Port(9100, "metrics"),), host_network=True),
    Workload("Deployment", "kube-system", "coredns", 2, (Port(53, "dns", UDP), Port(53, "dns-tcp"))),
    Workload("Deployment", "kube-system", "cluster-operator", 1),
    Workload("Deployment", "legacy", "price-feed", 1, (Port(7000, "feed"),)),
)

SERVICES = (
    Service("shop", "web", "web", 20, ((80, "http", TCP),), outside="198.51.100.100", node_port=30080),
    Service("shop", "orders", "orders", 21, ((80, 8080, TCP),)),
    Service("shop", "catalog", "catalog", 22, ((80, "http", TCP),)),
    Service("shop", "payments", "payments", 23, ((443, 8443, TCP),)),
    Service("shop", "mail", "mailer", 24, ((25, "smtp", TCP),)),
    Service("shop", "pricing", "pricing-v1", 25, ((80, 8080, TCP),)),
    Service("shop", "search", "search", 26, ((80, 7700, TCP),)),
    Service("shop", "sessions", "sessions", 0, ((6379, 6379, TCP),)),
    Service("data", "postgres", "postgres", 40, ((5432, "postgres", TCP),)),
    Service("data", "warehouse", "warehouse", 41, ((9000, 9000, TCP),)),
    Service("monitoring", "prometheus", "prometheus", 60, ((80, 9090, TCP),)),
    Service("monitoring", "statsd", "statsd", 61, ((8125, 8125, UDP),)),
    Service("kube-system", "kube-dns", "coredns", 10, ((53, "dns", UDP), (53, "dns-tcp", TCP))),
)

PROVIDER = "api.payments.example"
PROVIDER_IPS = ("192.0.2.20", "192.0.2.21", "192.0.2.22", "198.51.100.7")
PROXIES = ("10.200.0.11", "10.200.0.12")
API_SERVER = "default/kubernetes"

_SHOP = (
    *(Call(Address(f"203.0.113.{n}"), "shop/web", 8080, count=35) for n in (14, 77, 201)),
    Call("shop/web", "shop/orders", 8080, via=("shop/orders", 80), times=10, count=61),
    Call(
        "shop/web", "shop/catalog", 8080, via=("shop/catalog", 80), verdict=Verdict.REDIRECTED, proxied=True
    ),
    Call("shop/web", "shop/cart", 8080),
    Call("shop/web", "shop/sessions", 6379, times=6, count=48),
    Call("shop/web", "monitoring/tracing", 14250, nameless=True),
    # Nobody answers statsd, but its pods declare the port.
    Call("shop/web", "monitoring/statsd", 8125, UDP, answered=False, count=90),
    # Somebody looks for open ports from a debugging pod.
    *(Call("shop/toolbox", "shop/web", port, refused=True, times=1, count=1) for port in (22, 3306)),
    Call("shop/toolbox", "shop/search", 5353, UDP, answered=False, times=1, count=1),
    Call("shop/orders", "shop/payments", 8443, via=("shop/payments", 443), times=6, count=20),
    Call("shop/orders", "shop/pricing-v1", 8080, via=("shop/pricing", 80), hours=(0.0, 9.0)),
    Call("shop/orders", "data/postgres", 5432, via=("data/postgres", 5432), times=6, count=44),
    Call("shop/catalog", "shop/search", 7700, via=("shop/search", 80)),
    Call("shop/catalog", "shop/sessions", 6379),
    Call("shop/catalog", "legacy/price-feed", 7000),
    Call("shop/cart", "shop/catalog", 8080, via=("shop/catalog", 80), socket=True),
    Call("shop/cart", "shop/sessions", 6379),
    Call("shop/cart", "shop/mailer", 2525, via=("shop/mail", 25), backend=False),
    Call("shop/search", "shop/search", 7946, UDP, times=2, count=400),
    Call("shop/search", "data/postgres", 5432, verdict=Verdict.DROPPED, count=3),
    *(Call("shop/payments", Address(ip, (PROVIDER,)), 443) for ip in PROVIDER_IPS),
    Call("shop/payments", Address("2001:db8:50::7", ("rates.example",)), 443),
    Call("shop/payments", Address("10.244.2.250"), 9200, times=2, hours=(0.0, 4.0)),
    Call("shop/payments", "shop/notifier", 8080),
    *(Call("shop/notifier", Address(ip), 3128) for ip in PROXIES),
    Call("shop/notifier", "shop/sms-gateway", 2905, SCTP),
    Call("shop/notifier", "data/postgres", 5432, via=("data/postgres", 5432)),
    Call("shop/mailer", Address("192.0.2.25", ("mx.example",)), 587),
    Call("shop/stock-sync", "shop/orders", 8080, via=("shop/orders", 80)),
    # The policy of postgres came to know stock-sync only in the morning.
    Call("shop/stock-sync", "data/postgres", 5432, verdict=Verdict.DROPPED, times=2, hours=(0.0, 2.0)),
    Call("shop/stock-sync", "data/postgres", 5432, times=4, hours=(3.0, 13.0)),
    Call("shop/import-catalog", "shop/catalog", 8080, times=2, hours=(1.0, 2.0)),
    Call("shop/import-catalog", Address("192.0.2.44", ("files.example",)), 22, times=1, hours=(1.0, 2.0)),
)

_AROUND = (
    Call("analytics/report-exporter", "data/warehouse", 9000, via=("data/warehouse", 9000), times=6),
    Call("analytics/dashboard", "data/warehouse", 9000, via=("data/warehouse", 9000)),
    Call("analytics/dashboard", "data/logstore", 9200, answered=False, count=2),
    Call("monitoring/log-agent", "data/logstore", 9200, times=6, count=120),
    *(
        Call("monitoring/prometheus", f"shop/{name}", 9102, times=times, count=80)
        for name, times in (("web", 5), ("orders", 5), ("catalog", 3), ("payments", 2))
    ),
    Call("monitoring/prometheus", "monitoring/node-exporter", 9100, count=80),
    Call("monitoring/prometheus", "shop/web", 0, ICMP, times=2),
    # Seen between two nodes only, where nothing tells a request from an answer.
    Call("monitoring/grafana", "monitoring/prometheus", 9090, directed=False),
    # Policies are only audited for this one: it would be refused.
    Call("monitoring/grafana", "data/postgres", 5432, verdict=Verdict.AUDIT, times=2, count=4),
    *(
        Call(client, API_SERVER, 6443, via=(API_SERVER, 443), times=4)
        for client in ("kube-system/cluster-operator", "kube-system/coredns", "monitoring/prometheus")
    ),
    Call("kube-system/coredns", Address("192.0.2.53"), 53, UDP, count=200),
)

LOOKS_UP = (
    *(f"shop/{name}" for name in ("web", "orders", "catalog", "payments", "notifier", "mailer", "cart")),
    *("shop/stock-sync", "analytics/report-exporter", "analytics/dashboard"),
    *("monitoring/prometheus", "monitoring/grafana", "monitoring/log-agent", "kube-system/cluster-operator"),
)
KUBE_DNS = ("kube-system/kube-dns", 53)
_DNS = (
    *(Call(client, "kube-system/coredns", 53, UDP, KUBE_DNS, times=1, count=150) for client in LOOKS_UP),
    Call("shop/import-catalog", "kube-system/coredns", 53, UDP, KUBE_DNS, times=1, hours=(1.0, 2.0)),
    Call("shop/orders", "kube-system/coredns", 53, TCP, KUBE_DNS, times=1, count=2),
)

CALLS = (*_SHOP, *_AROUND, *_DNS)

POLICIES: tuple[dict[str, Any], ...] = (
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "postgres-clients", "namespace": "data"},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "postgres"}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
                            "podSelector": {
                                "matchExpressions": [
                                    {
                                        "key": "app.kubernetes.io/name",
                                        "operator": "In",
                                        "values": ["notifier", "orders", "stock-sync"],
                                    }
                                ]
                            },
                        }
                    ],
                    "ports": [{"protocol": "TCP", "port": 5432}],
                }
            ],
        },
    },
)
