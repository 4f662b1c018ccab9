"""Moves a recogniser from one gait network to another as people come and go, without a look being lost.

The present network goes on until the next one is loaded, has been checked, and has answered once. Then each track goes
on with its newest frames; what the former network was asked still counts, and where nobody waits for it any longer it
is unloaded, if this has loaded it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import nan
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.embedder import Embedder, read_embedding
from rt_gait_ros.gait.model import FAMILY_PARAMETER, GaitModel, describe
from rt_gait_ros.gait.network import Network
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.gait.translation import Translation
from rt_gait_ros.gait.variants import VariantChoice
from rt_gait_ros.gallery.distance import distance
from rt_gait_ros.serving.inference import InferenceClient, InferenceError, ModelMismatch, ModelUnavailable
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

RETRY = 30.0  # seconds before a network that could not be had is asked for again
SAMPLES = 3  # walks on which the embeddings of two networks are compared
PARTING = 1.0  # seconds that closing waits at most for networks to be unloaded


class LoadingClient(InferenceClient, Protocol):
    """A client whose server may load networks on request."""

    def load(self, model: str) -> None:
        """Have a network loaded, and wait for it. Raises ModelUnavailable where that is refused or fails."""

    def unload(self, model: str) -> None:
        """Have a network unloaded. Raises ModelUnavailable."""


class NetworkMover:
    """Decides and moves for one recogniser; `step` after each of its updates. Waits for nothing.

    problem: why it cannot use the network that it should, in one line, or "". moves: how many there were.
    """

    def __init__(
        self,
        client: LoadingClient,
        recognizer: GaitRecognizer,
        repository: Path,
        choice: VariantChoice,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """repository: where calibrations are. choice: the recogniser's own network first."""
        self.problem = ""
        self.moves = 0
        self._client, self._recognizer, self._choice, self._clock = client, recognizer, choice, clock
        self._repository = repository
        self._mutex = threading.Lock()  # nothing is begun once this is closed
        self._closed = False
        self._home = recognizer.model
        self._apart = ""  # why the embeddings of the network in use are not comparable with the gallery's
        self._worker = ThreadPoolExecutor(1, "networks")
        self._moving: tuple[str, Future[Network]] | None = None
        self._beside: Future[None] | None = None  # loading anew, unloading, or following the gallery
        self._loaded: set[str] = set()  # by this
        self._unused = ""  # to be unloaded
        self._try_again = 0.0
        self._notices: list[tuple[str, bool]] = []
        self._people = 0

    def step(self, people: int) -> None:
        """Move on, unless this is closed. people: how many are in view."""
        with self._mutex:
            self._people = people
            if self._closed:
                return
            if self._moving is not None:
                self._finish(*self._moving)
            elif self._beside is not None:
                self._finish_beside(self._beside)
            elif self._clock() >= self._try_again:
                self._begin(people)

    def notices(self) -> list[tuple[str, bool]]:
        """What there is to say, each line once, and whether it is a warning."""
        said, self._notices = self._notices, []
        return said

    @property
    def lines(self) -> dict[str, str]:
        """For the diagnostics: which network looks, what is asked of it, whether its embeddings can be compared."""
        moving = self._moving  # another thread steps
        network = self._choice.current + (f", loading {moving[0]}" if moving else "")
        asked = self._choice.line(self._people)
        comparable = self._apart or "comparable with the gallery's"
        return {"network": network, "load": asked, "embeddings": comparable, "moves": str(self.moves)}

    def close(self) -> None:
        """Begin nothing more, and have unloaded what this has loaded, after what runs now. Waits a moment for that, and
        no longer: it goes on while the client is open."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            unloaded = self._worker.submit(self._unload_all)
            self._worker.shutdown(wait=False)
        wait([unloaded], PARTING)

    def _begin(self, people: int) -> None:
        recognizer, current = self._recognizer, self._choice.current
        wanted = self._choice.choose(people, recognizer.look_time)
        if self._unused and not recognizer.in_transit:
            name, self._unused = self._unused, ""
            self._beside = self._worker.submit(self._unload, name)
        elif wanted != current and not recognizer.in_transit:
            self._moving = wanted, self._worker.submit(self._prepare, wanted, recognizer.samples(SAMPLES))
        elif recognizer.lost and current != self._home.name:  # the server was started anew, or another has unloaded it
            self._beside = self._worker.submit(self._load, current)
        elif recognizer.untranslated:
            self._beside = self._worker.submit(recognizer.translate)
        elif wanted == current:
            self.problem = ""

    def _load(self, name: str) -> None:
        self._client.load(name)
        self._loaded.add(name)

    def _unload(self, name: str) -> None:
        self._client.unload(name)
        self._loaded.discard(name)

    def _unload_all(self) -> None:
        for name in sorted(self._loaded):
            with suppress(GaitError):  # the server may be gone before
                self._unload(name)

    def _finish_beside(self, beside: Future[None]) -> None:
        if not beside.done():
            return
        self._beside = None
        try:
            beside.result()
        except GaitError as error:
            self._fail(str(error))

    def _fail(self, why: str) -> None:
        self.problem, self._try_again = why, self._clock() + RETRY

    def _finish(self, name: str, future: Future[Network]) -> None:
        """Go on with the network that was asked for, if it is ready."""
        if not future.done():
            return
        former = self._choice.current
        try:
            network = future.result()
        except GaitError as error:
            self._moving = None
            self._fail(f"gait network {name} cannot be used, so that {former} goes on: {error}")
            return
        kept = self._recognizer.use_network(network)
        if kept is None:  # again at the next step
            return
        self._moving, self.problem = None, ""
        self.moves += 1
        said = f"gait network {former} -> {name}: {self._choice.line(self._people)}"
        self._choice.moved(name)
        if former in self._loaded:
            self._unused = former
        apart, self._apart = network.apart or self._apart, network.apart
        if kept:
            self._notices.append((f"{said}; names and evidence are kept", False))
            return
        self._notices.append((f"{said}; everybody is looked at anew, for {apart}", True))
        if network.translation is not None:
            bare = network.translation.unknown(self._recognizer.gallery.references)
            if bare:
                self._notices.append((f"{name} cannot know {', '.join(bare)}: no gait frames of them are stored", True))

    def _prepare(self, name: str, samples: Sequence[np.ndarray]) -> Network:
        """Have a network loaded, see what its embeddings are good for, and have it answer once. Raises GaitError.

        samples: walks of people in view.
        """
        config = self._recognizer.own_config
        if name == self._home.name:
            embedder = embedder_for(self._client, self._home, config.window, config.deadline)
            self._answer_once(embedder, samples)
            return Network(self._home, embedder)
        model = replace(self._have_loaded(name), kept_as=self._home.name)
        if (model.gait_frame_kind, model.frame_shape) != (self._home.gait_frame_kind, self._home.frame_shape):
            raise ModelMismatch(
                f"model {name} takes {model.gait_frame_kind} frames of shape {list(model.frame_shape)}, and "
                f"{self._home.name} {self._home.gait_frame_kind} frames of shape {list(self._home.frame_shape)}"
            )
        embedder = embedder_for(self._client, model, config.window, config.deadline)
        self._answer_once(embedder, samples)
        apart = self._apart_by_declaration(model) or self._apart_by_distance(embedder, samples, config)
        if not apart:
            known = config.calibration
            return Network(model, embedder, {"model": name, "calibration": known and replace(known, model=name)})
        known = calibration.find(self._repository, name)
        if known is None:
            raise ModelMismatch(f"{apart}, and {name} has no calibration: run `rt-gait calibrate --model {name}`")
        settings: dict[str, Any] = {"model": name, "calibration": known, "accept_distance": nan, "margin": nan}
        # what scenes, other robots and the gallery have learnt is of the gallery's network
        settings |= {"scene_normalisation": False, "learn": False, "handover": 0.0}
        translation = Translation(name, partial(self._embed, embedder))
        translation.make(self._recognizer.gallery.references)
        return Network(model, embedder, settings, apart, translation)

    def _have_loaded(self, name: str) -> GaitModel:
        try:
            return describe(self._client, name)
        except ModelUnavailable:
            self._load(name)
            return describe(self._client, name)

    def _answer_once(self, embedder: Embedder, samples: Sequence[np.ndarray]) -> None:
        """The first answer of a network takes longest: nobody waits for it."""
        shape = (max(embedder.model.min_frames, 1), *embedder.model.frame_shape)
        dtype = samples[0].dtype if samples else GAIT_FRAME_KINDS[embedder.model.gait_frame_kind].dtype
        self._embed(embedder, np.zeros(shape, dtype))

    def _apart_by_declaration(self, model: GaitModel) -> str:
        home = self._home
        if not home.family or home.family != model.family:
            return f"{home.name} and {model.name} declare no {FAMILY_PARAMETER} in common"
        if home.embedding_shape != model.embedding_shape:
            shapes = f"{list(home.embedding_shape)} and {list(model.embedding_shape)}"
            return f"{home.name} and {model.name} declare one {FAMILY_PARAMETER}, but embeddings of {shapes}"
        return ""

    def _apart_by_distance(self, embedder: Embedder, samples: Sequence[np.ndarray], config: RecognizerConfig) -> str:
        """Whether two networks of one family put the same frames farther apart than one person's looks may be."""
        own = embedder_for(self._client, self._home, config.window, config.deadline)
        line = config.accept_line
        for frames in samples:
            if len(frames) < max(own.model.min_frames, embedder.model.min_frames):
                continue
            far = float(distance(self._embed(own, frames), self._embed(embedder, frames)))
            if far > line:
                return (
                    f"{own.model.name} and {embedder.model.name} declare one {FAMILY_PARAMETER}, but their embeddings "
                    f"of the same frames lie {far:.3g} apart, more than the accept_distance {line:.3g}"
                )
        return ""

    def _embed(self, embedder: Embedder, frames: np.ndarray) -> np.ndarray:
        """(P, C). Raises InferenceError, also once this is closed: then nobody waits for the rest."""
        if self._closed:
            raise InferenceError("the gait node moves to no other network any longer")
        return read_embedding(embedder.embed(frames).result(), embedder.model)
