"""The one-shot search as published: all connections learn at once, together with the filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from connsearch.data.loading.bilevel_split import with_halves
from connsearch.data.loading.load import DataSplits
from connsearch.errors import SettingsError
from connsearch.graph.gating import Gating, gated_connections, streams_of, with_gates, with_post
from connsearch.graph.rules import validate
from connsearch.graph.space import over_connect
from connsearch.graph.spec import FREE, Structure
from connsearch.graph.streams import fit_objects
from connsearch.models.document import ModelDocument
from connsearch.models.model import Model
from connsearch.models.structure import Network
from connsearch.oneshot.alarms import alarms
from connsearch.oneshot.gate_alarms import gate_alarms
from connsearch.oneshot.hooks import SEARCH_HOOKS
from connsearch.oneshot.logits import LogitWatch
from connsearch.oneshot.options import RelaxationOptions, SearchOptions, SpaceOptions
from connsearch.runs.events import Event, WarningEvent
from connsearch.runs.run import Run, origin
from connsearch.seeds import derive
from connsearch.training.hooks import Hook
from connsearch.training.loop import fit, optimise
from connsearch.training.options import TrainOptions


def search(
    structure: Structure,
    data: DataSplits,
    options: SearchOptions,
    *,
    run: Run,
    start: Callable[[Network], object] | None = None,
    looks: Sequence[float] = (),
) -> Iterator[Event]:
    """Yields the events of a search: steps, connections, evaluations, checkpoints, alarms, result.

    The result is the searched structure with its learned connection weights and peers; the exact
    logits are in the weight file next to it. The test split stays closed. A finished run only
    returns its result again.

    Args:
        structure: where to start; over-connected first unless the options say otherwise.
        data: the splits; ``train`` teaches filters and connections alike, ``val`` is evaluated.
        options: how to search.
        run: where everything is kept; an interrupted one is resumed.
        start: changes the first weights; the same way on every call for the same run.
        looks: shares of the search after which ``val`` is evaluated, in addition to the options.

    Raises:
        SettingsError: nothing in the structure can be searched, or it reads object maps and the
            data has none.
        StructureError: the structure breaks a rule.
        TrainingError: the loss is not finite.
    """
    if run.finished:
        yield WarningEvent(f"{run.directory}: this search is finished; this is its result")
        yield run.result()
        return
    space = search_space(fit_objects(structure, data.object_classes, data=data.name), options)
    network = build(space, len(data.classes), options)
    if start is not None:
        start(network)
    if options.relaxation.relaxed.level == "bilevel":
        data = with_halves(data, seed=derive(options.seed, "halves"))
    watch = LogitWatch(network)
    hooks = [watch, *search_hooks(options.relaxation, network, data.clip)]
    outcome = yield from optimise(
        network, data, options, run=run, open_test=False, hooks=hooks, looks=looks, alarmed=True
    )
    judged = outcome.metrics.get("val")
    counted = None if judged is None else judged.gates
    raised = (*alarms(watch.history()), *gate_alarms(space, counted))
    yield from (WarningEvent(str(alarm)) for alarm in raised)
    found = outcome.model.with_provenance(origin("one-shot search", space.name, run)).structure
    assert found is not None
    report = {**outcome.report(run), "alarms": [alarm.record() for alarm in raised]}
    named = replace(found, name=f"{structure.name}-searched")
    model = ModelDocument.of(named)
    yield run.finish(model, network.state_dict(), outcome.metrics, report)


def search_hooks(
    options: RelaxationOptions, network: Network, clip: tuple[int, int, int]
) -> list[Hook]:
    """Returns the hooks of a search with these options."""
    made = (SEARCH_HOOKS[name](options, network, clip) for name in SEARCH_HOOKS)
    return [hook for hook in made if hook is not None]


def fit_model(
    model: Model,
    data: DataSplits,
    options: TrainOptions,
    *,
    run: Run,
    open_test: bool = True,
    looks: Sequence[float] = (),
) -> Iterator[Event]:
    """Yields the events of training any model; what a structure's free weights learn is kept.

    See ``training.loop.fit`` for arguments and errors.
    """
    hooks = [LogitWatch(model)] if isinstance(model, Network) else []
    yield from fit(model, data, options, run=run, open_test=open_test, hooks=hooks, looks=looks)


def search_space(structure: Structure, options: SearchOptions) -> Structure:
    """Returns the structure whose connections are searched.

    Raises:
        SettingsError: no connection of it can learn.
        StructureError: the structure breaks a rule.
    """
    given = validate(structure)
    space = replace(given, gates_decide=False)  # their cells learn first
    if options.space.over_connect:
        space = over_connect(space, keep_weights=options.space.warm_start)
    elif not options.space.warm_start:
        stored = space.weights()
        space = space.with_weights({e: FREE for e, w in stored.items() if w is not None})
    space = _with_options(space, given, options.space)
    if options.relaxation.relaxed.normalise_inputs:
        space = space.with_settings(normalise_inputs=True)
    if all(weight is None for weight in space.weights().values()):
        raise SettingsError(
            f"{structure.name}: no connection has a weight to search, each block has one input\n"
            "  cure: search with --over-connect, or give blocks more inputs"
        )
    return space


def _with_options(space: Structure, given: Structure, options: SpaceOptions) -> Structure:
    """The search space with what follows its blocks, and the gates that were asked for."""
    if options.post is not None:
        space = with_post(space, options.post)
    if options.gated_connections is None:
        return space
    gated = with_gates(space, options.gated_connections, given=given)
    if options.gated_connections != "none" and not gated_connections(gated):
        raise SettingsError(_no_gates(given, options.gated_connections))
    return gated


def _no_gates(given: Structure, gating: Gating) -> str:
    asked = f"{given.name}: --gated-connections {gating}: no connection would have a gate, because "
    streams = streams_of(given)
    if gating == "streams" and len(set(streams)) == 1:
        return (
            f"{asked}all of its blocks and stems belong to one stream "
            f"({streams[0].modality.value}, temporal dilation {streams[0].temporal_dilation})\n"
            "  cure: --gated-connections all, or a structure with several streams"
        )
    if gating == "streams":
        return (
            f"{asked}none leads from one of its {len(set(streams))} streams to another\n"
            "  cure: search with --over-connect, or connect streams"
        )
    return (
        f"{asked}each of its blocks has one input\n"
        "  cure: search with --over-connect, or give blocks more inputs"
    )


def build(space: Structure, num_classes: int, options: SearchOptions) -> Network:
    """Returns the network of a search space: every connection weight learns."""
    seed = derive(options.seed, "first weights")
    return Network(space, num_classes, learn_connections=True, seed=seed)
