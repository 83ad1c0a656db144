"""What the test works on: samples with labels."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Data:
    """What one run sees: training and validation samples, scaled for the network.

    Attributes
    ----------
    train_images, validation_images
        Arrays as the network takes them. `load_data` gives float32 (sample, row, column): pixels
        from 0 to 1, or Gaussian noise in their place. Colour images of your own are
        (sample, channel, row, column).
    train_labels, validation_labels
        int64 arrays (sample,): codes 0 to K-1, in the order of `class_names`.
    class_names
        The K classes.

    All but the training part may be left out; then there is nothing to validate on.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    validation_labels: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    class_names: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        """Number of classes, K."""
        return len(self.class_names) or len(np.unique(self.train_labels))
