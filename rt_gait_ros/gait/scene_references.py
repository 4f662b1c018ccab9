"""The gallery without the scenes that its templates are from, as the recogniser searches it."""

import itertools
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.scene import Normalisation
from rt_gait_ros.gait.views import ViewedNormalisation
from rt_gait_ros.gallery import search
from rt_gait_ros.gallery.distance import single
from rt_gait_ros.gallery.references import References
from rt_gait_ros.gallery.search import Sketches

Query = Normalisation | ViewedNormalisation  # takes out of a look what its scene has in common
FAR = 1e6  # a distance that nobody is at
_versions = itertools.count(1)  # of what was made of galleries: other scenes, or later ones, give another result


@dataclass(frozen=True, slots=True)
class SceneReferences(References):
    """The gallery as it is searched with queries of one scene, to which some of its templates do not belong.

    Those that were enrolled here are compared as they are: taking out what is the same in both tells nothing more, and
    lets strangers be nearer. Those from elsewhere are compared without the scenes on either side. Distances come out in
    the model's own measure, as the calibration makes them equivalent.
    plain: the same with all scenes left in. elsewhere: (T,) bool. sketches: of the templates without their scenes.
    """

    plain: References = field(kw_only=True)
    elsewhere: np.ndarray = field(kw_only=True)
    query: Query = field(kw_only=True)
    calibration: Calibration = field(kw_only=True)
    treatment: "SceneTreatment" = field(kw_only=True)

    def nearest_less(self, queries: np.ndarray, allowance: np.ndarray | None) -> np.ndarray:
        """As References.nearest_less; nothing is taken off for templates from elsewhere."""
        if not self.persons or not len(queries):
            return self.plain.nearest_less(queries, allowance)
        not_elsewhere, not_here = (np.where(each, -FAR, 0.0)[None] for each in (~self.elsewhere, self.elsewhere))
        query, rows = self.query(queries), self.embeddings
        there = search.nearest(query, rows, self.sketches, self.starts, self.treatment, not_elsewhere)
        found = self.calibration.equivalent(there, self.calibration.scene)
        if self.elsewhere.all():
            return found
        here = self.plain.nearest_less(queries, not_here if allowance is None else not_here + allowance)
        return np.minimum(found, here)


@dataclass(frozen=True, slots=True)
class SceneTreatment:
    """Takes out of each template the scene it was enrolled in. scenes: (T,) which of `normalisations` that is."""

    scenes: np.ndarray
    normalisations: tuple[Query, ...]

    def __call__(self, indices: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """As search.Treatment."""
        treated = np.empty(rows.shape, np.float32)
        for number in np.unique(self.scenes[indices]):
            mine = self.scenes[indices] == number
            treated[mine] = self.normalisations[number](rows[mine])
        return treated


def without_scenes(
    references: References,
    elsewhere: np.ndarray,
    treatment: SceneTreatment,
    query: Query,
    calibration: Calibration,
    former: References | None = None,
) -> SceneReferences:
    """The references, those from elsewhere (T,) rid of their scenes.

    former: those of before; a template that it has keeps its sketch, whatever the scenes have learnt since, so that
    this takes no longer than the new templates do.
    """
    sketches = None
    if references.sketches is not None:
        sketches = _patched(references, treatment, former) if former is not None else None
        sketches = sketches or search.sketch_treated(references.embeddings, treatment)
    return SceneReferences(
        references.model,
        references.persons,
        references.embeddings,
        references.starts,
        (*references.version, next(_versions)),
        sketches,
        plain=references,
        elsewhere=elsewhere,
        query=query,
        calibration=calibration,
        treatment=treatment,
    )


def _patched(references: References, treatment: SceneTreatment, former: References) -> Sketches | None:
    """Sketches of which those that `former` has are taken from there; None where it has none."""
    if former.sketches is None:
        return None
    known = {t.place: n for n, t in enumerate(t for person in former.persons for t in person.templates)}
    templates = [template for person in references.persons for template in person.templates]
    places = np.array([known.get(template.place, -1) if template.place else -1 for template in templates])
    fresh = np.flatnonzero(places < 0)
    found = Sketches(*(part[places] for part in former.sketches))
    if len(fresh):
        made = search.sketch(treatment(fresh, single(references.embeddings[fresh])))
        for part, new in zip(found, made, strict=True):
            part[fresh] = new
    return found
