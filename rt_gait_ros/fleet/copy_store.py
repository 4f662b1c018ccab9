"""A gallery on a server with a copy on this machine: the robot answers from that, be the server there or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rt_gait_ros import private_file
from rt_gait_ros.fleet import copy_state
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.exchange import LOCK_SECONDS, Exchange
from rt_gait_ros.gallery import extent_file, gallery_file
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery_file import Loaded
from rt_gait_ros.gallery.gallery_store import Change, FileStore
from rt_gait_ros.gallery.person import Content, GalleryError, GalleryReadOnly


class CopyStore(FileStore):
    """The copy, a gallery's file like any other, and the exchange that keeps it and the server alike.

    A change is made in the copy, at once and whatever the server does, and reaches the server from there. address: None
    for a program that only changes the copy's file, beside the one that exchanges it. seen: what is in memory.
    networks: folder of the gait networks; None: the package's own. model: the gait network that this robot uses.
    """

    is_shared = True

    def __init__(
        self,
        address: Address | None,
        path: Path,
        cipher: Cipher | None = None,
        networks: Path | None = None,
        model: str = "",
    ) -> None:
        super().__init__(path, cipher)
        self.networks, self.model = networks, model
        self.seen = Loaded(Content(), ())
        self._exchange = None if address is None else Exchange(address, self)
        self.robot = self.robot if address is None else address.robot
        self.handover = None if self._exchange is None else self._exchange.departures

    @property
    def name(self) -> str:
        """The server's gallery, or the copy."""
        return str(self.path) if self._exchange is None else self._exchange.address.name

    @property
    def problem(self) -> str:
        """As Store.problem."""
        return "" if self._exchange is None else self._exchange.problem

    def notices(self) -> list[str]:
        """As Store.notices."""
        return [] if self._exchange is None else self._exchange.notices()

    def open(self) -> Loaded:
        """As Store.open; the exchange begins."""
        self.seen = super().open()
        if self._exchange is not None:
            self._exchange.start()
        return self.seen

    def read(self, known: Loaded) -> Loaded:
        """As Store.read."""
        self.seen = known
        return super().read(known)

    @contextmanager
    def changing(self, held: Loaded) -> Iterator[Change]:
        """As Store.changing."""
        self._require_right()
        self.seen = held
        with super().changing(held) as change:
            yield _CopyChange(change, self.path)

    def require_writable(self) -> None:
        """As Store.require_writable: neither the file nor this robot's role may be for reading only."""
        self._require_right()
        super().require_writable()

    def recrypt(self, cipher: Cipher | None) -> None:
        """As Store.recrypt; what was agreed with the server is of the new file, and has the new key.

        That is there before the new file, so that who is killed between the two has not lost it.
        """
        what = f"what copy {self.path} agreed on"
        with private_file.locked(copy_state.agreed_path(self.path), LOCK_SECONDS, what, GalleryError):
            state = gallery_file.read(self.path, self.cipher).state
            copy_state.settle(self.path, self.cipher, state.file_id if state is not None else "")
            agreed, file_id = copy_state.read(self.path, self.cipher), extent_file.new_id()
            # Else somebody restored the file, and all is compared anew.
            if state is not None and agreed.file_id == state.file_id and agreed.commit <= state.commit:
                copy_state.prepare(self.path, cipher, replace(agreed, file_id=file_id, commit=0))
            gallery_file.recrypt(self.path, self.cipher, cipher, file_id)
            self.cipher = cipher
            copy_state.settle(self.path, cipher, file_id)

    def close(self) -> None:
        """As Store.close."""
        if self._exchange is not None:
            self._exchange.stop()

    def _require_right(self) -> None:
        if self._exchange is not None and not self._exchange.may_write:
            raise GalleryReadOnly(
                f"gallery {self.name} may only be read by this robot: grant its role rt_gait_enroller"
            )


# Whoever asks for it wants it gone: the note stays, though what it was asked for with failed.
_NOTED = "Who was to be forgotten is noted, and goes everywhere with the next exchange that can write"
_MERGED = "the two are merged on this robot all the same, and elsewhere as soon as that can be written"


class _CopyChange:
    """A change of the copy: whoever is forgotten in it is remembered as forgotten before.

    Who is merged into somebody is remembered after: else, where the file could not be written,
    she would be forgotten everywhere with her walks.
    """

    def __init__(self, change: Change, path: Path) -> None:
        self._change, self._path = change, path

    @property
    def content(self) -> Content:
        """As Change.content."""
        return self._change.content

    def commit(self, content: Content, what: str, *, thorough: bool = False) -> Loaded:
        """As Change.commit."""
        if what == "rebuild":
            raise GalleryError(
                "a copy is not rebuilt for another gait network: rebuild the gallery on its server, "
                "with `rt-gait gallery rebuild --gallery postgresql://…`; all copies follow"
            )
        stay = {person.person_id for person in content.persons}
        gone = [person.person_id for person in self.content.persons if person.person_id not in stay]
        if what == "merge":
            loaded = self._change.commit(content, what, thorough=thorough)
            copy_state.remember(self._path, gone, _MERGED)  # being cut off before this, the next exchange does it
            return loaded
        copy_state.remember(self._path, gone)
        try:
            return self._change.commit(content, what, thorough=thorough)
        except GalleryError as error:
            if not gone:
                raise
            raise type(error)(f"{error}. {_NOTED}") from error
