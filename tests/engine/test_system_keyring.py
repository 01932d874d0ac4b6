import threading

import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import pytest

from engine.system_keyring import KeyringUnavailableError, LimitedKeyring, real_backend


class MemoryKeyring:
    """A backend that is neither of the known ones: as real as any for `real_backend`."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str, /) -> str | None:
        return self.stored.get((service, username))

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self.stored[service, username] = password

    def delete_password(self, service: str, username: str, /) -> None:
        del self.stored[service, username]


class Chain:
    """Counts as the package's own chain, by its module; that one's list is fixed by what the system has."""

    def __init__(self, backends: list[object]) -> None:
        self.backends = backends


Chain.__module__ = "keyring.backends.chainer"
Plain = type("Plain", (MemoryKeyring,), {"__module__": "keyrings.alt.file"})


def unreal_backends() -> list[object]:
    fail: type = keyring.backends.fail.Keyring
    null: type = keyring.backends.null.Keyring
    return [fail(), null(), Plain()]


def test_backends_that_keep_nothing_or_in_the_clear_are_not_used() -> None:
    assert [real_backend(backend) for backend in unreal_backends()] == [None, None, None]
    real = MemoryKeyring()
    assert real_backend(real) is real


def test_of_a_chain_the_first_real_backend_is_used() -> None:
    assert keyring.backends.chainer.ChainerBackend.__module__ == Chain.__module__
    assert real_backend(Chain(unreal_backends())) is None
    real = MemoryKeyring()
    assert real_backend(Chain([*unreal_backends(), real, MemoryKeyring()])) is real


def test_values_go_in_and_out() -> None:
    limited = LimitedKeyring(MemoryKeyring, 5)
    assert limited.get("openai") is None
    limited.set("openai", "value")
    assert limited.get("openai") == "value"
    limited.delete("openai")
    assert limited.get("openai") is None
    assert limited.unavailable == ""


def test_it_is_loaded_once_and_late() -> None:
    loads: list[int] = []

    def load() -> MemoryKeyring:
        loads.append(1)
        return MemoryKeyring()

    limited = LimitedKeyring(load, 5)
    assert loads == []
    limited.get("a")
    limited.get("b")
    assert loads == [1]


def test_a_system_without_one_says_so() -> None:
    limited = LimitedKeyring(lambda: None, 5)
    with pytest.raises(KeyringUnavailableError, match="no key store"):
        limited.get("openai")


def test_one_that_hangs_is_given_up_and_not_asked_again() -> None:
    release, calls = threading.Event(), []

    def load() -> MemoryKeyring:
        calls.append(1)
        release.wait()
        return MemoryKeyring()

    limited = LimitedKeyring(load, 0.01)
    try:
        for _ in range(3):
            with pytest.raises(KeyringUnavailableError, match="did not answer"):
                limited.get("openai")
        assert calls == [1]
    finally:
        release.set()


def test_a_failure_names_its_kind_and_not_its_text() -> None:
    class Locked(MemoryKeyring):
        def get_password(self, service: str, username: str, /) -> str | None:
            raise RuntimeError("secret value")

    limited = LimitedKeyring(Locked, 5)
    with pytest.raises(KeyringUnavailableError) as caught:
        limited.get("openai")
    assert "RuntimeError" in str(caught.value)
    assert "secret" not in str(caught.value)
