"""An allowance for looks from another side than a template: views alone put them farther apart.

A person from the side is farther from her own template from the front than strangers are from each other on one side.
With one accept line for all, hardly anybody is named from another side than they were enrolled from, and of people who
were enrolled from different sides, whoever was seen from the present one is nearest. What two sides alone do to a
distance grows about in proportion to the angle between them, whoever walks, and is taken off.
"""

from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gallery.references import References
from rt_gait_ros.gallery.sides import sideways


@dataclass(frozen=True, slots=True)
class SidedReferences(References):
    """The gallery, with what is taken off for other sides.

    plain: the same without that, whose scenes may be taken out. sides: (T,) degrees of each template from the front or
    the back (gallery.sides.sideways), NaN where its side is not known. allowance: distance for 90 degrees.
    """

    plain: References = field(kw_only=True)
    sides: np.ndarray = field(kw_only=True)
    allowance: float = field(kw_only=True)

    def nearest_less(self, queries: np.ndarray, allowance: np.ndarray | None) -> np.ndarray:
        """As References.nearest_less, whatever the sides."""
        return self.plain.nearest_less(queries, allowance)

    def compared(self, queries: np.ndarray, degrees: np.ndarray) -> np.ndarray:
        """As References.compared; nothing is taken off where a side is not known, nor from what is learnt by."""
        found = References.compared(self, queries, degrees)
        off = self.allowance / 90.0 * np.abs(sideways(degrees)[:, None] - self.sides[None])
        off = np.nan_to_num(off)
        if self.persons and off.any():
            least = np.minimum(found[:, 1], 0.0)  # which much evidence of a scene may come below
            found[:, 0] = np.maximum(self.nearest_less(queries, off), least)
        return found


def with_sides(references: References, allowance: float) -> SidedReferences:
    """References with an allowance for other sides, a distance for 90 degrees."""
    views = [template.view for person in references.persons for template in person.templates]
    sides = sideways(np.array([np.nan if isinstance(view, str) else float(view) for view in views]))
    return SidedReferences(
        references.model,
        references.persons,
        references.embeddings,
        references.starts,
        (*references.version, round(1e6 * allowance)),
        references.sketches,
        plain=references,
        sides=sides,
        allowance=allowance,
    )
