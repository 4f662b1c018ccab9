"""What a recogniser's looks are held against: the gallery as it is now, without its scenes."""

from collections.abc import Collection
from concurrent.futures import Executor, Future

from rt_gait_ros.gait.company import Company, too_many_or_few
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.scene import MIN_WALKERS, SceneError
from rt_gait_ros.gait.scene_references import SceneReferences
from rt_gait_ros.gait.scenes import LARGE, Scenes
from rt_gait_ros.gait.sided import SidedReferences, with_sides
from rt_gait_ros.gait.translation import Translation
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.gallery import Gallery, GalleryError, GalleryModelMismatch
from rt_gait_ros.gallery.references import References


class Searching:
    """The gallery and the scenes of one recogniser. Not thread-safe.

    scene: what is seen. shape: (P, C) of looks by the network that the gallery is of; None while there was none.
    translation: the gallery by a network that it was not made by, or None. gallery_problem, scene_problem: why fewer
    names are given than could be, in one line, or "".
    """

    def __init__(self, gallery: Gallery, scenes: Scenes | None, model: str, writer: Executor | None) -> None:
        """scenes: of the gait model, or None. model: that the gallery is of. writer: follows large galleries; None:
        `follow` does."""
        self.gallery, self._scenes, self._model, self._writer = gallery, scenes, model, writer
        self.scene = ""
        self.shape: tuple[int, ...] | None = None
        self.translation: Translation | None = None
        self.gallery_problem = self.scene_problem = self._unread = ""
        self._refreshing: Future[bool] | None = None
        self._company = Company()
        self._taken_out = False  # whether the references as last asked for are without their scenes
        self._sided: tuple[tuple[int, ...], float, SidedReferences] | None = None  # by version and allowance

    def use(self, gallery: Gallery, scenes: Scenes | None) -> None:
        """Take another gallery and its scenes from now on. Raises GalleryModelMismatch, and keeps the present ones."""
        gallery.require_model(self._model)
        self.gallery, self._scenes = gallery, scenes
        self.gallery_problem = self.scene_problem = self._unread = ""
        self._taken_out = False

    def follow(self) -> None:
        """Take over what other processes did to the gallery; a gallery that cannot be used is a problem."""
        try:
            if self._refreshed():
                self._unread = ""
        except GalleryError as error:
            self._unread = str(error)
        self.gallery_problem = self._unread or self._misfit()

    def _misfit(self) -> str:
        """Why looks cannot be compared with the gallery, in one line, or ""."""
        try:
            self.gallery.require_model(self._model)
        except GalleryModelMismatch as error:
            return str(error)
        references = self.gallery.references
        if self._fits(references):
            return ""
        return (
            f"gallery {self.gallery.name} has embeddings of shape {list(references.embeddings.shape[1:])}, and "
            f"{self._model} gives {list(self.shape or ())}: it was made by another network of that name, so make them "
            f"anew by `rt-gait gallery rebuild --model {self._model}`, or choose another gallery"
        )

    def references(self, config: RecognizerConfig) -> References | None:
        """The gallery as last followed, without its scenes; None while it belongs to another gait model, or to another
        one of that name.

        What is found on the way is remembered for `directions`, and is a `scene_problem` where it is one.
        """
        references = self.gallery.references
        if references.model not in ("", self._model) or not self._fits(references):
            return None
        if self.translation is not None:
            return self._with_sides(self.translation.of(references), config)
        found = self._without_scenes(references, config)
        self._taken_out = isinstance(found, SceneReferences)
        return self._with_sides(found, config)

    def _fits(self, references: References) -> bool:
        """Whether looks can be compared with these at all."""
        return self.shape is None or not references.persons or references.embeddings.shape[1:] == self.shape

    def compared(
        self,
        references: References,
        walker: Walker,
        walkers: Collection[Walker],
        config: RecognizerConfig,
        *,
        stands: bool,
    ) -> References:
        """What one of these walkers is held against. references: of now. stands: as Company.references."""
        if self._taken_out or not self.by_directions(config):
            return references
        return self._company.references(references, walker, walkers, config.calibration, stands=stands)

    def by_directions(self, config: RecognizerConfig) -> bool:
        """Whether looks may be compared by directions, however many are enrolled: `directions` says why not."""
        return not self._no_directions(config)

    def directions(self, config: RecognizerConfig) -> str:
        """Whether looks are compared by directions (gait.company): "used", or "not used: " and why, in one line.

        It changes nothing, and goes by the references that were last asked for.
        """
        why_not = self._no_directions(config)
        if not why_not:
            present = self.gallery.references
            if present.model not in ("", self._model):
                why_not = f"the gallery is of {present.model}, not of {self._model}"
            else:
                why_not = "the scene is taken out instead" if self._taken_out else too_many_or_few(present)
        return f"not used: {why_not}" if why_not else "used"

    def _no_directions(self, config: RecognizerConfig) -> str:
        """Why the settings or the network in use do not allow it; "" where they do."""
        if config.calibration is None or config.calibration.company is None:
            return f"no calibration of {config.model} has the curve `company`"
        if not config.scene_normalisation:
            return "scene_normalisation is off"
        return "another network than the gallery's is in use" if self.translation is not None else ""

    def vote(self, walker: Walker, config: RecognizerConfig) -> None:
        """A track that ended counts for its scene. Not before: nobody's walk is to be held against itself."""
        if self._scenes is None or not config.scene_normalisation or walker.looks < config.agreeing_embeddings:
            return
        assert walker.mean is not None
        try:
            self._scenes.vote(self.scene, walker.mean, walker.evidence.last_held)
        except SceneError as error:
            self.scene_problem = str(error)

    def line(self, config: RecognizerConfig) -> str:
        """What is seen, and whether it is taken out of embeddings, in one line for the diagnostics."""
        if self._scenes is None or not config.scene_normalisation or not self.scene:
            return "not taken out"
        try:
            walkers = self._scenes.walkers(self.scene)
        except SceneError as error:
            return str(error)
        seen = f"{self.scene}: {walkers:.0f} walkers seen"
        if self._scenes.knows_views:
            return f"{seen}; taken out of everybody"
        return f"{seen}; from {MIN_WALKERS:.0f} on it is taken out of people who were enrolled in other scenes"

    def _refreshed(self) -> bool:
        """Take over what other processes did to the gallery: at once, or beside this where that takes a while."""
        if self._refreshing is not None:
            if not self._refreshing.done():
                return False
            finished, self._refreshing = self._refreshing, None
            return finished.result()
        if self._writer is None or self.gallery.references.embeddings.size < LARGE:
            return self.gallery.refresh()
        if self.gallery.changed:
            self._refreshing = self._writer.submit(self.gallery.refresh)
        return False

    def asks_for_sides(self, config: RecognizerConfig) -> bool:
        """Whether anything is compared by the side from which a look is seen, which takes time to tell."""
        return self.by_directions(config) or bool(config.calibration and config.calibration.sides)

    def _with_sides(self, references: References, config: RecognizerConfig) -> References:
        """The references with an allowance for other sides, where the calibration has one."""
        if config.calibration is None or not config.calibration.sides:
            return references
        key = references.version, config.calibration.sides
        if self._sided is None or self._sided[:2] != key:
            self._sided = *key, with_sides(references, config.calibration.sides)
        return self._sided[2]

    def _without_scenes(self, references: References, config: RecognizerConfig) -> References:
        calibration = config.calibration
        self.scene_problem = ""
        if self._scenes is None or not config.scene_normalisation or not (calibration and calibration.scene):
            return references
        try:
            found = self._scenes.references(references, self.scene)
        except SceneError as error:
            self.scene_problem = str(error)
            return references
        self.scene_problem = self._scenes.problem
        return found
