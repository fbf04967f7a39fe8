"""A right that is taken away, or given, while objects are kept: that is told, once."""

from netsec_tui.sources.cluster.objects import ClusterObjects
from tests.sources.kube_objects import pod

FORBIDDEN = "pods may not be listed: it takes a rule"


def test_a_right_that_is_taken_away_is_told_once_and_what_was_read_stays():
    objects = ClusterObjects(5)
    objects.replace("pods", [pod("web-1")])
    objects.snapshot()
    objects.refuse("pods", FORBIDDEN)
    assert objects.wait(0)
    told = objects.snapshot()
    assert (told.count, told.problems) == (1, (FORBIDDEN,))
    objects.refuse("pods", FORBIDDEN)
    assert not objects.wait(0)
    objects.refuse("pods", "another sentence")
    assert objects.wait(0)
    assert objects.snapshot().problems == ("another sentence",)
    objects.allow("pods")
    assert objects.wait(0)
    assert objects.snapshot().problems == ()
