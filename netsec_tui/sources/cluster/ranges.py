"""Read from an API server what tells ranges: named ConfigMaps, ServiceCIDRs, pools of network plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.refusals import AbsentError, ForbiddenError, RefusedError
from netsec_tui.sources.cluster.resources import Groups, Resource, range_resources
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.ranges import CONFIG_MAPS

EVERY = 12
"""Listings of everything else for one reading of what tells ranges, which hardly ever changes."""


class RangeObjects:
    """Hold what was read last; whatever the server does not have or give is no trouble by itself.

    ``problems`` names what was refused, for when ranges turn out to be missing.
    """

    def __init__(self) -> None:
        self.objects: tuple[KubeObject, ...] = ()
        self.problems: tuple[str, ...] = ()
        self._turn = 0

    def read(self, api: ClusterApi, groups: Groups) -> None:
        """Read everything when it is due.

        Raises:
            UnreachableError: the server cannot be reached any more.
        """
        due = self._turn % EVERY == 0
        if due:
            problems: list[str] = []
            listed = [obj for versions in range_resources(groups) for obj in _list(api, versions, problems)]
            self.objects = (*listed, *_config_maps(api, problems))
            self.problems = tuple(dict.fromkeys(problems))
        self._turn += 1


def _list(api: ClusterApi, versions: Iterable[Resource], problems: list[str]) -> list[KubeObject]:
    """Return the objects of a resource in the first of its versions that the server has."""
    for resource in versions:
        try:
            return api.list(resource)
        except AbsentError:
            continue
        except RefusedError as error:
            problems.append(str(error))
            return []
    return []


def _config_maps(api: ClusterApi, problems: list[str]) -> Iterator[KubeObject]:
    """Yield the ConfigMaps that may tell ranges; they are never listed, since others may hold secrets."""
    forbidden: list[str] = []
    for namespace, name in CONFIG_MAPS:
        try:
            found = api.config_map(namespace, name)
            if found:
                yield found
        except AbsentError:
            continue
        except ForbiddenError:
            forbidden.append(name)
        except RefusedError as error:
            problems.append(str(error))
    if forbidden:
        names = ", ".join(dict.fromkeys(forbidden))
        problems.append(
            "configmaps that tell ranges may not be read; what is missing in a ClusterRole is "
            f'apiGroups: [""], resources: ["configmaps"], resourceNames: [{names}], verbs: ["get"]'
        )
