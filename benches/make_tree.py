#!/usr/bin/env python3
"""Makes a tree of N empty and tiny files, the same on each run, to measure the effect of the number of files.

Usage: make_tree.py N DIR [--empty]

Every second file is empty (with --empty: every file). The others hold up to 100 bytes each, and no two are
the same. A directory has 1,000 files or 100 directories. On tmpfs, a million files need about 1.5 GB of
memory and 15 seconds.
"""

import argparse
import os


def make_tree(number, directory, all_empty):
    """Makes `number` files below `directory`, which must not exist."""
    os.makedirs(directory)
    for first in range(0, number, 1000):
        folder = os.path.join(directory, f"{first // 100000:03}", f"{first // 1000:06}")
        os.makedirs(folder)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for index in range(first, min(first + 1000, number)):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                file = os.open(f"file-{index:08}.txt", flags, 0o644, dir_fd=handle)
                if index % 2 and not all_empty:
                    os.write(file, (f"{index} " * 100)[: 10 + index * 7919 % 91].encode())
                os.close(file)
        finally:
            os.close(handle)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("number", type=int, metavar="N", help="number of files")
    parser.add_argument("directory", metavar="DIR", help="new directory")
    parser.add_argument("--empty", action="store_true", help="make all files empty")
    arguments = parser.parse_args()
    make_tree(arguments.number, arguments.directory, arguments.empty)


if __name__ == "__main__":
    main()
