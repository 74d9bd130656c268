"""Focus models: a network that glances at whole frames, and one that looks closely at windows.

AdaFocusV2 (arXiv 2112.14238): a policy chooses the windows from what the glance network has seen,
and learns through the pixels of the windows. Any network that offers features may be either part.
"""
