"""The gait node's services: who is enrolled, and changes to that."""

from collections.abc import Callable
from typing import Any

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.msg import PersonRecord
from rt_gait_ros.nodes.conversions import to_time
from rt_gait_ros.nodes.recognition import RecognitionStage
from rt_gait_ros.srv import ForgetPerson, ListPersons, MergePersons, RenamePerson, SetGallery

NOT_CONFIGURED = "the gait node is not configured, so no gallery is open: configure it first"


class GalleryServices:
    """Answers from the gallery at once: its changes are small files, and no frame waits for them."""

    def __init__(self, node: RecognitionStage) -> None:
        self._node = node
        for kind, name, callback in (
            (ListPersons, "list_persons", self._list),
            (ForgetPerson, "forget_person", self._forget),
            (RenamePerson, "rename_person", self._rename),
            (MergePersons, "merge_persons", self._merge),
            (SetGallery, "set_gallery", self._set_gallery),
        ):
            node.create_service(kind, f"~/{name}", callback)

    def _list(self, request: Any, response: Any) -> Any:
        gallery = self._node.gallery
        if gallery is None:
            self._node.get_logger().warning(NOT_CONFIGURED)
            return response
        response.path, response.model = str(gallery.path), gallery.model
        response.persons = [
            PersonRecord(
                person_id=person.person_id,
                name=person.name,
                embeddings=len(person.templates),
                enrolled=to_time(person.enrolled),
                updated=to_time(person.updated),
            )
            for person in gallery.persons
        ]
        return response

    def _forget(self, request: Any, response: Any) -> Any:
        def change(gallery: Gallery) -> str:
            person = gallery.forget(request.person)
            if self._node.scenes is not None:
                try:
                    self._node.scenes.forget(person.embeddings)
                except SceneError as error:
                    raise GaitError(f"forgot {person.name}, but not the votes of their walks: {error}") from error
            unreadable = "".join(f"; {path} may still hold them: delete it" for path in gallery.asides())
            return f"forgot {person.name} ({person.person_id}){unreadable}"

        return self._answer(response, change)

    def _rename(self, request: Any, response: Any) -> Any:
        def change(gallery: Gallery) -> str:
            person = gallery.rename(request.person, request.new_name)
            return f"{person.person_id} is now called {person.name}"

        return self._answer(response, change)

    def _merge(self, request: Any, response: Any) -> Any:
        def change(gallery: Gallery) -> str:
            person = gallery.merge(request.into_person, request.from_person)
            return f"{person.name} ({person.person_id}) has {len(person.templates)} embeddings now"

        return self._answer(response, change)

    def _set_gallery(self, request: Any, response: Any) -> Any:
        def change(gallery: Gallery) -> str:
            if not request.path.strip():
                raise GaitError("path is empty: give the gallery's file")
            other = Gallery(request.path)  # a file that is none is refused: nothing else is there to be moved aside
            if self._node.recognizer is not None:
                self._node.recognizer.use_gallery(other)
            self._node.gallery = other
            return f"using {other.path} with {len(other.persons)} enrolled"

        return self._answer(response, change)

    def _answer(self, response: Any, change: Callable[[Gallery], str]) -> Any:
        gallery = self._node.gallery
        try:
            if gallery is None:
                raise GaitError(NOT_CONFIGURED)
            response.success, response.message = True, change(gallery)
        except GaitError as error:
            response.success, response.message = False, str(error)
        return response
