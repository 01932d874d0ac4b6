"""The system's key store, if there is a real one that answers in time: all that is said to `keyring`."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

SERVICE = "gen-image-factory"

# Backends that store nothing, or store in the clear what the 0600 file stores better.
_UNREAL_MODULES = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")


class KeyringBackend(Protocol):
    """What of `keyring.backend.KeyringBackend` is used."""

    def get_password(self, service: str, username: str, /) -> str | None: ...

    def set_password(self, service: str, username: str, password: str, /) -> None: ...

    def delete_password(self, service: str, username: str, /) -> None: ...


class KeyringUnavailableError(Exception):
    """The message says why, and holds nothing that a backend said: that might name a key."""


def load_keyring() -> KeyringBackend | None:
    """The first real backend; None where there is none. Imports `keyring`, which may take its time."""
    import keyring  # noqa: PLC0415 - 0.4 s, and on some systems it asks the user something

    return real_backend(keyring.get_keyring())


def real_backend(backend: Any) -> KeyringBackend | None:
    """`backend`, or the first real one of a chain; None for those that store nothing or in the clear."""
    module = type(backend).__module__
    if module.startswith(_UNREAL_MODULES):
        return None
    if module == "keyring.backends.chainer":
        return next((real for inner in backend.backends if (real := real_backend(inner)) is not None), None)
    found: KeyringBackend = backend
    return found


class LimitedKeyring:
    """Calls the backend in a thread, for at most `seconds` a call; one that hangs once is not asked again."""

    def __init__(self, load: Callable[[], KeyringBackend | None], seconds: float) -> None:
        self._load = load
        self._seconds = seconds
        self._lock = threading.Lock()
        self._backend: KeyringBackend | None = None
        self._is_loaded = False
        self.unavailable = ""
        """Why it cannot be used; empty while nothing is known against it."""

    def get(self, name: str) -> str | None:
        """The value stored under `name`. Raises KeyringUnavailableError."""
        return self._call(lambda backend: backend.get_password(SERVICE, name))

    def set(self, name: str, value: str) -> None:
        """Raises KeyringUnavailableError; then it is not known whether the value was stored."""
        self._call(lambda backend: backend.set_password(SERVICE, name, value))

    def delete(self, name: str) -> None:
        """Remove what is stored under `name`. Raises KeyringUnavailableError."""
        self._call(lambda backend: backend.delete_password(SERVICE, name))

    def _call[Result](self, action: Callable[[KeyringBackend], Result]) -> Result:
        with self._lock:
            if not self._is_loaded and not self.unavailable:
                self._backend = self._limited(self._load)
                self._is_loaded = True
                if self._backend is None:
                    self.unavailable = "this system has no key store"
            backend = self._backend
            if self.unavailable or backend is None:
                raise KeyringUnavailableError(self.unavailable)
            return self._limited(lambda: action(backend))

    def _limited[Result](self, action: Callable[[], Result]) -> Result:
        outcome: Future[Result] = Future()

        def work() -> None:
            try:
                outcome.set_result(action())
            except Exception as error:  # noqa: BLE001 - backends raise whatever their system's library raises
                outcome.set_exception(error)

        # A daemon, unlike a pool's thread, does not hold up the end of the program when it hangs.
        threading.Thread(target=work, name="keyring", daemon=True).start()
        try:
            return outcome.result(self._seconds)
        except TimeoutError:
            self.unavailable = f"the system's key store did not answer within {self._seconds:g} s"
        except Exception as error:  # noqa: BLE001 - as above
            self.unavailable = f"the system's key store failed ({type(error).__name__})"
        raise KeyringUnavailableError(self.unavailable)
