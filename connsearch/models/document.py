"""What a network is, as a value that a run stores: its kind, and everything it is built from.

A structure is one kind of network. Its document is that of the structure, so that whatever reads
structure files reads it, too; the document of any other kind holds that kind's own settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connsearch.errors import RunError
from connsearch.graph.document import from_json, to_json
from connsearch.graph.spec import Structure

STRUCTURE = "structure"
"""The kind of a network that is built from a structure."""

SCHEMA = 1
"""The newest schema of a model document that is no structure, and the one that is written."""


def a_kind(kind: str) -> str:
    """Returns a kind of network with its article, for people.

    >>> a_kind("resnet3d"), a_kind("adafocus"), a_kind("exits")
    ('a resnet3d', 'a focus model', 'a network with exits')
    """
    words = {"adafocus": "a focus model", "exits": "a network with exits"}
    if kind in words:
        return words[kind]
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"


@dataclass(frozen=True, slots=True)
class ModelDocument:
    """A network without its weights.

    Attributes:
        kind: how it is built: ``structure``, or a kind of ``models.zoo``; ``module`` is a module
            defined outside connsearch, which only its own code can build.
        name: for people.
        settings: all that it is built from, as JSON values; empty where it is a structure.
        structure: what it is built from where it is one.
    """

    kind: str
    name: str
    settings: Mapping[str, Any]
    structure: Structure | None = None

    @classmethod
    def of(cls, structure: Structure) -> ModelDocument:
        """Returns the document of a structure."""
        return cls(STRUCTURE, structure.name, {}, structure)

    @classmethod
    def read(cls, value: Mapping[str, Any], *, where: str) -> ModelDocument:
        """Returns the document in a JSON object.

        Args:
            value: what :meth:`to_json` gave; a structure's document may lack its ``kind``.
            where: it was read, for the message.

        Raises:
            RunError: it is no model document, or one of a later version.
            StructureError: a structure in it breaks a rule.
        """
        kind = value.get("kind", STRUCTURE)
        if kind == STRUCTURE:
            return cls.of(from_json(value, name=where))
        name, schema, settings = (value.get(key) for key in ("name", "schema", "settings"))
        if not (isinstance(kind, str) and isinstance(name, str) and isinstance(settings, dict)):
            raise RunError(
                f"{where}: not a model document; it needs kind and name (text) and settings (a "
                "JSON object)\n  cure: restore the file, or rerun the command that wrote it"
            )
        if schema != SCHEMA:
            raise RunError(
                f"{where}: model schema {schema}; this version reads {SCHEMA}\n"
                "  cure: use the version that wrote it"
            )
        return cls(kind, name, settings)

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        if self.structure is not None:
            return {"kind": STRUCTURE, **to_json(self.structure)}
        head = {"kind": self.kind, "schema": SCHEMA, "name": self.name}
        return {**head, "settings": dict(self.settings)}

    def entry(self) -> dict[str, Any]:
        """Returns the entry in a file that contains it: a structure has its own entry."""
        if self.structure is not None:
            return {"structure": to_json(self.structure)}
        return {"model": self.to_json()}

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where it comes from, as far as it is recorded."""
        if self.structure is not None:
            return self.structure.provenance
        return self.settings.get("provenance", {})

    def with_provenance(self, facts: Mapping[str, Any]) -> ModelDocument:
        """Returns it with where it comes from; earlier provenance is kept inside."""
        before = self.provenance
        provenance = {**facts, **({"earlier": dict(before)} if before else {})}
        if self.structure is not None:
            return ModelDocument.of(replace(self.structure, provenance=provenance))
        return replace(self, settings={**self.settings, "provenance": provenance})
