#!/usr/bin/env python3
"""Prints the results of `cargo bench -p icecore-benches` as a Markdown table: throughput and share.

Usage: stages.py [target/criterion]

The share is the bare library's time divided by icecore's: 0.80 means that a fifth of the time is spent on
other work. If a bench has several bare libraries (the walk) or several variants of icecore, there is one line
for each pair that fits best: a bare library is compared with all variants of its group that do not name
another number of threads.
"""

import json
import os
import re
import sys


def measurements(directory):
    """Yields group, function, seconds and throughput (kind, number) of each benchmark that was run."""
    for folder, _, names in os.walk(directory):
        if os.path.basename(folder) != "new" or "estimates.json" not in names:
            continue
        with open(os.path.join(folder, "benchmark.json"), encoding="utf-8") as file:
            benchmark = json.load(file)
        with open(os.path.join(folder, "estimates.json"), encoding="utf-8") as file:
            estimates = json.load(file)
        seconds = estimates["median"]["point_estimate"] / 1e9
        throughput = next(iter((benchmark.get("throughput") or {}).items()), None)
        yield benchmark["group_id"], benchmark["function_id"], seconds, throughput


def rate(seconds, throughput):
    """Returns a throughput as text."""
    if throughput is None:
        return f"{seconds * 1e3:.3g} ms"
    kind, number = throughput
    per_second = number / seconds
    if kind.startswith("Bytes"):
        return f"{per_second / 1e9:.2f} GB/s"
    return f"{per_second / 1e6:.2f} M/s" if per_second >= 1e6 else f"{per_second / 1e3:.0f} k/s"


def threads(function):
    found = re.search(r"(\d+) threads", function)
    return found.group(1) if found else None


def main():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "target/criterion")
    groups = {}
    for group, function, seconds, throughput in measurements(directory):
        groups.setdefault(group, {})[function] = (seconds, throughput)
    if not groups:
        print(f"{directory} holds no measurements: run cargo bench -p icecore-benches first", file=sys.stderr)
        return 1
    print("| stage | icecore | bare library | share |\n|---|---|---|---|")
    for group, functions in sorted(groups.items()):
        bare = {name: found for name, found in functions.items() if name.startswith("bare")}
        for function, (seconds, throughput) in functions.items():
            if function in bare:
                continue
            fitting = [found for name, found in bare.items() if threads(name) in (None, threads(function))]
            if len(fitting) > 1:
                # The equally parallel one, if it exists.
                same = [found for name, found in bare.items() if threads(name) == threads(function)]
                fitting = same or fitting
            stage = group if function == "icecore" else f"{group}: {function.removeprefix('icecore, ')}"
            if fitting:
                best = min(fitting)
                print(f"| {stage} | {rate(seconds, throughput)} | {rate(*best)} | {best[0] / seconds:.2f} |")
            else:
                print(f"| {stage} | {rate(seconds, throughput)} | – | – |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
