"""A right that is taken away, or given, while objects are kept: that is told, once."""

import shlex
import time
from types import SimpleNamespace

from netsec_tui.sources.cluster.login import no_login
from netsec_tui.sources.cluster.objects import ClusterObjects
from netsec_tui.sources.cluster.refusals import GROUPS, refusal
from tests.sources.kube_objects import pod

FORBIDDEN = "pods may not be listed: it takes a rule"


def test_a_right_that_is_taken_away_is_told_once_and_what_was_read_stays(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    objects, before = ClusterObjects(5), "; what is shown of them is as it was at 22:13:20 UTC"
    objects.replace("pods", [pod("web-1")])
    objects.snapshot()
    objects.refuse("pods", FORBIDDEN)
    objects.refuse("nodes", "nodes may not be listed")  # nor ever could
    assert objects.wait(0)
    told = objects.snapshot()
    assert (told.count, told.problems) == (1, ("nodes may not be listed", FORBIDDEN + before))
    objects.allow("nodes")
    objects.snapshot()
    monkeypatch.setattr(time, "time", lambda: 1_700_000_060.0)
    objects.refuse("pods", FORBIDDEN)
    assert not objects.wait(0)
    objects.refuse("pods", "another sentence")
    assert objects.wait(0)
    assert objects.snapshot().problems == ("another sentence" + before,)
    objects.allow("pods")
    assert objects.wait(0)
    assert objects.snapshot().problems == ()


def test_a_context_stands_in_a_command_as_a_shell_reads_it():
    refused = refusal(SimpleNamespace(status=401), GROUPS, "prod", "my ctx; rm x", [])
    for sentence in (str(refused), no_login("my ctx; rm x", "no token")):
        command = sentence.rpartition("until ")[2].removesuffix(" works")
        assert shlex.split(command) == ["kubectl", "--context", "my ctx; rm x", "get", "pods"]
