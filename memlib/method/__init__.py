"""Algorithm 1, from images to verdict. Read this room first, in this order.

1. `data`: what the test works on, samples with labels.
2. `perturb`: s-validation sets, every training image perturbed a little (section 3).
3. `features`: what the last hidden layer gives for each image (section 4).
4. `classifiers`: the shallow classifiers that are fitted on the features.
5. `null`: the permutation null of shuffled labels (section 5, Algorithm 1).
6. `verdicts`: p-values, and what they say.
7. `checks`: what is refused, in one line, before anything is computed.
8. `test`: all of it at once, for any network.

`fast` holds twins of plain code; tests hold each against the code that it stands in for.
"""
