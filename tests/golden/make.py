#!/usr/bin/env python3
"""Makes a golden repository: tests/golden/make.py ICECORE OUTPUT

Writes OUTPUT/repository, OUTPUT/key and OUTPUT/expected.json. The expected content comes from this script's
own reading of the source, not from Icecore. Run it as root, with the packages of
tests/reader/requirements.txt, once for each released version of the format. Its output is never edited.
"""

import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import blake3

WHEN = 1_700_000_000 * 10**9 + 123_456_789


def write(path, content, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def make_source(root):
    write(root / "hello.txt", b"hello\n")
    write(root / "empty", b"")
    write(root / "a" / "inside", b"a directory's content follows the directory\n")
    write(root / "a.b", b"and comes before this file\n")
    write(root / "setuid", b"#!/bin/true\n", 0o4755)
    # Compresses, and is long enough for a chunk list.
    write(root / "numbers", "".join(f"{number}\n" for number in range(700_000)).encode())
    # Does not compress.
    write(root / "noise", hashlib.shake_256(b"golden").digest(150_000))
    for number in range(300):
        write(root / "many" / f"{number % 7}" / f"file-{number:03}.conf", f"key{number} = {number * number}\n".encode())
    with open(root / "sparse", "wb") as sparse:
        sparse.truncate(8 << 20)
        sparse.seek(4 << 20)
        sparse.write(b"in the middle of nothing" * 1000)
    os.link(root / "hello.txt", root / "hello-again")
    os.symlink("hello.txt", root / "link")
    os.symlink("/nowhere/" + "x" * 200, root / "dangling")
    os.mkfifo(root / "fifo", 0o600)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(root / "socket"))
    listener.close()
    os.mknod(root / "null", 0o020666, os.makedev(1, 3))
    os.mknod(root / "disk", 0o060600, os.makedev(7, 200))
    write(pathlib.Path(os.fsdecode(os.fsencode(root) + b"/not \xff utf-8\n")), b"odd name\n")
    write(root / ("n" * 255), b"long name\n")
    os.setxattr(root / "hello.txt", "user.colour", b"\x00blue\xff")
    os.chown(root / "a" / "inside", 1000, 4_000_000_000)
    (root / "a").chmod(0o1770)
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, ns=(WHEN, WHEN), follow_symlinks=False)
    os.utime(root / "link", ns=(-10**9 + 5, -10**9 + 5), follow_symlinks=False)
    os.utime(root, ns=(WHEN, WHEN))


def change_source(root):
    write(root / "hello.txt", b"hello again\n")
    (root / "empty").chmod(0o600)
    shutil.rmtree(root / "many" / "3")
    (root / "many" / "4").rename(root / "many" / "four")
    with open(root / "numbers", "r+b") as numbers:
        numbers.seek(2_000_000)
        numbers.write(b"changed")
    write(root / "new", b"new\n")


def describe(root):
    entries = []
    links = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        entry = {
            "path": os.fsencode(path.relative_to(root)).hex() if path != root else "",
            "mode": status.st_mode,
            "uid": status.st_uid,
            "gid": status.st_gid,
            "mtime_ns": status.st_mtime_ns,
        }
        if path.is_symlink():
            entry["target"] = os.fsencode(os.readlink(path)).hex()
        elif path.is_file():
            content = path.read_bytes()
            entry["size"] = len(content)
            entry["blake3"] = blake3.blake3(content).hexdigest()
            entry["sparse"] = status.st_blocks * 512 < status.st_size // 2
            if status.st_nlink > 1:
                entry["link"] = links.setdefault(status.st_ino, len(links))
        elif path.is_block_device() or path.is_char_device():
            entry["device"] = status.st_rdev
        names = os.listxattr(path, follow_symlinks=False)
        if names:
            entry["xattrs"] = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in sorted(names)}
        entries.append(entry)
    return sorted(entries, key=lambda entry: bytes.fromhex(entry["path"]))


def main():
    icecore, output = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    output.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch) / "golden"
        root.mkdir()
        environment = {"HOME": scratch, "PATH": os.environ["PATH"], "XDG_CACHE_HOME": scratch + "/cache"}
        common = [icecore, "--repository", output / "repository", "--key-file", output / "key", "--json"]
        expected = {}

        def backup(*options):
            made = subprocess.run(
                [*common, "backup", "--host", "golden", *options, root], env=environment, stdout=subprocess.PIPE, check=True
            )
            document = json.loads(made.stdout)
            expected[document["sources"][0]["snapshot"]["id"]] = describe(root)

        make_source(root)
        backup("--init", "--tag", "step=first")
        change_source(root)
        backup("--tag", "step=changed")
        backup("--level", "full", "--dedup", "group", "--tag", "step=group")
    (output / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


main()
