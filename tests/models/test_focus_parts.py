"""Networks in focus models: structures with their streams and gates, and a window that glides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from connsearch.errors import DataError, SettingsError
from connsearch.graph.files import load_structure
from connsearch.graph.parse import parse_structure
from connsearch.graph.spec import FREE, NetworkSettings, Structure
from connsearch.models.catalogue import create_model, from_document
from connsearch.models.document import ModelDocument
from connsearch.models.early_exit import leave_early
from connsearch.models.features import OwnFeatures
from connsearch.models.focus.by_frame import FocusByFrame
from connsearch.models.focus.by_track import FocusByTrack
from connsearch.models.focus.settings import FocusSettings
from connsearch.models.focus.streams import resized_streams, whole_streams, windows_of
from connsearch.models.gates import decides, let_decide, listening, temporal_gates
from connsearch.models.structure import Network
from connsearch.nn.flow import representation_flow
from connsearch.nn.split_norm import split_norms
from connsearch.nn.track import between, evenly_spread

CLASSES, FRAMES, SIZE, PATCH = 3, 4, 48, 32
SMALL: dict[str, Any] = {"frames": FRAMES, "size": SIZE, "patch": PATCH, "dropout": 0.0,
                         "policy_hidden": 8, "neurons": 8}  # fmt: skip

ROWS = [[-1, 4], [-2, 1], [0, [0, 1], 8, 1, 1], [1, [2], 8, 1, 2], [2, [3], 8, 1, 1],
        [3, [4, 3], 16, 1, 1]]  # fmt: skip


def small(weight: float | None = None) -> Structure:
    """A small structure of RGB and flow, with weights that a search might have left, or free."""
    network = NetworkSettings(
        blocks=(1, 1, 1, 1), inner_widths=(4, 4, 4, 4), stem_total=16, flow_iterations=2
    )
    found = parse_structure(ROWS, name="small", network=network)
    return found.with_weights({e: FREE if weight is None else weight for e in found.edges()})


def part(structure: Structure) -> dict[str, Any]:
    return ModelDocument.of(structure).to_json()


def track(**changes: Any) -> FocusByTrack:
    parts = {"glance": part(small()), "local": part(small()), "window": "track"}
    found = create_model("adafocus", CLASSES, seed=0, **SMALL | parts | changes)
    assert isinstance(found, FocusByTrack)
    return found.eval()


@pytest.fixture(scope="module")
def model() -> FocusByTrack:
    return track(glance_frames=2)


@pytest.fixture
def clips() -> dict[str, Tensor]:
    return {"rgb": torch.randn(3, 3, FRAMES, SIZE, SIZE + 16)}


def square(clips: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: stream[..., :SIZE] for name, stream in clips.items()}


def searched(name: str) -> Structure:
    """A structure with the weights that a search might have left."""
    found = load_structure(name)
    weights = {e: 0.25 if w == FREE else w for e, w in found.weights().items()}
    return found.with_weights(weights)


# Streams in windows ------------------------------------------------------------------------------


def test_flow_is_of_whole_frames_and_cropped_with_the_same_windows(
    clips: dict[str, Tensor],
) -> None:
    network = Network(small(), CLASSES, seed=0)
    whole = whole_streams(clips, network)
    corners = torch.tensor([[[3.0, 5.0]], [[0.0, 0.0]], [[16.0, 32.0]]])
    seen = windows_of(whole, corners, (PATCH, PATCH))
    settings = network.structure.network
    flow = representation_flow(
        clips["rgb"],
        iterations=settings.flow_iterations,
        normalisation=settings.flow_normalisation,
    )
    for stream, expected in (("rgb", clips["rgb"]), ("flow", flow)):
        for clip, (row, column) in enumerate(corners[:, 0].int().tolist()):
            window = expected[clip, :, :, row : row + PATCH, column : column + PATCH]
            torch.testing.assert_close(seen[stream][clip], window)
    inside = representation_flow(seen["rgb"])
    assert not torch.allclose(inside, seen["flow"], atol=1e-3)


def test_flow_that_the_data_has_is_taken(clips: dict[str, Tensor]) -> None:
    network = Network(small(), CLASSES, seed=0)
    given = {**clips, "flow": torch.randn(3, 2, FRAMES, SIZE, SIZE + 16)}
    assert torch.equal(whole_streams(given, network)["flow"], given["flow"])


def test_every_frame_may_have_a_window_of_its_own(clips: dict[str, Tensor]) -> None:
    corners = torch.arange(FRAMES).float()[None, :, None].expand(3, -1, 2)
    seen = windows_of(clips, corners, (PATCH, PATCH))["rgb"]
    for frame in range(FRAMES):
        window = clips["rgb"][:, :, frame, frame : frame + PATCH, frame : frame + PATCH]
        torch.testing.assert_close(seen[:, :, frame], window)


def test_a_resized_object_map_has_no_classes_between(clips: dict[str, Tensor]) -> None:
    labels = torch.randint(0, 5, (3, FRAMES, SIZE, SIZE))
    maps = nn.functional.one_hot(labels, 5).movedim(-1, 1).float()
    found = resized_streams({"object": maps, "flow": torch.ones(3, 2, FRAMES, SIZE, SIZE)}, 24)
    assert set(found["object"].unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(found["flow"], torch.full((3, 2, FRAMES, 24, 24), 0.5))


def test_a_structure_with_object_maps_looks_at_their_windows() -> None:
    model = track(local="starter", places="centre")
    assert model.modalities == ("rgb", "object")
    width = load_structure("starter").network.object_classes
    streams = {
        "rgb": torch.randn(2, 3, FRAMES, SIZE, SIZE),
        "object": torch.rand(2, width, FRAMES, SIZE, SIZE),
    }
    seen: list[dict[str, Tensor]] = []
    model.local.features = lambda given: seen.append(given) or Network.features(model.local, given)  # type: ignore[method-assign]
    with torch.no_grad():
        model(streams)
    first = (SIZE - PATCH) // 2
    for name in ("rgb", "object"):
        window = streams[name][..., first : first + PATCH, first : first + PATCH]
        torch.testing.assert_close(seen[0][name], window)
    with pytest.raises(DataError, match="reads the object stream"):
        model({"rgb": streams["rgb"]})


# A window that glides ----------------------------------------------------------------------------


def test_a_window_glides_between_the_places_of_glanced_frames() -> None:
    assert evenly_spread(16, 4) == [2, 6, 10, 14]
    ends = torch.tensor([[[0.0, 1.0], [1.0, 0.5]]])
    found = between(ends, 8)[0]
    steps = found.diff(dim=0)
    assert found[0].tolist() == [0.0, 1.0]
    assert found[-1].tolist() == [1.0, 0.5]
    torch.testing.assert_close(steps[2:5], steps[2].expand(3, -1))
    torch.testing.assert_close(found.mean(0), ends[0].mean(0))


def test_windows_are_inside_and_smooth(model: FocusByTrack, clips: dict[str, Tensor]) -> None:
    with torch.no_grad():
        look = model.look(square(clips))
    assert look.windows.shape == (3, FRAMES, 4)
    assert look.answers.shape == (3, FRAMES, CLASSES)
    corners = look.windows[..., :2]
    assert (corners >= 0).all()
    assert (corners <= SIZE - PATCH).all()
    assert (look.windows[..., 2:] == PATCH).all()


def test_step_by_step_is_the_whole_run(model: FocusByTrack, clips: dict[str, Tensor]) -> None:
    streams = square(clips)
    with torch.no_grad():
        whole = model(streams).per_step
    assert whole is not None
    for stop, thresholds in ((0, [-1.0, 0.0]), (1, [9.0, 0.0])):
        left = leave_early(model, streams, thresholds)
        assert left.exits.tolist() == [stop] * 3
        torch.testing.assert_close(left.logits, whole[:, stop], rtol=1e-4, atol=1e-6)
    mixed = float(whole[:, 0].softmax(-1).amax(-1).sort().values[1]) - 1e-6
    left = leave_early(model, streams, [mixed, 0.0])
    assert sorted(left.exits.tolist()) == [0, 0, 1]
    rows = torch.arange(3)
    torch.testing.assert_close(left.logits, whole[rows, left.exits], rtol=1e-4, atol=1e-6)


def test_the_policy_learns_and_the_gradient_stops_before_the_glance_network(
    clips: dict[str, Tensor],
) -> None:
    model = track(glance_frames=2).train()
    out = model(square(clips))
    assert [term.name for term in out.terms] == [
        "glance", "random", "random local", "policy", "policy local",
    ]  # fmt: skip
    assert out.per_step is not None
    assert torch.equal(out.terms[3].logits, out.per_step)
    local = out.terms[4].logits.sum()
    found = torch.autograd.grad(
        local, [*model.policy.parameters(), *model.glance.parameters()], allow_unused=True
    )
    policy = len(list(model.policy.parameters()))
    assert all(g is not None and g.isfinite().all() for g in found[:policy])
    assert any(g is not None and g.abs().sum() > 0 for g in found[:policy])
    assert all(g is None for g in found[policy:])


def test_baselines_look_elsewhere(clips: dict[str, Tensor]) -> None:
    streams = square(clips)
    centre, chance, other = (
        track(places="centre"),
        track(places="random"),
        create_model("adafocus", CLASSES, seed=1, **SMALL, window="track", places="random",
                     glance=part(small()), local=part(small())).eval(),
    )  # fmt: skip
    assert isinstance(other, FocusByTrack)
    middle = (SIZE - PATCH) / 2
    assert (centre.look(streams).windows[..., :2] == middle).all()
    first, second = (m.look(streams).windows[..., :2] for m in (chance, other))
    assert not torch.equal(first[0], first[1]), "a clip has places of its own"
    assert torch.equal(first, second), "which do not hang on the network"
    assert len(centre.train()(streams).terms) == 3


def test_costs_are_those_of_the_glance_then_of_both() -> None:
    model = track(glance_frames=2)
    shape = {"rgb": (3, FRAMES, SIZE, SIZE)}
    glance, whole = model.exit_costs(shape)
    assert 0 < glance < whole
    heads = model.exit_costs(shape, training_heads=True)
    width = Network(small(), 1).feature_size
    assert heads[0] - glance == 2 * width * CLASSES
    assert heads[1] - whole == (2 + FRAMES) * width * CLASSES


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"glance_frames": 9}, "glance_frames: read 9; a clip has 4 frames"),
        ({"window": "frame", "glance_frames": 2}, "--window clip or track"),
        ({"window": "frame"}, "local: small sees frames together"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        track(**changes)


def test_clips_of_another_form_are_refused(model: FocusByTrack) -> None:
    with pytest.raises(DataError, match="--segments"):
        model({"rgb": torch.zeros(1, 3, FRAMES + 1, SIZE, SIZE)})
    with pytest.raises(DataError, match="--patch"):
        model({"rgb": torch.zeros(1, 3, FRAMES, PATCH - 1, SIZE)})
    with pytest.raises(DataError, match="6x6, and these frames leave 6x18"):
        model({"rgb": torch.zeros(1, 3, FRAMES, SIZE, 3 * SIZE)})
    with pytest.raises(DataError, match="--batch-size"):
        track().train()({"rgb": torch.zeros(1, 3, FRAMES, SIZE, SIZE)})


# A glance network that sees frames together ------------------------------------------------------


def test_all_frames_are_glanced_at_before_the_first_answer(clips: dict[str, Tensor]) -> None:
    model = create_model("adafocus", CLASSES, seed=0, **SMALL, glance=part(small()),
                         local="resnet18").eval()  # fmt: skip
    assert isinstance(model, FocusByFrame)
    streams = square(clips)
    with torch.no_grad():
        whole = model(streams).per_step
    assert whole is not None
    left = leave_early(model, streams, [9.0] * FRAMES)
    torch.testing.assert_close(left.logits, whole[:, -1], rtol=1e-4, atol=1e-6)
    costs = model.exit_costs({"rgb": (3, FRAMES, SIZE, SIZE)})
    steps = torch.tensor(costs).diff()
    assert (steps == steps[0]).all()
    assert costs[0] > steps[0]  # the first step has all glances


# What learns, and what decides -------------------------------------------------------------------


def test_weights_of_connections_that_were_found_stay() -> None:
    found = part(small(0.25))
    model, free = track(glance=found, local=found), track()
    assert not [n for n, _ in model.named_parameters() if n.endswith("fusion.logits")]
    fixed = [n for n, _ in model.named_buffers() if n.endswith("fusion.coefficients")]
    assert fixed
    groups, others = model.parameter_groups(), free.parameter_groups()
    assert len(others.logits) > len(groups.logits)
    together = {id(p) for p in (*others.logits, *others.filters)}
    assert together == {id(p) for p in free.parameters()}


@pytest.fixture(scope="module")
def gated() -> FocusByTrack:
    structure = replace(searched("mixed_starter"), gates_decide=True)
    return track(local=ModelDocument.of(structure).to_json())


def test_gates_of_a_part_decide_as_they_did(gated: FocusByTrack) -> None:
    names = list(temporal_gates(gated))
    assert names
    assert all(name.startswith("local node") for name in names)
    assert decides(gated)
    again = from_document(gated.describe(), CLASSES)
    assert decides(again)
    alone = Network(searched("mixed_starter"), CLASSES)
    let_decide(alone, gated=True)
    alone.load_state_dict(
        {**alone.state_dict(), **gated.local.state_dict()},
    )
    streams = {"rgb": torch.randn(4, 3, FRAMES, PATCH, PATCH)}
    assert isinstance(gated.local, Network)
    with torch.no_grad(), listening(gated.local) as heard, listening(alone) as expected:
        gated.local.features(streams)
        alone.eval()(streams)
    assert {n: [d.tolist() for d in v] for n, v in heard.items()} == {
        n: [d.tolist() for d in v] for n, v in expected.items()
    }


def test_all_gates_decide_or_none_where_that_is_recorded(gated: FocusByTrack) -> None:
    document = gated.describe()
    shut = replace(document, settings={**document.settings, "gated": False})
    assert not decides(from_document(shut, CLASSES))


# Ways to compute ---------------------------------------------------------------------------------


def test_it_learns_in_half_precision_and_in_groups(clips: dict[str, Tensor]) -> None:
    model = track(glance_frames=2).train()
    streams = {"rgb": torch.cat([square(clips)["rgb"]] * 2)}
    with torch.autocast("cpu", torch.bfloat16), split_norms(model, 2):
        terms = model(streams).terms
    torch.stack([term.logits.float().sum() for term in terms]).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


class Own(nn.Module):
    """A network of one's own."""

    feature_size = 4

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3, stride=(1, 8, 8), padding=1)

    def features(self, x: Tensor) -> Tensor:
        return self.conv(x)


def test_modules_of_ones_own_are_parts(clips: dict[str, Tensor]) -> None:
    settings = FocusSettings(**SMALL, window="track")
    model = FocusByTrack(settings, CLASSES, seed=0, parts={"glance": Own(), "local": Own()})
    assert isinstance(model.glance, OwnFeatures)
    assert model.eval()(square(clips)).logits.shape == (3, CLASSES)
    with pytest.raises(SettingsError, match="is a module that only its own code can build"):
        from_document(model.describe(), CLASSES)
