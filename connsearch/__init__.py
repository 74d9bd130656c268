"""Neural connectivity search for multi-stream video networks.

Importing this package is cheap: torch is only loaded by the rooms that need it
(``nn``, ``models``, ``data``, ``runs``, ``training``, ``oneshot`` and ``analysis``).
"""

__version__ = "0.1.0"
