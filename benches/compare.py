#!/usr/bin/env python3
"""Runs icecore side by side with other backup programs and prints medians and ratios.

    python3 benches/compare.py --data DAY1_DIR [DAY2_DIR] --restic PATH --rustic PATH --borg PATH

Each round runs every line (first backup, unchanged backup, …) with each program in turn (A B C, A B C), so
that a change in the state of the machine affects all programs. The rounds before the first counted round warm
the caches. Every run of a program has its own home, cache and repository. Wall-clock time is measured around
the process. wait4(2) reports CPU time (user and system) and peak memory of the process and of the children
that it waited for. No peak is lower than that of this script, about 15 MiB, because the kernel passes it on
to a new process.

Day 2: with a DAY2_DIR (same name as DAY1_DIR, in another parent: a second mount, a snapshot), or after
--day2-command, which changes the directories in place when all lines of day 1 are done. A copy has other
inode numbers and change times than its original, so all programs read the whole copy again: prefer the
command.

Commands of the other programs: restic with its defaults, rustic with its defaults (zstd 3), borg with
`-C zstd,3`. All three unlock with a password, and every run includes its derivation (0.3 s with rustic);
icecore unlocks with a key file.
"""

import argparse
import collections
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

LINES = ["first", "unchanged", "list", "restore-one", "restore", "check", "check-data", "day2", "forget"]
DAY2_LINES = ["day2", "forget"]
TITLES = {
    "first": "first backup",
    "unchanged": "unchanged backup",
    "list": "list everything",
    "restore-one": "restore one file",
    "restore": "restore everything",
    "check": "check",
    "check-data": "check --read-data",
    "day2": "day-2 backup",
    "forget": "forget all but the newest, and prune",
}
PASSWORD = "not a secret"

Run = collections.namedtuple("Run", "wall cpu memory")


class Place:
    """Directories of one program in one round: home, cache, repository, and source."""

    def __init__(self, root, source):
        self.root = root
        self.repository = os.path.join(root, "repository")
        self.cache = os.path.join(root, "cache")
        self.source = source
        self.name = os.path.basename(source)
        os.makedirs(os.path.join(root, "home"))
        os.makedirs(self.cache)

    def environment(self):
        home = os.path.join(self.root, "home")
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "TZ": "UTC",
            "HOME": home,
            "XDG_CONFIG_HOME": os.path.join(home, "config"),
            "XDG_CACHE_HOME": self.cache,
            "XDG_DATA_HOME": os.path.join(home, "data"),
        }


class Icecore:
    def __init__(self, program):
        self.program = program

    def version(self):
        return [self.program, "--version"]

    def environment(self, place):
        return {
            "ICECORE_REPOSITORY": place.repository,
            "ICECORE_KEY_FILE": os.path.join(place.root, "home", "key"),
            "ICECORE_CACHE_DIR": place.cache,
        }

    def init(self, place):
        return [self.program, "init", "-q"]

    def command(self, line, place, target, one_file):
        reference = f"{place.name}@latest"
        backup = ["backup", "-q", "--name", place.name, "--host", "bench", place.name]
        return [self.program] + {
            "first": backup,
            "unchanged": backup,
            "day2": backup,
            "list": ["ls", reference, "--recursive"],
            "restore-one": ["restore", "-q", f"{reference}:{one_file}", "--target", target],
            "restore": ["restore", "-q", reference, "--target", target],
            "check": ["check", "-q"],
            "check-data": ["check", "-q", "--read-data"],
            "forget": ["forget", "-q", "--keep-last", "1", "--prune", "--grace", "0", "--yes"],
        }[line]


class Restic:
    def __init__(self, program):
        self.program = program

    def version(self):
        return [self.program, "version"]

    def environment(self, place):
        return {
            "RESTIC_REPOSITORY": place.repository,
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_CACHE_DIR": place.cache,
        }

    def init(self, place):
        return [self.program, "init", "-q"]

    def command(self, line, place, target, one_file):
        backup = ["backup", "-q", "--host", "bench", place.name]
        return [self.program] + {
            "first": backup,
            "unchanged": backup,
            "day2": backup,
            "list": ["ls", "latest"],
            "restore-one": ["restore", "latest", "-q", "--include", f"/{place.name}/{one_file}", "--target", target],
            "restore": ["restore", "latest", "-q", "--target", target],
            "check": ["check", "-q"],
            "check-data": ["check", "-q", "--read-data"],
            "forget": ["forget", "-q", "--keep-last", "1", "--prune"],
        }[line]


class Rustic:
    def __init__(self, program):
        self.program = program

    def version(self):
        return [self.program, "--version"]

    def environment(self, place):
        return {"RUSTIC_REPOSITORY": place.repository, "RUSTIC_PASSWORD": PASSWORD}

    def options(self, place):
        return [self.program, "--no-progress", "--log-level", "warn", "--cache-dir", place.cache]

    def init(self, place):
        return self.options(place) + ["init"]

    def command(self, line, place, target, one_file):
        backup = ["backup", "--host", "bench", place.name]
        return self.options(place) + {
            "first": backup,
            "unchanged": backup,
            "day2": backup,
            "list": ["ls", "latest"],
            "restore-one": ["restore", f"latest:{place.name}/{one_file}", target],
            "restore": ["restore", "latest", target],
            "check": ["check"],
            "check-data": ["check", "--read-data"],
            "forget": ["forget", "--keep-last", "1", "--prune"],
        }[line]


class Borg:
    def __init__(self, program):
        self.program = program

    def version(self):
        return [self.program, "--version"]

    def environment(self, place):
        return {"BORG_PASSPHRASE": PASSWORD, "BORG_BASE_DIR": os.path.join(place.root, "home"), "BORG_CACHE_DIR": place.cache}

    def init(self, place):
        return [self.program, "init", "-e", "repokey", place.repository]

    def command(self, line, place, target, one_file):
        archive = f"{place.repository}::first"

        def create(name):
            return ["create", "-C", "zstd,3", f"{place.repository}::{name}", place.name]

        prune = [self.program, "prune", "--keep-last", "1", place.repository]
        if line == "forget":
            return ["sh", "-c", f"{shlex.join(prune)} && {shlex.join([self.program, 'compact', place.repository])}"]
        return [self.program] + {
            "first": create("first"),
            "unchanged": create("unchanged"),
            "day2": create("day2"),
            "list": ["list", archive],
            "restore-one": ["extract", archive, f"{place.name}/{one_file}"],
            "restore": ["extract", archive],
            "check": ["check", place.repository],
            "check-data": ["check", "--verify-data", place.repository],
        }[line]


TOOLS = {"icecore": Icecore, "restic": Restic, "rustic": Rustic, "borg": Borg}


class Failed(Exception):
    """A program failed, or gave a wrong result."""


def measure(command, environment, directory, errors_path):
    """Runs a command to its end; discards its output, and shows its standard error if it fails."""
    os.sync()
    with open(errors_path, "wb") as errors:
        started = time.monotonic()
        child = subprocess.Popen(
            command, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        with open(errors_path, encoding="utf-8", errors="replace") as errors:
            said = errors.read()[-2000:]
        raise Failed(f"{shlex.join(command)}\nended with {child.returncode}:\n{said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def size_of(directory):
    """Returns the bytes and the number of all files below a directory."""
    total, files = 0, 0
    for folder, _, names in os.walk(directory):
        for name in names:
            total += os.lstat(os.path.join(folder, name)).st_size
            files += 1
    return total, files


def read_all(directory):
    """Reads all files, so that the page cache holds them."""
    buffer = bytearray(1 << 20)
    for folder, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(folder, name), "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def content_of(directory):
    """Returns the size of each regular file by its path in a tree, for comparing trees."""
    sizes = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                sizes[os.path.relpath(path, directory)] = os.path.getsize(path)
    return sizes


def middle_file(directory):
    """Returns the path of the file in the middle of a tree, relative to it; not a large one, if there are others."""
    sizes = content_of(directory)
    files = sorted(path for path, size in sizes.items() if size <= 1 << 20) or sorted(sizes)
    if not files:
        raise Failed(f"{directory} holds no file")
    return files[len(files) // 2]


def check_restored(tool, line, source, target, one_file):
    """Fails unless the restored files are there with the right sizes."""
    found = content_of(target)
    if line == "restore-one":
        path = os.path.join(source, one_file)
        complete = list(found.values()) == [os.path.getsize(path)]
    else:
        # Programs restore the tree into different directories.
        name = os.path.basename(source)
        wanted = content_of(source)
        nested = {os.path.join(name, path): size for path, size in wanted.items()}
        complete = found in (wanted, nested)
    if not complete:
        raise Failed(f"{tool} did not restore what was asked for ({line}: {len(found)} files)")


class Comparison:
    """All runs of all programs on all data sets."""

    def __init__(self, arguments, tools):
        self.arguments = arguments
        self.tools = tools
        self.work = tempfile.mkdtemp(prefix="icecore-compare-", dir=arguments.work)
        self.target = tempfile.mkdtemp(prefix="icecore-compare-", dir=arguments.restore_dir)
        # By data set, line and tool: the runs that count. By data set, moment and tool: sizes of repositories.
        self.runs = collections.defaultdict(list)
        self.sizes = collections.defaultdict(list)
        self.commands = {}
        self.places = {}

    def remove(self):
        shutil.rmtree(self.target, ignore_errors=True)
        if self.arguments.keep:
            print(f"kept: {self.work}", file=sys.stderr)
        else:
            shutil.rmtree(self.work, ignore_errors=True)

    def run_line(self, line, tool, place, one_file, counts):
        target = os.path.join(self.target, "target")
        restores = line.startswith("restore")
        if restores:
            os.makedirs(target)
        if restores or line == "check-data":
            read_all(place.repository)
        command = self.tools[tool].command(line, place, target, one_file)
        environment = {**place.environment(), **self.tools[tool].environment(place)}
        # Backups are given a relative path, so that the tree has the same path in every location.
        directory = target if restores else os.path.dirname(place.source)
        run = measure(command, environment, directory, os.path.join(place.root, "errors"))
        if restores:
            if not counts:
                check_restored(tool, line, place.source, target, one_file)
            shutil.rmtree(target)
        set_name = place.name
        self.commands[(set_name, line, tool)] = shlex.join(command)
        mark = "" if counts else "  (warm-up)"
        print(f"{set_name}: {TITLES[line]}, {tool}: {run.wall:.2f} s, CPU {run.cpu:.2f} s{mark}", file=sys.stderr)
        if counts:
            self.runs[(set_name, line, tool)].append(run)

    def note_size(self, moment, tool, place, counts):
        if counts:
            self.sizes[(place.name, moment, tool)].append(size_of(place.repository))

    def rounds(self):
        warm_ups = self.arguments.warmups
        return [(number, number >= warm_ups) for number in range(warm_ups + self.arguments.rounds)]

    def day_one(self, source, one_file):
        wanted = [line for line in LINES if line in self.arguments.lines and line not in DAY2_LINES]
        lines = wanted if "first" in wanted else ["first"] + wanted
        for number, counts in self.rounds():
            for line in lines:
                for tool in self.tools:
                    key = (source, number, tool)
                    if line == "first":
                        root = os.path.join(self.work, f"{os.path.basename(source)}-{number}-{tool}")
                        self.places[key] = Place(root, source)
                        self.prepare(tool, self.places[key])
                    self.run_line(line, tool, self.places[key], one_file, counts)
                    if line == "first":
                        self.note_size("first", tool, self.places[key], counts)
            # A repository is kept for the lines of day 2, one for each round: each sees day 2 for the first time.
            for tool in self.tools:
                if "day2" not in self.arguments.lines:
                    shutil.rmtree(self.places.pop((source, number, tool)).root)

    def prepare(self, tool, place):
        environment = {**place.environment(), **self.tools[tool].environment(place)}
        if tool == "icecore":
            key_file = environment["ICECORE_KEY_FILE"]
            command = self.tools[tool].init(place) + ["--key-file", key_file]
        else:
            command = self.tools[tool].init(place)
        measure(command, environment, place.root, os.path.join(place.root, "errors"))

    def day_two(self, source, changed, one_file):
        for number, counts in self.rounds():
            for tool in self.tools:
                place = self.places[(source, number, tool)]
                place.source = changed
                self.note_size("before day 2", tool, place, counts)
                self.run_line("day2", tool, place, one_file, counts)
                self.note_size("day 2", tool, place, counts)
            for tool in self.tools:
                place = self.places.pop((source, number, tool))
                if "forget" in self.arguments.lines:
                    self.run_line("forget", tool, place, one_file, counts)
                shutil.rmtree(place.root)

    def run(self, sets):
        one_files = {day1: self.arguments.one_file or middle_file(day1) for day1, _ in sets}
        for day1, _ in sets:
            self.day_one(day1, one_files[day1])
        if "day2" not in self.arguments.lines:
            return
        if self.arguments.day2_command:
            ended = subprocess.run(self.arguments.day2_command, shell=True).returncode
            if ended != 0:
                raise Failed(f"the command of day 2 ended with {ended}")
        for day1, day2 in sets:
            self.day_two(day1, day2 or day1, one_files[day1])


def median_run(runs):
    return Run(*(statistics.median(values) for values in zip(*runs)))


def median_size(sizes):
    return tuple(statistics.median(values) for values in zip(*sizes))


def ratio(value, others):
    others = [other for other in others if other]
    return f"{value / min(others):.2f}" if others else "–"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def report(comparison, sets, machine, versions):
    """Returns the results as Markdown."""
    tools = list(comparison.tools)
    peers = [tool for tool in tools if tool != "icecore"]
    compares = "icecore" in tools and bool(peers)
    lines = [f"Machine: {machine}.", "Versions: " + "; ".join(versions.values()) + ".", ""]
    for day1, _ in sets:
        name = os.path.basename(day1)
        lines += [f"**{name}**: wall s (CPU s) / peak MiB, medians of {comparison.arguments.rounds}", ""]
        rows = []
        for line in LINES:
            medians = {
                tool: median_run(comparison.runs[(name, line, tool)])
                for tool in tools
                if comparison.runs.get((name, line, tool))
            }
            if not medians:
                continue
            row = [TITLES[line]]
            row += [f"{run.wall:.2f} ({run.cpu:.2f}) / {run.memory / 2**20:.0f}" for run in medians.values()]
            if compares:
                own, others = medians["icecore"], [medians[peer] for peer in peers]
                row.append(ratio(own.wall, [other.wall for other in others]))
                row.append(ratio(own.cpu, [other.cpu for other in others]))
            rows.append(row)
        lines += table(["line"] + tools + (["wall ×", "CPU ×"] if compares else []), rows) + [""]
        lines += size_tables(comparison, name, tools, peers, compares) + [""]
    if compares:
        lines.append("×: icecore's figure divided by the smallest of the others, for each column by itself.")
    return "\n".join(lines)


def size_tables(comparison, name, tools, peers, compares):
    def sizes(moment):
        return {
            tool: median_size(comparison.sizes[(name, moment, tool)])
            for tool in tools
            if comparison.sizes.get((name, moment, tool))
        }

    rows = []
    for title, moment in [("after the first backup", "first"), ("after day 2", "day 2")]:
        found = sizes(moment)
        if found:
            row = [title] + [f"{size / 1e6:.2f} ({files:.0f})" for size, files in found.values()]
            if compares:
                row.append(ratio(found["icecore"][0], [found[peer][0] for peer in peers]))
            rows.append(row)
    before, after = sizes("before day 2"), sizes("day 2")
    if before and after:
        added = {tool: after[tool][0] - before[tool][0] for tool in after}
        row = ["added by day 2"] + [f"{added[tool] / 1e6:.2f}" for tool in after]
        if compares:
            row.append(ratio(added["icecore"], [added[peer] for peer in peers]))
        rows.append(row)
    return table([f"repository of {name}, MB (objects)"] + tools + (["×"] if compares else []), rows)


def describe_machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores {model}, {memory:.0f} GiB, Linux {platform.release()}"


def find_versions(tools):
    versions = {}
    for name, tool in tools.items():
        output = subprocess.run(tool.version(), capture_output=True, text=True, check=True).stdout
        versions[name] = output.strip().split("\n")[0]
    return versions


def save_json(path, comparison, machine, versions):
    results = collections.defaultdict(lambda: collections.defaultdict(dict))
    for (name, line, tool), runs in comparison.runs.items():
        results[name][line][tool] = {
            "command": comparison.commands[(name, line, tool)],
            "runs": [run._asdict() for run in runs],
            "median": median_run(runs)._asdict(),
        }
    repositories = collections.defaultdict(lambda: collections.defaultdict(dict))
    for (name, moment, tool), sizes in comparison.sizes.items():
        repositories[name][moment][tool] = [{"bytes": size, "objects": files} for size, files in sizes]
    document = {"machine": machine, "versions": versions, "results": results, "repositories": repositories}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


def parse_arguments():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--data", nargs="+", action="append", required=True, metavar="DIR", help="DAY1_DIR [DAY2_DIR]; again for more data sets")
    parser.add_argument("--day2-command", metavar="CMD", help="changes the data sets in place, for the day-2 lines")
    for name in TOOLS:
        default = os.path.join(here, "target/release/icecore") if name == "icecore" else shutil.which(name)
        parser.add_argument(f"--{name}", metavar="PATH", default=default, help=f"program [default: {default}]")
    parser.add_argument("--tools", help="which programs, comma-separated [default: those that are found]")
    parser.add_argument("--lines", default=",".join(LINES), help="which lines, comma-separated [default: %(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count [default: %(default)s]")
    parser.add_argument("--warmups", type=int, default=1, help="rounds before them [default: %(default)s]")
    parser.add_argument("--work", default=tempfile.gettempdir(), metavar="DIR", help="place for repositories and caches [default: %(default)s]")
    parser.add_argument("--restore-dir", default="/dev/shm", metavar="DIR", help="place for restored files, on tmpfs [default: %(default)s]")
    parser.add_argument("--one-file", metavar="PATH", help="file that is restored alone, relative to its data set [default: one in the middle]")
    parser.add_argument("--json", metavar="FILE", help="where all figures and commands are written to")
    parser.add_argument("--keep", action="store_true", help="keep what is left of the working directory")
    arguments = parser.parse_args()
    arguments.lines = arguments.lines.split(",")
    unknown = [line for line in arguments.lines if line not in LINES]
    if unknown:
        parser.error(f"there is no line {', '.join(unknown)}")
    if arguments.rounds < 1 or arguments.warmups < 0:
        parser.error("there has to be a round that counts")
    sets = [tuple(os.path.realpath(path) for path in paths) + (None,) * (2 - len(paths)) for paths in arguments.data]
    if any(len(paths) > 2 for paths in sets):
        parser.error("a data set is DAY1_DIR and at most one DAY2_DIR")
    for day1, day2 in sets:
        if day2 and os.path.basename(day1) != os.path.basename(day2):
            parser.error("DAY1_DIR and DAY2_DIR must have the same name, so that the tree has the same path")
        if not day2 and not arguments.day2_command:
            arguments.lines = [line for line in arguments.lines if line not in DAY2_LINES]
    if "day2" not in arguments.lines:
        arguments.lines = [line for line in arguments.lines if line != "forget"]
    names = [os.path.basename(day1) for day1, _ in sets]
    if len(set(names)) != len(names):
        parser.error("data sets must have different names")
    return parser, arguments, sets


def find_tools(parser, arguments):
    found = {name: getattr(arguments, name) for name in TOOLS}
    found = {name: os.path.abspath(path) for name, path in found.items() if path and os.path.exists(path)}
    names = arguments.tools.split(",") if arguments.tools else list(found)
    missing = [name for name in names if name not in found]
    if missing or not names:
        parser.error(f"not found: {', '.join(missing) or 'any program'}")
    return {name: TOOLS[name](found[name]) for name in names}


def main():
    parser, arguments, sets = parse_arguments()
    tools = find_tools(parser, arguments)
    machine, versions = describe_machine(), find_versions(tools)
    comparison = Comparison(arguments, tools)
    try:
        comparison.run(sets)
        print(report(comparison, sets, machine, versions))
        if arguments.json:
            save_json(arguments.json, comparison, machine, versions)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        comparison.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
