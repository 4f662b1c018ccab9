"""The gait node's services: who is enrolled, and changes to that."""

from collections.abc import Callable
from typing import Any

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.msg import PersonRecord
from rt_gait_ros.nodes.headers import to_time
from rt_gait_ros.nodes.parameters import LOCKED
from rt_gait_ros.nodes.recognition_stage import RecognitionStage
from rt_gait_ros.srv import ForgetPerson, ListPersons, MergePersons, RenamePerson, SetGallery

NOT_CONFIGURED = "the gait node is not configured, so no gallery is open: configure it first"


class GalleryServices:
    """Answers from the gallery at once: its changes are small, and no frame waits for them."""

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
        if self._node.people is None:
            self._node.get_logger().warning(NOT_CONFIGURED)
            return response
        self._node.people.follow_gallery()
        gallery = self._node.people.gallery
        response.path, response.model = gallery.name, gallery.model
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
        return self._answer(response, lambda people: "; ".join(people.forget(request.person).lines))

    def _rename(self, request: Any, response: Any) -> Any:
        def change(people: KnownPeople) -> str:
            person = people.rename(request.person, request.new_name)
            return f"{person.person_id} is now called {person.name}"

        return self._answer(response, change)

    def _merge(self, request: Any, response: Any) -> Any:
        def change(people: KnownPeople) -> str:
            gone = people.gallery.find(request.from_person).person_id
            person = people.merge(request.into_person, request.from_person)
            if self._node.matches is not None:
                self._node.matches.merged(person.person_id, gone)
            return f"{person.name} ({person.person_id}) has {len(person.templates)} embeddings now"

        return self._answer(response, change)

    def _set_gallery(self, request: Any, response: Any) -> Any:
        def change(people: KnownPeople) -> str:
            gallery = people.use(request.path, self._node.gallery_folder)
            return f"using {gallery.path} with {len(gallery.persons)} enrolled"

        return self._answer(response, change)

    def _answer(self, response: Any, change: Callable[[KnownPeople], str]) -> Any:
        people = self._node.people
        try:
            if self._node.value("locked"):
                raise GaitError(f"{LOCKED}: start it with locked false to change who is known")
            if people is None:
                raise GaitError(NOT_CONFIGURED)
            response.success, response.message = True, change(people)
        except GaitError as error:
            response.success, response.message = False, str(error)
        except (OSError, RuntimeError, ValueError) as error:  # what a caller asks for must not end the node
            response.success, response.message = False, f"this could not be done: {error!s:.200}"
        return response
