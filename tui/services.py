"""What the app is given: one frozen record, made once by whoever starts it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.api import EngineApi
from engine.first_look import FirstLook
from engine.paths import Paths
from engine.secrets import KeyStore
from tui.terminal import TerminalFacts

if TYPE_CHECKING:
    from engine.preferences import Preferences

Attach = Callable[[], AbstractAsyncContextManager[EngineApi]]


@dataclass(frozen=True, slots=True)
class AppServices:
    """Everything that the screens may use from outside of the terminal."""

    attach: Attach
    """Reach the engine, starting one where none runs; called again after it was lost."""
    paths: Paths
    preferences: Preferences | FirstLook
    """A first look is enough to draw with; `read_preferences` then gives the rest."""
    keys: KeyStore
    read_preferences: Callable[[], tuple[Preferences, tuple[str, ...]]] | None = None
    """Wanted after a first look: the preferences and the notices about them. Raises SettingsError, which ends the
    app."""
    terminal: TerminalFacts | None = None
    """What was found out about the terminal before the app started; None: nothing, so pictures are half blocks."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    command: str = "gimf"
    """What the user types to come back."""
    ends_with_window: bool = False
    """The engine ends when the program does."""
    end_engine: Callable[[], Awaitable[None]] | None = None
    """Ask the engine to end after the answers to paid requests; None where that is not the window's business."""
    demo_folder: str | None = None
    """Where the demo keeps its files; None where there is no demo to leave for."""
    notices: tuple[str, ...] = ()
    """What is to be said about the preferences once, when the app has started: stderr is behind it."""
