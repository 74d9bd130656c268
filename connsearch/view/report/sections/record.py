"""What a run was computed with, what it could not read, and where its structure comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from connsearch.view.report.findings import Findings
from connsearch.view.report.material import Material
from connsearch.view.report.section import Fact, Section
from connsearch.view.report.sections import section
from connsearch.view.report.words import number, setting


@section("environment", 180)
def environment(material: Material, findings: Findings) -> Section | None:
    """Returns device, precision, threads, processor and versions."""
    found = material.part("environment")
    if not found:
        return None
    facts = [Fact(name, setting(v)) for name, v in found.items() if not isinstance(v, dict)]
    versions = found.get("versions")
    if isinstance(versions, dict):
        facts += [Fact(k, setting(v)) for k, v in cast("dict[str, Any]", versions).items()]
    return Section("environment", "Environment", {"facts": facts})


@section("quarantine", 170)
def quarantine(material: Material, findings: Findings) -> Section | None:
    """Returns the clips that could not be read; nothing where all could."""
    if not material.quarantine and not material.notes.get("quarantine"):
        return None
    rows = [(q.split, q.name, number(q.step), q.reason) for q in material.quarantine]
    return Section("quarantine", "Quarantine", {"rows": rows}, str(len(rows)))


@section("provenance", 190)
def provenance(material: Material, findings: Findings) -> Section | None:
    """Returns where the structure comes from, newest step first."""
    origin = {} if material.model is None else material.model.provenance
    steps = [list(_facts(step)) for step in _steps(origin)]
    facts = [Fact("directory", str(material.directory))]
    if material.result is not None and material.result.digest:
        facts.append(Fact("digest of the weights", material.result.digest))
    first = material.part("facts").get("first_weights")
    if first:
        facts.append(Fact("digest of the first weights", setting(first)))
    return Section("provenance", "Provenance", {"steps": [s for s in steps if s], "facts": facts})


def _steps(origin: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields each step and then what came before it."""
    found: Any = origin
    while isinstance(found, Mapping) and found:
        step = cast("Mapping[str, Any]", found)
        yield step
        found = step.get("earlier")


def _facts(step: Mapping[str, Any]) -> Iterator[Fact]:
    for name, value in step.items():
        if name not in ("earlier", "versions", "classes") and value not in (None, [], {}):
            yield Fact(name.replace("_", " "), setting(value))
