"""The proof as text: under the policy in as few lines as fit, and the whole list."""

from __future__ import annotations

import pytest

from netsec_tui.model.identity import Direction
from netsec_tui.model.proof import Breach, Finding, Proof
from netsec_tui.model.review import Review
from netsec_tui.render.proof import proof_lines, proof_page
from netsec_tui.render.spans import Role
from tests.core.scene import owner, pod, shop

CLEAN = Proof(included=12, allowed=12, excluded=5, denied=5)


def text(proof: Proof, width: int = 200, joint: str = " | ") -> list[str]:
    return [line.text for line in proof_lines(proof, width, joint)]


def finding(breach: Breach, who: str, **more: object) -> Finding:
    return Finding(breach, who, f"{who} is wrong", Direction.EGRESS, **more)  # type: ignore[arg-type]


def test_a_clean_proof_counts_and_shows_zeros() -> None:
    assert text(CLEAN) == [
        "12 of 12 included allowed | 5 of 5 excluded denied | 0 opened unseen | 0 isolated by accident"
    ]


def test_parts_are_kept_whole_where_they_fit_and_broken_where_not() -> None:
    assert text(CLEAN, 54) == [
        "12 of 12 included allowed | 5 of 5 excluded denied",
        "0 opened unseen | 0 isolated by accident",
    ]
    assert all(len(line) <= 20 for line in text(CLEAN, 20))


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        (
            Proof(included=3, allowed=2, findings=(finding(Breach.NOT_ALLOWED, "a"),)),
            "2 of 3 included allowed, 1 not",
        ),
        (
            Proof(excluded=2, denied=1, findings=(finding(Breach.NOT_DENIED, "a"),)),
            "1 of 2 excluded denied, 1 not",
        ),
        (
            Proof(excluded=2, undecided=1, findings=(finding(Breach.CUT, "a"),)),
            "0 of 2 excluded denied, 1 cut that was seen to get in, 1 cannot tell",
        ),
        (
            Proof(included=2, allowed=1, findings=(finding(Breach.NOT_TOLD, "a"),)),
            "1 of 2 included allowed, 1 cannot tell",
        ),
        (Proof(excluded=3, denied=1, named=2), "1 of 3 excluded denied, 2 allowed by wider rules"),
        (Proof(excluded=3, denied=2, undecided=1), "2 of 3 excluded denied, 1 cannot tell"),
        (
            Proof(findings=(finding(Breach.POD_OPENED, "shop/a-1", ports="80/TCP"),)),
            "opened unseen: shop/a-1 on 80/TCP",
        ),
        (
            Proof(
                findings=(
                    *(finding(Breach.POD_OPENED, f"shop/a-{n}", ports="80/TCP") for n in range(4)),
                    finding(Breach.ADDRESSES_OPENED, "10.0.0.0-10.0.0.255", count=256),
                )
            ),
            "opened unseen: shop/a-0 on 80/TCP, shop/a-1 on 80/TCP, 2 more pods, 256 addresses",
        ),
        (Proof(findings=(finding(Breach.ISOLATED, "shop/b"),)), "1 isolated by accident"),
        (
            Proof(findings=(finding(Breach.NOT_SELECTED, "shop/b"),)),
            "0 isolated by accident, 1 of its own not selected",
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_line_and_marked(proof: Proof, said: str) -> None:
    parts = [span for line in proof_lines(proof, 300, " | ") for span in line.spans]
    found = next(span for span in parts if span.text == said)
    assert (found.role is Role.REFUSED) == bool(proof.findings)


def test_names_from_a_cluster_cannot_write_to_the_terminal() -> None:
    evil = Proof(findings=(finding(Breach.POD_OPENED, "shop/\x1b[31m", ports="80/TCP"),))
    assert "\x1b" not in "".join(text(evil))


def page(review: Review) -> str:
    return "\n".join(line.text for line in proof_page(review, 90))


def test_the_page_lists_findings_open_questions_and_what_the_cni_does() -> None:
    twin = (
        owner("cart-twin", labels={"app": "cart"}),
        pod("twin-1", "10.244.0.77", "cart-twin", labels={"app": "cart"}),
    )
    cilium = owner("cilium", "kube-system", "DaemonSet", hostNetwork=True)
    scene = shop(*twin, cilium).sees(
        ("web-1", "cart-1"), ("172.18.0.2", "web-1"), ("web-1", "203.0.113.7", 443)
    )
    scene.chooses().manual("203.0.113.0/24")
    shown = page(scene.review)
    assert "pods opened that no row shows (1)" in shown
    assert "- egress to shop/twin-1 of Deployment/cart-twin on 8080/TCP is allowed" in shown
    assert "excluded, but allowed by wider rules (1)" in shown
    assert "- egress to 203.0.113.7 on 443/TCP: allowed by manual rule 203.0.113.0/24 all ports" in shown
    assert "excluded, cannot tell (1)" in shown
    assert "- ingress from Node/node-a on 8080/TCP: nodes start out" in shown
    assert "Cilium runs here; what it does differently" in shown
    assert all(len(line) <= 90 for line in shown.splitlines())


def test_the_page_of_a_clean_proof_says_so_and_that_no_cni_was_seen() -> None:
    shown = page(shop().sees(("web-1", "cart-1")).chooses().review)
    assert "Nothing is known to be let through" in shown
    assert "Which CNI the cluster runs is not seen" in shown
