"""What a run computes with: recorded once, and kept when the run is resumed."""

from __future__ import annotations

import platform
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from connsearch import __version__
from connsearch.errors import SettingsError
from connsearch.training.options import ComputeOptions


def describe_environment(options: ComputeOptions) -> dict[str, Any]:
    """Returns device, precision and threads as resolved here, and versions and processor."""
    device = _device(options.device)
    return {
        "device": device,
        "precision": _precision(options.precision, device),
        "threads": options.threads or torch.get_num_threads(),
        "processor": torch.cuda.get_device_name() if device == "cuda" else _processor(),
        "platform": platform.platform(),
        "versions": {
            "connsearch": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "safetensors", "av")},
        },
    }


@contextmanager
def processor_threads(count: int) -> Generator[None]:
    """Computes with ``count`` threads and puts the old number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_fast_bf16(device: str) -> bool:
    """Returns whether the device multiplies bfloat16 matrices in hardware."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict[str, bool])()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16", "arm_bf16"))


def _device(wanted: str) -> str:
    here = torch.cuda.is_available()
    if wanted == "cuda" and not here:
        raise SettingsError(
            "device cuda: torch finds no GPU on this machine\n"
            "  cure: --device cpu, or install a build of torch with GPU support"
        )
    return "cuda" if here and wanted == "auto" else wanted.replace("auto", "cpu")


def _precision(wanted: str, device: str) -> str:
    if wanted != "auto":
        return wanted
    return "bf16" if has_fast_bf16(device) else "fp32"


def _processor() -> str:
    """The model name where the system tells it; ``platform`` rarely does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
