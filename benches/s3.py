#!/usr/bin/env python3
"""Runs icecore on an S3 server in memory next to a bare uploader and restic, and prints medians and ratios.

    cargo build --release --package icecore-cli --package s3-test-server
    python3 -m venv v && v/bin/pip install boto3
    v/bin/python benches/s3.py --data DIR... --link 100 --restic PATH

The server is `s3-test-server`, behind a link of limited speed. Without a link, the result only shows how two
programs share the cores with a server. Each round starts with an empty server and runs all programs in turn
on it. The bare uploader is boto3 with eight threads: it uploads as many objects of random bytes as icecore
has made, with the same lengths, and downloads them again. Times and CPU seconds are measured as in
compare.py. Memory is not measured, because the peak of a child is never lower than that of this script.
"""

import argparse
import collections
import concurrent.futures
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import boto3
from botocore.config import Config

import compare

THREADS = 8
PACK_SIZES = {"icecore": None, "icecore, 16 MiB packs": "16MiB"}
KEYS = {"AWS_ACCESS_KEY_ID": "AKTEST", "AWS_SECRET_ACCESS_KEY": "SKTEST", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


class Server:
    """A server without objects."""

    def __init__(self, program, link):
        self.process = subprocess.Popen([program, "0", *([str(link)] if link else [])], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def client(self):
        config = Config(
            max_pool_connections=THREADS,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path", "payload_signing_enabled": False},
        )
        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", config=config,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )

    def sizes(self, prefix):
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
        return [item["Size"] for page in pages for item in page.get("Contents", [])]


def on_s3(tool, place, server, prefix):
    """Returns the environment of a program whose repository is on the server."""
    environment = {**place.environment(), **KEYS, "AWS_ENDPOINT_URL_S3": server.url}
    if tool == "restic":
        return {**environment, "RESTIC_REPOSITORY": f"s3:{server.url}/bucket/{prefix}", "RESTIC_PASSWORD": compare.PASSWORD, "RESTIC_CACHE_DIR": place.cache}
    return {**environment, "ICECORE_REPOSITORY": f"s3://bucket/{prefix}", "ICECORE_CACHE_DIR": place.cache}


def bare(server, sizes):
    """Puts objects of these sizes and gets them again; returns the two times."""
    client = server.client()
    noise = os.urandom(max(sizes))
    objects = [(f"bare/{number}", size) for number, size in enumerate(sizes)]

    def put(item):
        client.put_object(Bucket="bucket", Key=item[0], Body=noise[: item[1]])

    def get(item):
        body = client.get_object(Bucket="bucket", Key=item[0])["Body"]
        while body.read(1 << 20):
            pass

    times = []
    for action in (put, get):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(action, objects))
        times.append(time.monotonic() - started)
    return times


def backup_and_restore(tool, pack_size, programs, source, server, work, restore_dir):
    """Runs a first backup and a restore of everything; returns the two runs, and the prefix."""
    prefix = f"{tool}-{pack_size or 'default'}"
    place = compare.Place(os.path.join(work, prefix), source)
    environment = on_s3(tool, place, server, prefix)
    program = programs[tool]
    errors = os.path.join(place.root, "errors")
    if tool == "restic":
        backup = [program, "backup", "-q", "--host", "bench", place.name]
        init = [program, "init", "-q"]
    else:
        backup = [program, "backup", "-q", "--name", place.name, "--host", "bench", place.name]
        backup += ["--pack-size", pack_size] if pack_size else []
        init = [program, "init", "-q"]
    compare.measure(init, environment, work, errors)
    first = compare.measure(backup, environment, os.path.dirname(source), errors)
    target = tempfile.mkdtemp(prefix="icecore-s3-", dir=restore_dir)
    reference = "latest" if tool == "restic" else f"{place.name}@latest"
    restore = [program, "restore", reference, "-q", "--target", os.path.join(target, "target")]
    try:
        restored = compare.measure(restore, environment, target, errors)
    finally:
        shutil.rmtree(target)
    return first, restored, prefix


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--link", type=int, default=100, help="speed of the link, MiB/s; 0 for none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--icecore", default="target/release/icecore")
    parser.add_argument("--server", default="target/release/s3-test-server")
    parser.add_argument("--restic")
    parser.add_argument("--restore-dir", default="/dev/shm")
    arguments = parser.parse_args()
    programs = {"icecore": os.path.abspath(arguments.icecore)}
    if arguments.restic:
        programs["restic"] = os.path.abspath(arguments.restic)
    for source in map(os.path.abspath, arguments.data):
        compare.read_all(source)
        runs = collections.defaultdict(list)
        stored = 0
        for _ in range(arguments.rounds):
            work = tempfile.mkdtemp(prefix="icecore-s3-")
            server = Server(os.path.abspath(arguments.server), arguments.link)
            try:
                sizes = []
                for title, pack_size in PACK_SIZES.items():
                    first, restored, prefix = backup_and_restore(
                        "icecore", pack_size, programs, source, server, work, arguments.restore_dir
                    )
                    runs[title, "backup"].append(first)
                    runs[title, "restore"].append(restored)
                    sizes = sizes or server.sizes(prefix)
                stored = sum(sizes)
                for line, wall in zip(("backup", "restore"), bare(server, sizes)):
                    runs["bare", line].append(compare.Run(wall, 0, 0))
                if "restic" in programs:
                    first, restored, _ = backup_and_restore("restic", None, programs, source, server, work, arguments.restore_dir)
                    runs["restic", "backup"].append(first)
                    runs["restic", "restore"].append(restored)
            finally:
                server.stop()
                shutil.rmtree(work, ignore_errors=True)
        link = f"a link of {arguments.link} MiB/s" if arguments.link else "no link"
        print(f"\n{os.path.basename(source)}, {link}; icecore stores {stored / 1e6:.0f} MB; medians of {arguments.rounds}\n")
        print("| line | who | time | CPU | bare / its time | its time / restic |\n|---|---|---|---|---|---|")
        for line in ("backup", "restore"):
            walls = {who: statistics.median(run.wall for run in found) for (who, of), found in runs.items() if of == line}
            for who, wall in walls.items():
                found = runs[who, line]
                cpu = statistics.median(run.cpu for run in found)
                own = "" if who == "bare" else f"{cpu:.1f} s"
                against = f"{wall / walls['restic']:.2f}" if "restic" in walls else ""
                print(f"| {line} | {who} | {wall:.1f} s | {own} | {walls['bare'] / wall:.2f} | {against} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
