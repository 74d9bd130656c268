"""The whole loop in Python: search, prune, check, train on, evaluate, draw.

    python examples/tour.py

On built-in data whose class is the direction of motion; about a minute on two cores. The same loop
on the command line is in README.md; both end with the same digest of all weights.
"""

import connsearch


def main(place="runs/tour", *, epochs=6, **data_settings):
    data = connsearch.load_data("synthetic:motion", **data_settings)

    # Search: every allowed connection, its weight learned together with the filters.
    found = connsearch.search("starter", data, epochs=epochs, run=f"{place}/search")
    print(f"searched: {found.metrics['val']}")

    # Prune: in every block, inputs with at least half of its strongest weight stay.
    pruned = connsearch.prune(found, criterion="relative:0.5")
    exact = pruned.prune_record.exactness
    print(f"pruned; largest difference of a logit: {exact.max_abs_logit_difference}")

    # Train on, then open the test split, once.
    trained = connsearch.train(pruned, epochs=max(1, epochs // 3))
    print(f"test: {connsearch.evaluate(trained).metrics}")

    for name, value in (("searched", found), ("pruned", pruned)):
        print(connsearch.draw(value, f"{place}/{name}.svg"))
    return trained


if __name__ == "__main__":
    print(f"digest: {main().digest}")
