"""The text of a configuration file with other values in it, and everything else as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netsec_tui.configuration.nodes import Items, Node, Pairs, Text, compose
from netsec_tui.configuration.problems import Problems
from netsec_tui.configuration.reading import KEYS, SCHEMA, decoded, read_stored
from netsec_tui.configuration.splices import Splices, Value, block
from netsec_tui.configuration.values import entry_value
from netsec_tui.core.configure import keys
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias

Path = tuple[str, ...]
_ALIASES: Path = ("aliases",)
HEAD = "# The configuration of one cluster for netsec-tui; comments and order stay when it is edited there.\n"


@dataclass(frozen=True, slots=True)
class _List:
    """Say where a list of a configuration stands in the file, as its dotted key does."""

    key: str

    @property
    def at(self) -> Path:
        """Return the keys that lead to it."""
        return tuple(self.key.split("."))

    @property
    def ordered(self) -> bool:
        """Tell whether its order is kept: that of patterns is."""
        return self.at[0] == "labels"

    def of(self, config: Config) -> tuple[str, ...]:
        """Return what a configuration has in it."""
        return keys.get(config, self.key)


_LISTS = tuple(map(_List, keys.LISTS))


def normal(config: Config) -> Config:
    """Return a configuration with all sorted whose order means nothing."""
    return Config(
        config.labels,
        tuple(
            Alias(alias.name, tuple(sorted(alias.entries)), alias.allowed)
            for alias in sorted(config.aliases, key=lambda alias: alias.name)
        ),
        tuple(sorted(config.pod_cidrs)),
        tuple(sorted(config.service_cidrs)),
        tuple(sorted(config.control_plane_pods)),
    )


def edited(path: str, text: str, meant: Config, cluster: str = "") -> str:
    """Return a text that means a configuration, with nothing changed in it but what must be.

    ``cluster`` is what a text that is empty so far says it is for.

    Raises:
        BadInputError: the text is broken, or written so that it cannot be edited without touching more.
    """
    meant, lines = normal(meant), text.replace("\r\n", "\n")
    has = read_stored(path, lines)
    if has.config == meant:
        return text
    result = _spliced(lines, has.config, meant, cluster)
    _check(path, result, meant, has.cluster)
    return result.replace("\n", "\r\n") if "\r\n" in text else result


def _check(path: str, result: str, meant: Config, cluster: str) -> None:
    """Refuse a text that does not mean what it should: better nothing is written than something else."""
    decoded(path, result.encode("utf-8", "replace"))
    try:
        then = read_stored(path, result)
    except BadInputError:
        _check_values(path, meant)
        then = None
    if then is None or then.config != meant or (cluster and then.cluster != cluster):
        raise BadInputError(
            f"nothing is saved: {path} is written in a way that cannot be edited here; edit it by hand, "
            "or put its keys on lines of their own"
        )


def _check_values(path: str, meant: Config) -> None:
    """Tell what is wrong with values that no file may hold."""
    try:
        read_stored(path, _started("", Config(), meant, ""))
    except BadInputError as error:
        raise BadInputError(f"nothing is saved, as no file may hold this: {error}") from error


def _spliced(text: str, has: Config, meant: Config, cluster: str) -> str:
    root = compose(text, Problems(""))
    if not isinstance(root, Pairs):
        return _started(text, has, meant, cluster)
    splices = Splices(text)
    missing: dict[str, Value] = {}
    gone = _gone(root, has, meant)
    for part in _LISTS:
        if part.of(meant) != part.of(has) and part.at not in gone:
            _set_list(splices, root, part, part.of(meant), missing)
    if _ALIASES not in gone:
        _set_aliases(splices, root, has, meant, missing)
    _drop(splices, root, gone)
    _add(splices, root, missing)
    return splices.applied()


def _gone(root: Pairs, has: Config, meant: Config) -> set[Path]:
    """Return where keys go: lists that become empty, aliases when none is left, what has nothing else in it.

    An empty list stays where another key comes into the same braces.
    """
    gone = {part.at for part in _LISTS if part.of(has) and not (part.of(meant) or part.of(Config()))}
    gone |= {_ALIASES} if has.aliases and not meant.aliases else set()
    changed = [part.at for part in _LISTS if part.of(meant) != part.of(has)]
    new = {at for at in changed if not ((found := _find(root, at)) and isinstance(found[1], Items))}
    new |= {_ALIASES} if meant.aliases and not has.aliases else set()
    gone = {at for at in gone if not any(_in_same_braces(root, at, other) for other in new)}
    around = {at[:depth] for at in gone for depth in range(1, len(at))}
    for at in sorted(around, key=len, reverse=True):
        found = _find(root, at)
        pairs = found[1].pairs if found and isinstance(found[1], Pairs) else ()
        if all((*at, key.value) in gone for key, _ in pairs) and all(n[: len(at)] != at for n in new):
            gone.add(at)
    return gone


def _in_same_braces(root: Pairs, at: Path, other: Path) -> bool:
    """Tell whether some braces have both places in them."""
    for depth in range(len(at)):
        found = _find(root, at[:depth])
        inside = found[1] if found else root
        if at[:depth] == other[:depth] and isinstance(inside, Pairs) and inside.flow:
            return True
    return False


def _drop(splices: Splices, root: Pairs, gone: set[Path]) -> None:
    """Remove keys, each with all that is below it."""
    tops = {at for at in gone if not any(at[:depth] in gone for depth in range(1, len(at)))}
    for parent in {at[:-1] for at in tops}:
        found = _find(root, parent)
        mapping = found[1] if found else root
        assert isinstance(mapping, Pairs)
        splices.drop_pairs(mapping, [at[-1] for at in tops if at[:-1] == parent])


def _started(text: str, has: Config, meant: Config, cluster: str) -> str:
    """Return the first keys of a file, below the comments that it may have."""
    pairs: dict[str, Value] = {"cluster": cluster} if cluster else {}
    for part in _LISTS:
        if part.of(meant) != part.of(has):
            _put(pairs, part.at, list(part.of(meant)))
    for alias in meant.aliases:
        _put(pairs, ("aliases", alias.name), alias_value(alias))
    pairs = {name: pairs[name] for name in KEYS if name in pairs}
    before = text if not text or text.endswith("\n") else f"{text}\n"
    return (before or HEAD) + "\n".join([f"schema: {SCHEMA}", *block(pairs, 0)]) + "\n"


def alias_value(alias: Alias) -> dict[str, Value]:
    """Return what stands below the name of an alias; single addresses go without their length."""
    value: dict[str, Value] = {"entries": [short(entry) for entry in alias.entries]}
    return {**value, "allowed": True} if alias.allowed else value


def short(cidr: str) -> str:
    """Return a canonical CIDR as people write it: a single address without its length."""
    return cidr.removesuffix("/128" if ":" in cidr else "/32")


def _find(root: Pairs, at: Path) -> tuple[Text, Node] | None:
    pair: tuple[Text, Node] | None = None
    inside: Node = root
    for name in at:
        if not isinstance(inside, Pairs):
            return None
        pair = next(((key, value) for key, value in inside.pairs if key.value == name), None)
        if pair is None:
            return None
        inside = pair[1]
    return pair


def _put(tree: dict[str, Value], at: Path, value: Value) -> None:
    for name in at[:-1]:
        inner = tree.setdefault(name, {})
        assert isinstance(inner, dict)
        tree = inner
    tree[at[-1]] = value


def _set_list(
    splices: Splices, root: Pairs, part: _List, target: Sequence[str], missing: dict[str, Value]
) -> None:
    found = _find(root, part.at)
    if found is None or isinstance(found[1], Text):
        _put(missing, part.at, list(target))
    else:
        canonical = str if part.ordered or part.at[0] == "discovery" else entry_value
        _change(splices, found, target, canonical, ordered=part.ordered)


def _change(
    splices: Splices,
    found: tuple[Text, Node],
    target: Sequence[str],
    canonical: Callable[[str], str],
    spelt: Callable[[str], str] = str,
    *,
    ordered: bool = False,
) -> None:
    key, items = found
    assert isinstance(items, Items)
    values = {canonical(item.value): item for item in items.items if isinstance(item, Text)}
    kept = [value for value in values if value in target]
    if ordered and kept != list(target[: len(kept)]):
        kept = []  # the order has changed: the whole list is written again
    added = [spelt(value) for value in target if value not in kept]
    splices.change_items(key, items, [values[value] for value in kept], added)


def _set_aliases(
    splices: Splices, root: Pairs, has: Config, meant: Config, missing: dict[str, Value]
) -> None:
    before, after = has.alias_by_name, meant.alias_by_name
    gone = [name for name in before if name not in after]
    new = {name: alias_value(alias) for name, alias in after.items() if name not in before}
    found = _find(root, ("aliases",))
    if found and isinstance(found[1], Pairs) and (gone or new):
        splices.change_pairs(found[1], gone, new)
    elif new:
        missing["aliases"] = dict(new)
    for name, alias in after.items():
        if name not in before:
            continue
        if alias.entries != before[name].entries:
            entries = _find(root, ("aliases", name, "entries"))
            assert entries is not None
            _change(splices, entries, alias.entries, entry_value, short)
        if alias.allowed != before[name].allowed:
            _set_allowed(splices, root, alias, missing)


def _set_allowed(splices: Splices, root: Pairs, alias: Alias, missing: dict[str, Value]) -> None:
    found = _find(root, ("aliases", alias.name, "allowed"))
    if found is None:
        _put(missing, ("aliases", alias.name, "allowed"), alias.allowed)
    else:
        splices.replace(found[1].start, found[1].end, "true" if alias.allowed else "false")


def _add(splices: Splices, mapping: Pairs, tree: dict[str, Value]) -> None:
    """Add what is missing in a mapping: new keys behind its own, the others inside theirs."""
    present = {key.value: (key, value) for key, value in mapping.pairs}
    new = {name: value for name, value in tree.items() if name not in present}
    if new:
        splices.change_pairs(mapping, (), new)
    for name, value in tree.items():
        if name not in present:
            continue
        key, node = present[name]
        if isinstance(node, Pairs) and isinstance(value, dict):
            _add(splices, node, value)
        else:
            splices.fill(key, node, value, in_flow=mapping.flow)
