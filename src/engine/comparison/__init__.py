"""Comparison of runs: pure readers of run folders, which training never calls.

    comparison = compare(runs, baseline="adam")  # of engine.comparison.compare: groups, differences, warnings
    table.show(comparison)                       # prints
    report.write(comparison, folder)             # comparison.md, comparison.html, figures/*.svg and *.png

Nothing here imports torch. scipy is imported for a baseline, matplotlib for a report.
"""
