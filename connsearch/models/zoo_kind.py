"""Networks of one kind, each built from settings: by name, and again from a model document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, Field, create_model

from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.models.settings import valid
from connsearch.models.zoo import MODELS, READERS, Shortened, ZooModel

S = TypeVar("S", bound=BaseModel)
Given = TypeVar("Given", bound=BaseModel, contravariant=True)
Classes = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class Maker(Protocol[Given]):
    """The class of a network."""

    def __call__(
        self, settings: Given, num_classes: int, /, *, name: str, seed: int | None
    ) -> Model:
        """Returns the network with first values."""
        ...


class ZooKind(Generic[S]):
    """Networks of one kind.

    Args:
        kind: of their model documents; from now on ``READERS`` has it.
        form: their settings, all but the number of classes.
        make: their class.
    """

    def __init__(self, kind: str, form: type[S], make: Maker[S]) -> None:
        self.kind, self._form, self._make = kind, form, make
        self._all: type[BaseModel] = create_model(
            f"AllOf{form.__name__}", __base__=form, classes=(Classes, ...)
        )
        READERS.register(kind)(self.from_document)

    def register(
        self,
        name: str,
        preset: S,
        clip: tuple[int, int, int],
        *,
        short: S | None = None,
        times: Mapping[str, int] | None = None,
        for_clip: Callable[[tuple[int, int, int]], Mapping[str, Any]] | None = None,
    ) -> None:
        """Files a network under its name in ``MODELS``.

        Args:
            name: of the network.
            preset: its settings.
            clip: frames, height and width it was published for.
            short: settings of one that has what repeats only once or twice, so that the network is
                counted sooner.
            times: of sub-modules of that one, how often they follow each other in the network.
            for_clip: see :class:`~connsearch.models.zoo.ZooModel`.
        """
        shorter = None
        if short is not None:
            build = partial(self.build, self.kind, short)
            shorter = Shortened((self.kind, short), build, times or {})
        found = ZooModel(partial(self.build, name, preset), self.kind, clip, shorter, for_clip)
        MODELS.register(name)(found)

    def build(
        self,
        name: str,
        preset: S,
        num_classes: int,
        /,
        *,
        seed: int | None = None,
        **options: Any,
    ) -> Model:
        """Returns the network of a preset, with other settings where ``options`` name them.

        Raises:
            SettingsError: an option that is no setting, or a value out of range.
        """
        what = f"{name} cannot be built with these settings"
        settings = valid(self._form, {**preset.model_dump(), **options}, what)
        told = settings.model_dump() | {"classes": num_classes}
        return self._built(name, told, what, seed=seed)

    def from_document(self, document: ModelDocument) -> Model:
        """Returns the network that a model document describes, with first values.

        Raises:
            SettingsError: a setting of the document is missing, unknown, or out of range.
        """
        known = {k: v for k, v in document.settings.items() if k != "provenance"}
        what = f"{document.name}: not a model document of the kind {self.kind}"
        return self._built(document.name, known, what)

    def _built(
        self, name: str, told: Mapping[str, Any], what: str, *, seed: int | None = None
    ) -> Model:
        found = valid(self._all, told, what).model_dump()
        classes = found.pop("classes")
        return self._make(self._form(**found), classes, name=name, seed=seed)
