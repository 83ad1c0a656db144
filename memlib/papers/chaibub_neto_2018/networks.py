"""The six networks of the paper, a to f (caption of Fig. 1); no torch here."""

from memlib.training.layers import Architecture, Conv, Dense, Dropout, Layer, MaxPool


def _architecture(panel: str, *layers: Layer) -> tuple[str, Architecture]:
    return panel, Architecture(panel, layers)


ARCHITECTURES = dict(
    [
        _architecture("a", Dense(256), Dense(16)),
        _architecture("b", Dense(256), Dense(128), Dense(64), Dense(16)),
        _architecture("c", Conv(32), Conv(64), MaxPool(), Dense(16)),
        _architecture("d", Dense(256), Dropout(0.25), Dense(16), Dropout(0.5)),
        _architecture(
            "e",
            *(Dense(256), Dropout(0.25), Dense(128), Dropout(0.5)),
            *(Dense(64), Dropout(0.5), Dense(16), Dropout(0.5)),
        ),
        _architecture("f", Conv(32), Conv(64), MaxPool(), Dropout(0.25), Dense(16), Dropout(0.5)),
    ]
)
