"""A configuration that is locked: every edit is refused with the reason, and decisions go on."""

from __future__ import annotations

import pytest

from netsec_tui.errors import LockedError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias
from netsec_tui.session.actions import Action, ConfigSaved, Configure, RemoveAlias, SetAlias, Undo
from tests.core.scene import OUT, Scene
from tests.session.test_session import shop

REASON = "the configuration is locked by --lock-config"
PARTNER = Alias("partner", ("203.0.113.7/32",))


def opened(**options: object) -> Scene:
    config = Config(aliases=(PARTNER,))
    return shop(config=config, **options).sees(("web-1", "203.0.113.7", 443)).chooses()


@pytest.mark.parametrize(
    "action",
    [
        SetAlias(Alias("more", ("203.0.113.8/32",))),
        SetAlias(Alias("other", ("203.0.113.7/32",)), "partner"),
        RemoveAlias("partner"),
        Configure(Config()),
    ],
    ids=["new", "renamed", "removed", "configured"],
)
def test_every_edit_is_refused_with_the_reason(action: Action) -> None:
    scene = opened(locked=REASON)
    with pytest.raises(LockedError, match=REASON):
        scene.does(action)
    assert scene.session.config == Config(aliases=(PARTNER,))


def test_an_edit_made_before_the_lock_cannot_be_taken_back_under_it() -> None:
    scene = opened().does(RemoveAlias("partner"))
    scene.session.lock(REASON)
    with pytest.raises(LockedError, match=REASON):
        scene.does(Undo())
    assert scene.session.aliases == ()
    scene.session.lock("")
    assert scene.does(Undo()).session.aliases == (PARTNER,)


def test_decisions_can_be_made_and_taken_back_and_others_edits_are_taken_over() -> None:
    scene = opened(locked=REASON)
    scene.tick(scene.row(OUT, "partner"))
    assert scene.row(OUT, "partner").ticked
    assert not scene.does(Undo()).row(OUT, "partner").ticked
    assert scene.does(ConfigSaved(Config())).session.config == Config()
