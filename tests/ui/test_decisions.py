"""Decisions on the running app: saved, loaded, and what is new or was not seen since."""

from __future__ import annotations

from pathlib import Path

from netsec_tui.model.identity import Direction
from tests.ui.demo_host import WIDE, Operator, app_of, opened

FILE = "./deployment-web.decisions.yaml"


async def saved(operator: Operator) -> Path:
    """Save the decisions of web with the dialog as it is offered."""
    await operator.press("D")
    assert "Save the decisions for Deployment/web" in operator.screen()
    assert FILE in operator.screen()
    await operator.press("enter")
    path = Path(FILE)
    await operator.until(path.exists, "the decisions are written")
    await operator.until(lambda: "Saved the decisions" in operator.status(), "it is said")
    return path


async def load(operator: Operator) -> None:
    """Load the decisions with the dialog as it is offered."""
    await operator.press("L")
    assert "Load decisions for Deployment/web" in operator.screen()
    await operator.press("enter")


async def test_a_review_is_saved_and_loaded_and_what_is_new_starts_out() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        rows = {row.name: row.box for row in operator.rows("egress")}
        path = await saved(operator)
        # Somebody else reviewed fewer rows: one line is missing in the file.
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        (tracing,) = [line for line in lines if "name: tracing" in line]
        path.write_text("".join(line for line in lines if line != tracing), encoding="utf-8")
        await load(operator)
        await operator.until(lambda: "Loaded the decisions" in operator.screen(), "it is said")
        assert rows["tracing"] == "[x]"
        assert {row.name: row.box for row in operator.rows("egress")} == {**rows, "tracing": "[ ]"}
        assert "1 communication is new since the decisions were saved and starts out" in operator.screen()
        await operator.press("2", "slash")
        await operator.type("new since")
        await operator.press("enter")
        assert [row.name for row in operator.rows("egress")] == ["tracing"]
        await operator.press("escape", "u")
        assert {row.name: row.box for row in operator.rows("egress")} == rows
        assert "new since" not in operator.screen()


async def test_a_flag_opens_the_workload_that_decisions_are_for() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.go_to("egress", "tracing")
        await operator.press("space")
        decided = {row.name: row.box for row in operator.rows("egress")}
        await saved(operator)
    app = app_of("demo", "--since", "all", "--decisions", FILE)
    async with app.run_test(size=WIDE) as pilot:
        again = Operator(app, pilot)
        await again.until(lambda: "Deployment/web" in again.screen().splitlines()[0], "web is chosen")
        await again.until(lambda: len(again.rows("egress")) == len(decided), "its rows are there")
        assert {row.name: row.box for row in again.rows("egress")} == decided


async def test_ticked_rows_stay_when_the_timespan_no_longer_has_them() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        ticked = {row.name for row in operator.rows("egress") if row.box == "[x]"}
        await saved(operator)
        await load(operator)
        await operator.press("t")
        await operator.answer("Timespan", "last 5 min")
        await operator.press("2")
        unseen = {row.name for row in operator.rows("egress") if "not seen" in row.rest}
        assert unseen
        assert {row.name for row in operator.rows("egress") if row.box == "[x]"} == ticked
        picture = await operator.drawn()
        assert {
            line.name for line in picture.lines if line.black and line.direction is Direction.EGRESS
        } == ticked
        await operator.press("2", "slash")
        await operator.type("not seen")
        await operator.press("enter")
        assert {row.name for row in operator.rows("egress")} == unseen
        policy = await operator.save(Path.cwd() / "web.yaml")
        assert len(policy["spec"]["egress"]) > 1


async def test_saved_decisions_are_not_asked_about_when_leaving() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.go_to("egress", "tracing")
        await operator.press("space", "q")
        assert "Decisions for Deployment/web are not saved" in operator.screen()
        await operator.press("n")
        await saved(operator)
        await replaces(operator, "n")
        await operator.press("escape", "space", "q")
        assert "are not saved" in operator.screen()
        await operator.press("n")
        await replaces(operator, "y")
        await operator.pilot.press("q")
        assert operator.app.return_code == 0


async def replaces(operator: Operator, answer: str) -> None:
    """Save the decisions over the file that is there, or not."""
    await operator.press("D")
    await operator.pilot.press("enter")
    await operator.until(lambda: "Replace it?" in operator.screen(), "it is asked")
    await operator.press(answer)


async def test_a_file_that_cannot_be_loaded_is_refused_where_it_is_typed() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        before = operator.rows("ingress")
        path = await saved(operator)
        text = path.read_text(encoding="utf-8")
        for old, new, told in (
            ("name: web\n", "name: cart\n", "choose Deployment/cart"),
            ("schema: 1", "schema: 7", "upgrade netsec-tui"),
            ("dns: true", "dns: of course", "neither true nor false"),
        ):
            path.write_text(text.replace(old, new, 1), encoding="utf-8")
            await load(operator)
            await operator.until(lambda told=told: told in operator.screen(), told)
            await operator.press("escape")
        path.unlink()
        await load(operator)
        await operator.until(lambda: "does not exist" in operator.screen(), "it is said")
        await operator.press("escape")
        assert operator.rows("ingress") == before
