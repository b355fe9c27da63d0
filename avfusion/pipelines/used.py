"""Which engines something came about with: by ability, their names, weights and devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from avfusion.engines.registry import Settled


class MadeByEngines:
    """What has `used`: ability -> what worked. Made to be inherited from."""

    used: Mapping[str, Settled]

    @property
    def engines(self) -> dict[str, str]:
        """ability -> name"""
        return {ability: one.engine.name for ability, one in self.used.items()}

    @property
    def revisions(self) -> dict[str, str]:
        """ability -> which weights; those without any are left out"""
        return {ability: one.revision for ability, one in self.used.items() if one.revision}

    @property
    def devices(self) -> dict[str, str]:
        """ability -> where it worked"""
        return {ability: one.device for ability, one in self.used.items()}


@dataclass(frozen=True, eq=False)
class Used(MadeByEngines):
    """The engines of many pieces of work."""

    used: dict[str, Settled] = field(default_factory=dict)
