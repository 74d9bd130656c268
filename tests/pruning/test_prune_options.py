"""Settings of a prune: defaults, and every fault said at once."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from connsearch.pruning.options import PruneOptions, describe_criterion


def test_the_defaults_are_the_documented_ones() -> None:
    assert PruneOptions().model_dump() == {
        "criterion": "relative",
        "mode": "pinned",
        "repair": "strongest-path",
        "peers": 1,
        "peer_only": "reassign",
        "budget": (),
    }


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        PruneOptions.model_validate(
            {"criterion": "treshold", "mode": "pined", "peers": 0, "keep": 3}
        )
    assert {error["loc"][0] for error in caught.value.errors()} == {
        "criterion", "mode", "peers", "keep"
    }  # fmt: skip
    assert "did you mean 'threshold'" in str(caught.value)


def test_a_parameter_out_of_range_is_an_option_fault() -> None:
    with pytest.raises(ValidationError, match=r"not a logit; read 1\.5"):
        PruneOptions(criterion="threshold:1.5")


def test_the_description_holds_every_parameter() -> None:
    assert describe_criterion("relative") == {"name": "relative", "share": 0.7}
    assert describe_criterion("random:number=9") == {
        "name": "random", "share": 0.5, "number": 9, "seed": 0
    }  # fmt: skip


def test_reading_options_imports_no_torch() -> None:
    code = (
        "import sys; import connsearch.pruning.options as o; o.PruneOptions(criterion='top_k:2');"
        "import connsearch.pruning.pruner; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
