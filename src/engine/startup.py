"""What a command can do without before it starts."""

import sys
import types


def import_lightning() -> None:
    """Import Lightning without scipy.signal, which takes most of a second.

    torchmetrics, which Lightning imports, imports it only to give it back a function that one metric for audio misses;
    that metric asks its user to install a package of its own. Whoever imports scipy.signal later gets the real one.
    """
    if "scipy.signal" not in sys.modules:
        stand_in = types.ModuleType("scipy.signal")
        stand_in.hamming = None  # type: ignore[attr-defined]  # so that there is nothing to give back
        sys.modules["scipy.signal"] = stand_in
        try:
            import scipy  # type: ignore[import-untyped]

            scipy.signal = stand_in
            import torchmetrics  # noqa: F401
        finally:
            del sys.modules["scipy.signal"], scipy.signal
    import lightning.pytorch  # noqa: F401
