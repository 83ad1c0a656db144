"""The real images that a reader disturbs in the browser (no torch)."""

from typing import Any

import numpy as np

from memlib.training.images import BUNDLED_NAME, load_data


def by_eye_data(n_examples: int = 6, *, seed: int = 0) -> dict[str, Any]:
    """Return training images as plain data for JSON, the first ones of the chapter's rows.

    Parameters
    ----------
    n_examples
        How many, pullover and coat in turn.
    seed
        Base seed of the run whose training images they are.

    Returns
    -------
    dict
        ``images`` with flat ``pixels`` (whole numbers, 0 to 255) and a ``label`` each; ``shape``.
    """
    data = load_data(BUNDLED_NAME, n_images=2000, pixel_scale="raw", seed=seed)
    images = data.train_images[:n_examples].astype(np.uint8)
    return {
        "file": f"data/{BUNDLED_NAME}.nc",
        "shape": list(images.shape[1:]),
        "images": [
            {"label": data.class_names[label], "pixels": image.ravel().tolist()}
            for image, label in zip(images, data.train_labels, strict=False)
        ],
    }
