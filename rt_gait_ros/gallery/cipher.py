"""Encryption of what is stored, and where its key comes from: AES-256-GCM by the library `cryptography`.

A key is 32 bytes in base64, as `rt-gait gallery key` makes them. It is named, never written into a parameter:
`file:PATH`, `env:NAME`, or `keyring:SERVICE/USER` for the system's keyring.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError, MissingPackage, UsageError
from rt_gait_ros.pip_packages import extra

KEY_BYTES, NONCE_BYTES = 32, 12  # AES-256; the nonce that GCM is specified for (NIST SP 800-38D)
VARIABLE = "RT_GAIT_GALLERY_KEY"  # names the key where nothing else does


class KeyProblem(GaitError):
    """There is no key where one is needed, or not the right one."""


class Cipher:
    """Seals byte strings with one key. key_id: tells one key from another, and nothing of either."""

    def __init__(self, key: bytes) -> None:
        """key: KEY_BYTES bytes. Raises KeyProblem for another length, and MissingPackage without the library."""
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            line = f"encryption needs the library cryptography: {extra('encryption')}"
            raise MissingPackage(line, name="cryptography") from None
        if len(key) != KEY_BYTES:
            raise KeyProblem(f"a key has {KEY_BYTES} bytes, this one {len(key)}: make one with `rt-gait gallery key`")
        self._aead = AESGCM(_derived(key, b"seal"))
        self._mac_key = _derived(key, b"mac")
        self.key_id = _derived(key, b"id").hex()[:16]

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Encrypted and authenticated bytes; `open` needs the same context."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, data, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The inverse of `seal`. Raises ValueError for anything that `seal` did not make with this key."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except InvalidTag:
            raise ValueError("it was changed, or sealed with another key") from None

    def mac(self, data: bytes) -> bytes:
        """32 bytes that only this key can make of the data."""
        return hmac.digest(self._mac_key, data, "sha256")


def new_key() -> str:
    """A key as it is kept in a file, a variable or a keyring."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def find_cipher(source: str = "") -> Cipher | None:
    """The cipher whose key `source` names ("file:PATH", "env:NAME", "keyring:SERVICE/USER").

    "" is what $RT_GAIT_GALLERY_KEY names, or None without that. Raises KeyProblem, UsageError.
    """
    source = source or os.environ.get(VARIABLE, "")
    if not source:
        return None
    kind, _, place = source.partition(":")
    readers = {"file": _from_file, "env": _from_environment, "keyring": _from_keyring}
    if kind not in readers or not place:
        raise UsageError("a key is named as file:PATH, env:NAME or keyring:SERVICE/USER, and not given itself")
    try:
        key = base64.b64decode(readers[kind](place).strip(), validate=True)
    except (binascii.Error, ValueError):
        raise KeyProblem(f"what {source} holds is no key in base64: make one with `rt-gait gallery key`") from None
    return Cipher(key)


def write_key(path: Path) -> None:
    """Write a new key to a file that is not there yet, private to its owner. Raises KeyProblem."""
    try:
        private_file.create_once(path, f"{new_key()}\n".encode())
    except (OSError, ValueError) as error:
        raise KeyProblem(f"key {path} cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _derived(key: bytes, purpose: bytes) -> bytes:
    """One key for each purpose (HKDF-Expand of RFC 5869, one block)."""
    return hmac.digest(key, b"rt_gait_ros " + purpose + b"\x01", hashlib.sha256().name)


def _from_file(place: str) -> bytes:
    try:
        return private_file.read(Path(place).expanduser(), 4096)
    except (OSError, RuntimeError, ValueError) as error:
        raise KeyProblem(f"key file {place} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _from_environment(place: str) -> bytes:
    value = os.environ.get(place)
    if value is None:
        raise KeyProblem(f"the environment variable {place} is not set, and should hold the gallery's key")
    return value.encode()


def _from_keyring(place: str) -> bytes:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        line = f"a key in the system's keyring needs the library keyring: {extra('encryption')}"
        raise MissingPackage(line, name="keyring") from None
    service, _, user = place.partition("/")
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise KeyProblem(f"the system's keyring cannot be asked: {' '.join(str(error).split())}") from error
    if value is None:
        raise KeyProblem(f"the system's keyring holds nothing for {place}: `keyring set {service} {user}` stores a key")
    return value.encode()
