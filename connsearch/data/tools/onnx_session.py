"""An ONNX model of others, opened in onnxruntime: which runs the operations it knows and no code.

Weights outside the file are read from beside it only; onnxruntime refuses other places.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from connsearch.errors import SettingsError


def require_runtime() -> None:
    """Refuses to start without onnxruntime.

    Raises:
        SettingsError: it is not installed; the message says how to install it.
    """
    if find_spec("onnxruntime") is None:
        raise SettingsError(
            "--model needs onnxruntime, which is not installed\n"
            "  cure: pip install 'connsearch[export]'"
        )


def open_session(path: Path, device: str, threads: int) -> Any:
    """Returns the model as a session of onnxruntime.

    Args:
        path: of the file.
        device: ``cpu`` or ``cuda``.
        threads: of the CPU; 0: onnxruntime decides.

    Raises:
        SettingsError: onnxruntime cannot open it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised: it need not be printed as well
    options.intra_op_num_threads = threads
    providers = ["CPUExecutionProvider"]
    if device == "cuda":
        providers.insert(0, "CUDAExecutionProvider")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except faults() as error:
        raise SettingsError(
            f"--model {path}: onnxruntime cannot open it\n  read: {first_line(error)}\n"
            "  allowed: an ONNX model of operations that onnxruntime knows, its weights in it or "
            "beside it"
        ) from None


def chosen_device(asked: str) -> str:
    """Returns ``cpu`` or ``cuda``; ``auto`` is a CUDA device if this onnxruntime has one.

    Raises:
        SettingsError: it has none, and one is asked for.
    """
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if asked == "auto":
        return "cuda" if "CUDAExecutionProvider" in there else "cpu"
    if asked == "cuda" and "CUDAExecutionProvider" not in there:
        raise SettingsError(
            f"--device cuda: this onnxruntime has {', '.join(there)}\n"
            "  cure: pip install onnxruntime-gpu in place of onnxruntime, or --device cpu"
        )
    return asked


def first_line(error: Exception) -> str:
    """Returns what it says first, not more than a paragraph."""
    return str(error).strip().splitlines()[0][:400]


def faults() -> tuple[type[Exception], ...]:
    """Returns every kind of error that onnxruntime raises."""
    names: Any = vars(import_module("onnxruntime.capi.onnxruntime_pybind11_state"))
    return tuple(
        kind for kind in names.values() if isinstance(kind, type) and issubclass(kind, Exception)
    )
