"""The clients of the outside services, each made when it is first needed, with the key and base URL of this machine."""

from collections.abc import Callable

from engine.errors import KeyRefusedError
from engine.preferences import Preferences
from engine.providers.base import ImageProvider, KeyReport, ProviderName
from engine.providers.http import HttpGateway
from engine.providers.language import LanguageModel
from engine.providers.openai_images import OpenAIImagesProvider
from engine.providers.piapi import PiapiProvider
from engine.providers.removebg import RemoveBackgroundClient
from engine.providers.runware import RunwareProvider
from engine.secrets import KeyName


class Services:
    """Shared by all jobs of an engine. A key that was missing or refused is read again at the next use."""

    def __init__(
        self, preferences: Preferences, read_key: Callable[[KeyName], str | None], http: HttpGateway
    ) -> None:
        self._urls = preferences.base_urls
        self._read_key = read_key
        self.http = http
        self._images: dict[ProviderName, ImageProvider] = {}
        self._language: LanguageModel | None = None
        self._background: RemoveBackgroundClient | None = None
        self._retired: list[ImageProvider | LanguageModel] = []

    def images(self, provider: str) -> ImageProvider:
        """The image provider of that name. Raises KeyRefusedError where its key is missing."""
        name = ProviderName(provider)
        if name not in self._images:
            self._images[name] = self._image_provider(name)
        return self._images[name]

    def language(self) -> LanguageModel:
        """Prompts, checks and metadata. Raises KeyRefusedError where the key is missing."""
        if self._language is None:
            self._language = LanguageModel(self._urls.openai, self._key(KeyName.OPENAI))
        return self._language

    def background(self) -> RemoveBackgroundClient:
        """remove.bg. Raises KeyRefusedError where the key is missing."""
        if self._background is None:
            self._background = RemoveBackgroundClient(
                self._urls.remove_bg, self._key(KeyName.REMOVE_BG), self.http
            )
        return self._background

    @property
    def base_urls(self) -> tuple[str, ...]:
        """Every configured base URL: pictures may come from their hosts even on a private network."""
        return (self._urls.piapi, self._urls.openai, self._urls.remove_bg, self._urls.runware)

    async def test_key(self, name: KeyName) -> KeyReport:
        """One cheap call with the key. Raises KeyRefusedError where there is none, NotSentError and BadAnswerError."""
        match name:
            case KeyName.OPENAI:
                return await self.language().test_key()
            case KeyName.REMOVE_BG:
                return await self.background().test_key()
            case KeyName.PIAPI:
                return await self.images(ProviderName.PIAPI).test_key()
            case KeyName.RUNWARE:
                return await self.images(ProviderName.RUNWARE).test_key()

    def use(self, preferences: Preferences) -> None:
        """Go to these base URLs from here on, with keys that are read again."""
        self._urls = preferences.base_urls
        self.forget()

    def forget(self) -> None:
        """Make new clients from here on, so that keys that were mended are read again.

        The old ones stay open until the end: a paid request may be on its way over their connections.
        """
        self._retired += self._images.values()
        if self._language is not None:
            self._retired.append(self._language)
        self._images.clear()
        self._language = self._background = None

    async def close(self) -> None:
        """Close every connection."""
        self.forget()
        while self._retired:
            await self._retired.pop().close()
        await self.http.close()

    def _image_provider(self, name: ProviderName) -> ImageProvider:
        match name:
            case ProviderName.PIAPI:
                return PiapiProvider(self._urls.piapi, self._key(KeyName.PIAPI), self.http)
            case ProviderName.OPENAI:
                return OpenAIImagesProvider(self._urls.openai, self._key(KeyName.OPENAI))
            case ProviderName.RUNWARE:
                return RunwareProvider(self._urls.runware, self._key(KeyName.RUNWARE), self.http)

    def _key(self, name: KeyName) -> str:
        key = self._read_key(name)
        if not key:
            raise KeyRefusedError(
                name.value,
                f"There is no key for {name.value}.",
                hint=f"Run `gimf keys set {name.value}`, or set {name.variable} in the environment.",
            )
        return key
