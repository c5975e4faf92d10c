#!/usr/bin/env python3
"""Counts the requests that icecore and restic make to S3 and prints them as a table in Markdown.

    cargo build --release --package icecore-cli --package s3-test-server
    python3 benches/requests.py --restic PATH

Each program backs up the same tree (by default 10,000 files, 218 MB, about 62 % after compression), changes 1 %
of it, restores, lists, checks and copies. All requests go through a proxy in this script, which counts
them: PUT (with POST), LIST (all requests to the bucket itself), GET (with HEAD) and DELETE. The server is
`s3-test-server`, or any other server that has a bucket named `bucket` (--endpoint). Retried requests would
count, too, but there is no reason for a retry.
"""

import argparse
import asyncio
import collections
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse

KEYS = {"AWS_ACCESS_KEY_ID": "AKTEST", "AWS_SECRET_ACCESS_KEY": "SKTEST", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
PASSWORD = "not a secret"
CLASSES = ("PUT", "LIST", "GET", "DELETE")
CHANGED_EVERY = 100
# Fraction of each file with random bytes; the other bytes are all the same.
RANDOM_SHARE = 0.62


class Proxy:
    """Passes requests on to a server and counts them."""

    def __init__(self, host, port):
        self.upstream = (host, port)
        self.seen = []
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()

        def serve():
            asyncio.set_event_loop(self.loop)
            server = self.loop.run_until_complete(asyncio.start_server(self.client, "127.0.0.1", 0))
            self.url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            ready.set()
            self.loop.run_forever()

        threading.Thread(target=serve, daemon=True).start()
        ready.wait()

    async def client(self, reader, writer):
        up_writer = None
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
            while True:
                method, head, headers = await self.head(reader, "expect")
                self.seen.append((method, head.split(" ", 2)[1]))
                if "expect" in headers:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                up_writer.write(head.encode("latin1"))
                await self.body(reader, up_writer, headers)
                version_or_status, head, headers = await self.head(up_reader)
                writer.write(head.encode("latin1"))
                if method != "HEAD":
                    await self.body(up_reader, writer, headers)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for end in (writer, up_writer):
                if end:
                    end.close()

    @staticmethod
    async def head(reader, left_out=None):
        """Returns the first word, the whole head without one header, and the headers."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")[:-4].split("\r\n")
        pairs = [line.split(":", 1) for line in lines[1:]]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        kept = [lines[0], *(line for line in lines[1:] if line.split(":", 1)[0].lower() != left_out)]
        return lines[0].split(" ", 1)[0], "\r\n".join(kept) + "\r\n\r\n", headers

    @staticmethod
    async def body(reader, writer, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                line = await reader.readuntil(b"\r\n")
                length = int(line.split(b";")[0], 16)
                writer.write(line + await reader.readexactly(length + 2))
                if length == 0:
                    return
        left = int(headers.get("content-length", 0))
        while left:
            piece = await reader.read(min(left, 1 << 18))
            if not piece:
                raise ConnectionError
            left -= len(piece)
            writer.write(piece)
            await writer.drain()


def class_of(method, target):
    """Returns the kind of request for billing."""
    path = urllib.parse.urlsplit(target).path.strip("/")
    if method in ("PUT", "DELETE"):
        return method
    if method == "POST":
        return "DELETE" if "delete" in urllib.parse.urlsplit(target).query.split("&") else "PUT"
    return "GET" if "/" in path else "LIST"


class Bed:
    """Runs one program with its own home and repositories."""

    def __init__(self, tool, program, proxy, work, source, is_shown):
        self.tool, self.program, self.proxy, self.source = tool, program, proxy, source
        self.root = os.path.join(work, tool)
        self.caches = 0
        self.is_shown = is_shown
        self.counts = {}
        os.makedirs(os.path.join(self.root, "home"))

    def environment(self):
        home = os.path.join(self.root, "home")
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        cache = os.path.join(self.root, f"cache-{self.caches}")
        shared = {**kept, **KEYS, "HOME": home, "XDG_CONFIG_HOME": home, "AWS_ENDPOINT_URL_S3": self.proxy.url}
        if self.tool == "icecore":
            return {**shared, "ICECORE_REPOSITORY": "s3://bucket/icecore", "ICECORE_CACHE_DIR": cache}
        names = {"RESTIC_REPOSITORY": self.url("restic"), "RESTIC_CACHE_DIR": cache}
        return {**shared, **names, "RESTIC_PASSWORD": PASSWORD, "RESTIC_FROM_PASSWORD": PASSWORD}

    def url(self, prefix):
        return f"s3:{self.proxy.url}/bucket/{prefix}"

    def run(self, line, *arguments, extra=None):
        self.proxy.seen.clear()
        environment = {**self.environment(), **(extra or {})}
        found = subprocess.run([self.program, *arguments], env=environment, cwd=os.path.dirname(self.source), capture_output=True, text=True)
        if found.returncode != 0:
            sys.exit(f"{self.tool} {' '.join(arguments)} ended with {found.returncode}:\n{found.stderr}")
        seen = list(self.proxy.seen)
        if self.is_shown:
            print(f"== {self.tool}: {line}", *(f"{method} {target}" for method, target in seen), sep="\n", file=sys.stderr)
        self.counts[line] = collections.Counter(class_of(*one) for one in seen)

    def scratch(self):
        return tempfile.mkdtemp(dir=self.root)

    def first_half(self):
        """Everything before the tree changes."""
        name = os.path.basename(self.source)
        self.run("init", "init", "-q")
        self.run("first backup", "backup", "-q", name)
        self.run("unchanged", "backup", "-q", name)

    def second_half(self):
        name = os.path.basename(self.source)
        self.run("1 % changed", "backup", "-q", name)
        self.look()
        self.run("check", "check", "-q")
        self.run("check --read-data", "check", "--read-data", "-q")
        self.copy()
        self.caches += 1
        self.run("new host: snapshots", "snapshots", "-q")
        self.caches += 1
        self.restore_one("new host: restore one file")
        self.caches += 1
        self.run("new host: unchanged", "backup", "-q", name)

    def restore_one(self, line):
        name = os.path.basename(self.source)
        if self.tool == "icecore":
            self.run(line, "restore", f"{name}@latest:005/0007", "-q", "--target", self.scratch())
        else:
            self.run(line, "restore", "latest", "-q", "--include", f"/{name}/005/0007", "--target", self.scratch())

    def look(self):
        name = os.path.basename(self.source)
        reference = f"{name}@latest" if self.tool == "icecore" else "latest"
        self.restore_one("restore one file")
        target = self.scratch()
        self.run("restore all", "restore", reference, "-q", "--target", os.path.join(target, "all"))
        shutil.rmtree(target)
        self.run("ls", "ls", "-q", *(["--recursive"] if self.tool == "icecore" else []), reference)
        self.run("snapshots", "snapshots", "-q")

    def copy(self):
        """Copies the three snapshots, and again when all of them exist."""
        if self.tool == "icecore":
            to = ["copy", "-q", "--to", "s3://bucket/icecore-copy"]
            key = os.path.join(self.root, "copy.key")
            self.run("init of the copy", "init", "-q", "--key-file", key, "--repository", "s3://bucket/icecore-copy")
            to += ["--to-key-file", key]
            extra = None
        else:
            extra = {"RESTIC_REPOSITORY": self.url("restic-copy"), "RESTIC_FROM_REPOSITORY": self.url("restic")}
            self.run("init of the copy", "init", "-q", extra={"RESTIC_REPOSITORY": extra["RESTIC_REPOSITORY"]})
            to = ["copy", "-q"]
        self.run("copy of all snapshots", *to, extra=extra)
        self.run("copy again", *to, extra=extra)


def make_tree(directory, files, total):
    """Makes files, the same on each run: 100 in a directory."""
    numbers = random.Random(7)
    for number in range(files):
        folder = os.path.join(directory, f"{number // 100:03}")
        os.makedirs(folder, exist_ok=True)
        length = numbers.randint(1, 2 * total // files)
        write(os.path.join(folder, f"{number % 100:04}"), content(numbers, length))


def content(numbers, length):
    """Returns bytes with a known compression ratio."""
    noise = int(length * RANDOM_SHARE)
    return numbers.randbytes(noise) + b"x" * (length - noise)


def write(path, written):
    with open(path, "wb") as file:
        file.write(written)


def change_tree(directory, files):
    """Writes every hundredth file again."""
    numbers = random.Random(8)
    for number in range(0, files, CHANGED_EVERY):
        path = os.path.join(directory, f"{number // 100:03}", f"{number % 100:04}")
        write(path, content(numbers, os.path.getsize(path)))


def table(beds):
    """Prints the counts of all lines in Markdown."""
    tools = [bed.tool for bed in beds]
    print("| command | " + " | ".join(f"{tool} PUT/LIST/GET/DELETE | total" for tool in tools) + " |")
    print("|---" * (1 + 2 * len(tools)) + "|")
    for line in beds[0].counts:
        cells = []
        for bed in beds:
            counts = bed.counts[line]
            cells += ["/".join(str(counts[name]) for name in CLASSES), str(sum(counts.values()))]
        print(f"| {line} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--icecore", default="target/release/icecore")
    parser.add_argument("--server", default="target/release/s3-test-server")
    parser.add_argument("--endpoint", metavar="HOST:PORT", help="an S3 server that runs already, without TLS")
    parser.add_argument("--restic", metavar="PATH")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=218_000_000)
    parser.add_argument("--show", action="store_true", help="print each request on standard error")
    arguments = parser.parse_args()
    programs = {"icecore": os.path.abspath(arguments.icecore)}
    if arguments.restic:
        programs["restic"] = shutil.which(arguments.restic)
    work = tempfile.mkdtemp(prefix="icecore-requests-")
    server = None
    try:
        if arguments.endpoint:
            host, port = arguments.endpoint.rsplit(":", 1)
        else:
            server = subprocess.Popen([os.path.abspath(arguments.server), "0"], stdout=subprocess.PIPE, text=True)
            url = urllib.parse.urlsplit(server.stdout.readline().strip())
            host, port = url.hostname, url.port
        proxy = Proxy(host, int(port))
        source = os.path.join(work, "tree")
        make_tree(source, arguments.files, arguments.bytes)
        beds = [Bed(tool, program, proxy, work, source, arguments.show) for tool, program in programs.items()]
        for bed in beds:
            bed.first_half()
        change_tree(source, arguments.files)
        for bed in beds:
            bed.second_half()
        table(beds)
    finally:
        if server:
            server.kill()
            server.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
