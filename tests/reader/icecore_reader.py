#!/usr/bin/env python3
"""Reads Icecore repositories (format version 1) independently of Icecore.

It was written only from docs/format.md, with public packages. It proves that the format can be read without
Icecore, and is a last resort. It is simple and strict rather than fast: it authenticates everything, verifies
the id of every chunk, and refuses all data that breaks a rule of the format. Section numbers in comments are
those of docs/format.md.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python icecore_reader.py --repository DIR --key-file F list
    venv/bin/python icecore_reader.py --repository DIR --key-file F list SNAPSHOT
    venv/bin/python icecore_reader.py --repository DIR --key-file F verify
    venv/bin/python icecore_reader.py --repository DIR --key-file F restore SNAPSHOT TARGET

SNAPSHOT is `latest` or the beginning of a snapshot id. TARGET must not exist, or be an empty directory.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 restored except for the listed files, 12 wrong key or password,
20 damage found.
"""

import argparse
import collections
import datetime
import errno
import hmac
import io
import os
import re
import stat
import struct
import sys

import cbor2
import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KIB, MIB = 1 << 10, 1 << 20
CHUNK_BYTES_MAX = 16 * MIB
BLOCK_BYTES_MAX = 32 * MIB
PACK_BYTES_MAX = 256 * MIB
PACK_BLOCKS_MAX = 1 << 20
PACK_CHUNKS_MAX = 1 << 22
SLOT_BYTES_MAX = 1 * MIB
PATH_BYTES_MAX = 4 * MIB
NAME_BYTES_MAX = 4096
TEXT_BYTES_MAX = 64 * KIB
TARGET_BYTES_MAX = 64 * KIB
ID_BYTES = 24
INLINE_CHUNKS_MAX = 8
HOLES_MAX = 8192
HOLE = bytes(ID_BYTES)
HOLE_BYTES_MAX = (1 << 32) - 1
NODE_ITEMS_MAX = 4096
NODE_PATH_BYTES_MAX = 8 * MIB
NODE_ATTRIBUTES_MAX = 1 << 17
NODE_LEVEL_MAX = 15
CACHE_BYTES = 256 * MIB

HEADER, DATA, MANIFEST, DIRECTORY, SNAPSHOT = 1, 2, 3, 4, 5
SEAL_CONTEXTS = {
    HEADER: "icecore 2026-11-20 v1 seal repository header",
    DATA: "icecore 2026-11-20 v1 seal data pack",
    MANIFEST: "icecore 2026-11-20 v1 seal manifest pack",
    DIRECTORY: "icecore 2026-11-20 v1 seal pack directory",
    SNAPSHOT: "icecore 2026-11-20 v1 seal snapshot",
}
RECORD_BYTES_MAX = {HEADER: MIB, DATA: 256 * MIB, MANIFEST: 256 * MIB, DIRECTORY: 256 * MIB, SNAPSHOT: MIB}
SEAL_HEADER_BYTES, TAG_BYTES, TRAILER_BYTES, PLAIN_HEADER_BYTES = 128, 16, 12, 40
ORDINAL_DIRECTORY = 1 << 63
PENDING, COMPLETE, ABORTED, DELETED = 0, 1, 2, 3
FILE, DIRECTORY_ENTRY, SYMLINK, FIFO, SOCKET, CHARACTER_DEVICE, BLOCK_DEVICE = range(7)
UNREADABLE = 2


class Damage(Exception):
    """Stored bytes break a rule of the format."""


class Unsupported(Exception):
    """Stored bytes are of a newer version, use features that this program does not know, or lack their master key."""


class WrongKey(Exception):
    """No key slot opens with the given credential."""


class Failure(Exception):
    """Anything else that ends the program."""


def need(condition, what):
    if not condition:
        raise Damage(what)


def keyed(key, data):
    return blake3(data, key=key).digest()


# --- Section 3: conventions ----------------------------------------------------------------------------------------


def integer(value, maximum, what):
    need(type(value) is int and 0 <= value <= maximum, f"{what} is not a number from 0 to {maximum}")
    return value


def octets(value, what, length=None, maximum=None):
    need(type(value) is bytes, f"{what} is not a byte string")
    need(length is None or len(value) == length, f"{what} has {len(value)} bytes instead of {length}")
    need(maximum is None or len(value) <= maximum, f"{what} is too long")
    return value


def text(value, what):
    need(type(value) is str and len(value.encode()) <= TEXT_BYTES_MAX, f"{what} is not a text of at most 64 KiB")
    return value


def array(value, what):
    need(type(value) is list, f"{what} is not an array")
    return value


def mapping(value, what):
    need(type(value) is dict, f"{what} is not a map")
    return value


def time(value, what):
    need(type(value) is list and len(value) == 2, f"{what} is not a time")
    seconds, nanoseconds = value
    need(type(seconds) is int and -(1 << 63) <= seconds < 1 << 63, f"{what} has no seconds")
    integer(nanoseconds, 999_999_999, f"nanoseconds of {what}")
    return seconds, nanoseconds


def decode(data, what):
    """Reads exactly one CBOR item in the only form that a writer may use: shortest, definite, no key twice."""
    stream = io.BytesIO(data)
    try:
        value = cbor2.load(stream)
        again = cbor2.dumps(value)
    except Exception as error:  # cbor2 raises many kinds
        raise Damage(f"{what} is not CBOR: {error}") from error
    need(again == data, f"{what} is not one CBOR item in its shortest form")
    return value


class Record:
    """A CBOR map with integer keys; each field is read through a checking function."""

    def __init__(self, value, what):
        self.fields = mapping(value, what)
        self.what = what
        need(all(type(key) is int and key >= 0 for key in self.fields), f"{what} has a key that is not a number")

    def __contains__(self, key):
        return key in self.fields

    def get(self, key, check, *arguments):
        need(key in self.fields, f"{self.what} lacks field {key}")
        if check in (integer, octets):
            *bounds, = arguments
            if check is integer:
                return integer(self.fields[key], bounds[0], f"field {key} of {self.what}")
            return octets(self.fields[key], f"field {key} of {self.what}", *bounds)
        return check(self.fields[key], f"field {key} of {self.what}")

    def optional(self, key, default, check, *arguments):
        return self.get(key, check, *arguments) if key in self.fields else default


def signed(value, what):
    need(type(value) is int and -(1 << 63) <= value < 1 << 63, f"{what} is not a number of 64 bits")
    return value


# --- Section 2: objects and their keys -----------------------------------------------------------------------------

PACK_NAME = re.compile(r"([0-9a-f]{32})-([0-9]{6,10})")
RUN_NAME = re.compile(r"[0-9a-f]{32}")


def pack_name(run, number):
    return f"{run.hex()}-{number:06}"


class Store:
    """A repository in a local directory: a key is the path of a file."""

    def __init__(self, directory):
        self.directory = directory

    def path(self, key):
        return os.path.join(self.directory, *key.split("/"))

    def get(self, key, maximum=None):
        with open(self.path(key), "rb") as file:
            data = file.read() if maximum is None else file.read(maximum + 1)
        need(maximum is None or len(data) <= maximum, f"{key} is larger than {maximum} bytes")
        return data

    def get_range(self, key, offset, length):
        with open(self.path(key), "rb") as file:
            data = os.pread(file.fileno(), length, offset)
        need(len(data) == length, f"{key} is truncated")
        return data

    def list(self, prefix):
        try:
            return sorted(os.listdir(self.path(prefix)))
        except FileNotFoundError:
            return []


# --- Section 4: keys -----------------------------------------------------------------------------------------------


class Keys:
    def __init__(self, repository, masters):
        self.repository = repository
        self.masters = masters
        first = masters[0]
        self.ids = {DATA: self.derive("icecore 2026-11-20 v1 chunk id", first),
                    MANIFEST: self.derive("icecore 2026-11-20 v1 manifest node id", first)}

    @staticmethod
    def derive(context, master):
        return blake3(master, derive_key_context=context).digest()

    def chunk_id(self, kind, content):
        return keyed(self.ids[kind], content)[:ID_BYTES]

    def object_key(self, kind, epoch, salt):
        if epoch not in self.masters:
            raise Unsupported(f"it is sealed under key epoch {epoch}, which no slot that opened holds")
        return ObjectKey(self, kind, epoch, salt)


# --- Section 5: sealed objects -------------------------------------------------------------------------------------


class ObjectKey:
    def __init__(self, keys, kind, epoch, salt):
        key = keyed(keys.derive(SEAL_CONTEXTS[kind], keys.masters[epoch]), keys.repository + salt)
        commitment = keyed(key, b"icecore v1 key commitment")
        self.epoch = epoch
        self.salt = salt
        self.repository = keys.repository
        self.header = struct.pack("<8sHBBI32s32s48s", b"ICECSEAL", 1, kind, 0, epoch, salt, commitment, bytes(48))
        self.cipher = ChaCha20Poly1305(key)

    @classmethod
    def of_object(cls, keys, kind, data):
        need(len(data) >= SEAL_HEADER_BYTES, "it is shorter than the header of a sealed object")
        header = data[:SEAL_HEADER_BYTES]
        magic, version, found, _, epoch, salt = struct.unpack_from("<8sHBBI32s", header)
        need(magic == b"ICECSEAL", "it is not a sealed object")
        if version != 1:
            raise Unsupported(f"it has format version {version}; this program reads version 1")
        need(found == kind, f"it is an object of kind {found} where kind {kind} belongs")
        key = keys.object_key(kind, epoch, salt)
        need(hmac.compare_digest(header, key.header), "its header is damaged, or it belongs to another key")
        return key

    def open(self, ordinal, sealed):
        number = struct.pack("<Q", ordinal)
        need(len(sealed) >= TAG_BYTES, "a sealed part is shorter than its tag")
        try:
            return self.cipher.decrypt(number + bytes(4), bytes(sealed), self.header + self.repository + number)
        except InvalidTag:
            raise Damage(f"part {ordinal} does not authenticate") from None


def decompress(codec, body, length):
    if codec == 0:
        need(len(body) == length, "a raw body has another length than it should")
        return body
    need(codec == 1, f"unknown codec {codec}")
    try:
        # The length in the frame itself is checked first, so that it cannot cause a huge allocation.
        declared = zstandard.frame_content_size(body)
        need(declared in (-1, length), "a compressed body claims another length than it should")
        plain = zstandard.ZstdDecompressor().decompress(body, max_output_size=length)
    except zstandard.ZstdError as error:
        raise Damage(f"a body does not decompress: {error}") from error
    need(len(plain) == length, "a body decompresses to another length than it should")
    return plain


def unframe(kind, frame):
    need(len(frame) >= 12, "a frame is truncated")
    codec, body_bytes, record_bytes = struct.unpack_from("<B3xII", frame)
    need(record_bytes <= RECORD_BYTES_MAX[kind], "a record is too long")
    need(12 + body_bytes <= len(frame), "the body of a frame is truncated")
    return decompress(codec, frame[12:12 + body_bytes], record_bytes)


def open_record(keys, kind, data, what):
    key = ObjectKey.of_object(keys, kind, data)
    return Record(decode(unframe(kind, key.open(0, data[SEAL_HEADER_BYTES:])), what), what)


# --- Section 6: repository header ----------------------------------------------------------------------------------


def read_plain_header(data):
    """Returns repository id, features for reading and features for writing; none of them is authenticated yet."""
    need(len(data) >= PLAIN_HEADER_BYTES, "the repository header is truncated")
    magic, version, reserved, reading, writing, unused, repository = struct.unpack_from("<8sHHIII16s", data)
    need(magic == b"ICECREPO", "this is not the header of an Icecore repository")
    if version != 1:
        raise Unsupported(f"the repository has format version {version}; this program reads version 1")
    if reading != 0:
        raise Unsupported(f"the repository needs features that this program does not know ({reading:#x})")
    need(reserved == 0 and unused == 0, "reserved bytes of the repository header are in use")
    return repository, reading, writing


def open_header(keys, data):
    record = open_record(keys, HEADER, data[PLAIN_HEADER_BYTES:], "repository header")
    need(record.get(0, integer, 0xFFFF) == 1, "the versions in the repository header differ")
    sealed = (record.get(2, octets, 16), record.get(1, integer, 0xFFFFFFFF), record.get(10, integer, 0xFFFFFFFF))
    # Features for writing that are unknown here do not matter: this program writes nothing.
    need(sealed == read_plain_header(data), "repository id or features in the repository header were altered")
    record.get(3, signed)
    record.get(4, text)
    minimum, average, maximum = (record.get(key, integer, CHUNK_BYTES_MAX) for key in (5, 6, 7))
    need(256 <= average <= 4 * MIB and average & (average - 1) == 0, "the average chunk size is out of bounds")
    need(64 <= minimum <= min(average, MIB) and minimum % 2 == 0, "the minimum chunk size is out of bounds")
    need(max(average, 1024) <= maximum and maximum % 2 == 0, "the maximum chunk size is out of bounds")
    need(4 * KIB <= record.get(8, integer, 16 * MIB), "the block size is out of bounds")
    need(4 <= record.get(9, integer, 1024), "the number of items of a node is out of bounds")


# --- Section 7: key slots and key files ----------------------------------------------------------------------------


def argon2id(password, salt, memory_kib, passes, lanes):
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
        try:
            return Argon2id(
                salt=salt, length=64, iterations=passes, lanes=lanes, memory_cost=memory_kib
            ).derive(password)
        except UnsupportedAlgorithm:
            pass
    except ImportError:
        pass
    from argon2.low_level import Type, hash_secret_raw
    return hash_secret_raw(password, salt, passes, memory_kib, lanes, 64, Type.ID, 0x13)


def read_key_file(path):
    secret = check = None
    with open(path, encoding="ascii") as file:
        for line in map(str.strip, file):
            if not line or line.startswith("#"):
                continue
            word, _, value = line.partition(" ")
            value = value.strip()
            if word == "secret":
                need(re.fullmatch("[0-9a-f]{64}", value), "the secret of the key file is not 64 hexadecimal digits")
                secret = bytes.fromhex(value)
            elif word == "check":
                check = value
            else:
                need(word == "repository" and RUN_NAME.fullmatch(value), f"unknown line {word!r} in the key file")
    need(secret is not None, "the key file has no secret")
    need(check in (None, blake3(secret).hexdigest()[:8]), "the secret of the key file was altered")
    return secret


def read_password_file(path):
    with open(path, "rb") as file:
        password = file.read()
    if password.endswith(b"\n"):
        password = password[:-1]
        if password.endswith(b"\r"):
            password = password[:-1]
    return password


def open_slot(data, repository, secret, password):
    """Returns the master keys by epoch; none if the slot is not for this repository or credential."""
    need(len(data) >= 16, "it is truncated")
    magic, version, reserved, length = struct.unpack_from("<8sHHI", data)
    need(magic == b"ICECSLOT", "it is not a key slot")
    if version != 1:
        raise Unsupported(f"it has format version {version}; this program reads version 1")
    need(reserved == 0, "reserved bytes are in use")
    end = 16 + length
    need(end + 32 + TAG_BYTES <= len(data), "it is truncated")
    record = Record(decode(data[16:end], "key slot"), "key slot")
    kind = record.get(0, integer, 255)
    salt = record.get(4, octets, 32)
    record.get(2, text)
    record.get(3, signed)
    if record.get(1, octets, 16) != repository:
        return None
    costs = [key in record for key in (5, 6, 7)]
    if kind == 1:
        memory_kib, passes, lanes = (record.get(key, integer, limit) for key, limit in ((5, 4 << 20), (6, 32), (7, 64)))
        need(memory_kib >= 64 << 10 and passes >= 3 and lanes >= 1, "its Argon2id cost is below the floor")
        if password is None:
            return None
        derived = argon2id(password, salt, memory_kib, passes, lanes)
    elif kind == 2:
        need(not any(costs), "a slot for a key file has the cost of a password")
        if secret is None:
            return None
        key = Keys.derive("icecore 2026-11-20 v1 key file", secret)
        derived = blake3(repository + salt, key=key).digest(length=64)
    else:
        return None
    if not hmac.compare_digest(derived[32:], data[end:end + 32]):
        return None
    try:
        payload = ChaCha20Poly1305(derived[:32]).decrypt(bytes(12), data[end + 32:], data[:end])
    except InvalidTag:
        raise Damage("it does not authenticate") from None
    payload = Record(decode(payload, "payload of a key slot"), "payload of a key slot")
    need(payload.get(0, octets, 16) == repository, "its payload is of another repository")
    masters = {}
    for pair in payload.get(1, array):
        need(len(array(pair, "master key")) == 2, "a master key is not a pair")
        epoch = integer(pair[0], 0xFFFFFFFF, "epoch")
        need(epoch > max(masters, default=-1), "epochs do not rise")
        masters[epoch] = octets(pair[1], "master key", 32)
    need(0 in masters, "it does not hold the first master key")
    return masters


def unlock(store, repository, secret, password):
    """Returns the keys from the newest slot that opens: older ones lack the master keys of later epochs."""
    tried, opened = [], []
    for name in store.list("meta/keys"):
        try:
            data = store.get(f"meta/keys/{name}", SLOT_BYTES_MAX)
            need(blake3(data).hexdigest()[:32] == name, "its content does not match its name")
            masters = open_slot(data, repository, secret, password)
        except (Damage, Unsupported) as error:
            tried.append(f"{name}: {error}")
            continue
        if masters is not None:
            opened.append(masters)
    if opened:
        return Keys(repository, max(opened, key=max))
    for reason in tried:
        print(f"key slot {reason}", file=sys.stderr)
    raise WrongKey("no key slot opens with this key or password")


# --- Sections 9 and 10: packs and their directories ----------------------------------------------------------------

Block = collections.namedtuple("Block", "offset stored codec plain chunks")


class PackDirectory:
    def __init__(self, record, copy):
        version = record.get(11, integer, 0xFFFF)
        if version != 1:
            raise Unsupported(f"its pack has format version {version}; this program reads version 1")
        self.run = record.get(0, octets, 16)
        self.number = record.get(1, integer, 0xFFFFFFFF)
        self.kind = record.get(2, integer, 255)
        need(self.kind in (DATA, MANIFEST), "it describes an object that is not a pack")
        self.group = record.get(3, octets, 16)
        self.epoch = record.get(4, integer, 0xFFFFFFFF)
        self.salt = record.get(5, octets, 32)
        self.bytes = self.hash = None
        need((6 in record) == (7 in record) == (not copy), "length and hash of the pack are missing or misplaced")
        if not copy:
            self.bytes = record.get(6, integer, PACK_BYTES_MAX)
            self.hash = record.get(7, octets, 32)
        lengths = record.get(9, array)
        ids = record.get(10, octets, len(lengths) * ID_BYTES)
        need(len(lengths) <= PACK_CHUNKS_MAX, "it has too many chunks")
        for length in lengths:
            need(type(length) is int and 1 <= length <= CHUNK_BYTES_MAX, "a chunk is empty or too long")
        self.blocks = self.read_blocks(record.get(8, array), ids, lengths)
        self.end = self.blocks[-1].offset + self.blocks[-1].stored if self.blocks else SEAL_HEADER_BYTES
        need(self.end <= (PACK_BYTES_MAX if copy else self.bytes), "blocks reach beyond the end of the pack")
        name = pack_name(self.run, self.number)
        self.name = name
        self.key = f"meta/manifest/{name}" if self.kind == MANIFEST else f"data/{self.group.hex()}/{name}"

    @staticmethod
    def read_blocks(numbers, ids, lengths):
        need(len(numbers) % 4 == 0 and len(numbers) // 4 <= PACK_BLOCKS_MAX, "wrong number of block fields")
        blocks, offset, first = [], SEAL_HEADER_BYTES, 0
        for index in range(0, len(numbers), 4):
            stored, codec, plain, count = (integer(n, 0xFFFFFFFF, "field of a block") for n in numbers[index:index + 4])
            need(1 <= count <= len(lengths) - first, "a block has no chunks, or more than there are")
            members = range(first, first + count)
            chunks = [(ids[i * ID_BYTES:(i + 1) * ID_BYTES], lengths[i]) for i in members]
            need(sum(length for _, length in chunks) == plain <= BLOCK_BYTES_MAX, "lengths of a block disagree")
            body = stored - TAG_BYTES
            need(codec in (0, 1), f"unknown codec {codec}")
            need(body == plain if codec == 0 else 0 <= body < plain, "a block's length does not fit its codec")
            blocks.append(Block(offset, stored, codec, plain, chunks))
            offset += stored
            first += count
        need(first == len(lengths), "there are chunks that belong to no block")
        return blocks

    def fields(self):
        return self.run, self.number, self.kind, self.group, self.epoch, self.salt, self.blocks


def open_block(keys, directory, key, ordinal, sealed):
    """Returns the plaintext of a block, with the id of every chunk verified."""
    block = directory.blocks[ordinal]
    plain = decompress(block.codec, key.open(ordinal, sealed), block.plain)
    offset = 0
    for chunk, length in block.chunks:
        content = plain[offset:offset + length]
        need(keys.chunk_id(directory.kind, content) == chunk, "a chunk's content does not have its id")
        offset += length
    return plain


class Repository:
    """An unlocked repository; finds and reads chunks."""

    def __init__(self, directory, secret, password):
        self.store = Store(directory)
        try:
            header = self.store.get("icecore", MIB)
        except FileNotFoundError:
            raise Failure(f"there is no repository in {directory}") from None
        self.keys = unlock(self.store, read_plain_header(header)[0], secret, password)
        open_header(self.keys, header)
        self.problems = []
        self.unsupported = []
        self.directories = {}
        self.index = {DATA: {}, MANIFEST: {}}
        self.cache = collections.OrderedDict()
        self.cached_bytes = 0

    def problem(self, where, error):
        if isinstance(error, Unsupported):
            self.unsupported.append(f"{where}: {error}")
            print(f"cannot be read: {where}: {error}", file=sys.stderr)
        else:
            self.problems.append(f"{where}: {error}")
            print(f"damaged: {where}: {error}", file=sys.stderr)

    def snapshots(self):
        """Returns all snapshots that can be read, in the order of their runs."""
        found = []
        for name in self.store.list("meta/snapshots"):
            if not RUN_NAME.fullmatch(name):
                continue
            try:
                data = self.store.get(f"meta/snapshots/{name}")
                found.append(Snapshot(open_record(self.keys, SNAPSHOT, data, "snapshot"), bytes.fromhex(name)))
            except (Damage, Unsupported, OSError) as error:
                self.problem(f"meta/snapshots/{name}", error)
        return found

    def load_index(self):
        """Reads all pack directories. Called after the snapshots were read (section 15)."""
        for name in self.store.list("meta/packs"):
            match = PACK_NAME.fullmatch(name)
            if not match or pack_name(bytes.fromhex(match[1]), int(match[2])) != name:
                continue
            try:
                data = self.store.get(f"meta/packs/{name}")
                directory = PackDirectory(open_record(self.keys, DIRECTORY, data, "pack directory"), copy=False)
                need(directory.name == name, "it is the directory of another pack")
            except (Damage, Unsupported, OSError) as error:
                self.problem(f"meta/packs/{name}", error)
                continue
            self.directories[name] = directory
            for ordinal, block in enumerate(directory.blocks):
                offset = 0
                for chunk, length in block.chunks:
                    place = (directory, ordinal, offset, length)
                    self.index[directory.kind].setdefault(chunk, []).append(place)
                    offset += length

    def block(self, directory, ordinal):
        place = (directory.name, ordinal)
        if place in self.cache:
            self.cache.move_to_end(place)
            return self.cache[place]
        key = self.keys.object_key(directory.kind, directory.epoch, directory.salt)
        block = directory.blocks[ordinal]
        sealed = self.store.get_range(directory.key, block.offset, block.stored)
        plain = open_block(self.keys, directory, key, ordinal, sealed)
        self.cache[place] = plain
        self.cached_bytes += len(plain)
        while self.cached_bytes > CACHE_BYTES and len(self.cache) > 1:
            _, dropped = self.cache.popitem(last=False)
            self.cached_bytes -= len(dropped)
        return plain

    def chunk(self, kind, chunk, expected=None):
        """Returns the content of a chunk from any pack that holds it undamaged."""
        places = self.index[kind].get(chunk, [])
        need(places, f"chunk {chunk.hex()} is in no pack")
        reason = None
        for directory, ordinal, offset, length in places:
            try:
                need(expected in (None, length), "a chunk has another length than its entry says")
                return self.block(directory, ordinal)[offset:offset + length]
            except (Damage, Unsupported, OSError) as error:
                reason = f"pack {directory.name}, block {ordinal}: {error}"
        raise Damage(reason)

    def check_pack(self, directory):
        """Reads a whole pack and checks everything about it."""
        data = self.store.get(directory.key, PACK_BYTES_MAX)
        need(len(data) == directory.bytes, "its length differs from what its directory says")
        need(blake3(data).digest() == directory.hash, "its hash differs from what its directory says")
        key = ObjectKey.of_object(self.keys, directory.kind, data)
        own = (key.salt, key.epoch) == (directory.salt, directory.epoch)
        need(own, "its salt or epoch differs from what its directory says")
        for ordinal, block in enumerate(directory.blocks):
            open_block(self.keys, directory, key, ordinal, data[block.offset:block.offset + block.stored])
        length, mark = struct.unpack("<I8s", data[-TRAILER_BYTES:])
        start = len(data) - TRAILER_BYTES - length
        need(mark == b"ICECPEND" and start >= directory.end, "its trailer is damaged")
        record = unframe(directory.kind, key.open(ORDINAL_DIRECTORY, data[start:start + length]))
        copy = PackDirectory(Record(decode(record, "directory copy"), "directory copy"), copy=True)
        need(copy.fields() == directory.fields(), "its directory copy differs from its directory")


# --- Section 14: snapshots -----------------------------------------------------------------------------------------


class Snapshot:
    def __init__(self, record, run):
        self.run = record.get(1, octets, 16)
        need(self.run == run, "it is the snapshot of another run")
        self.state = record.get(0, integer, DELETED)
        self.source, self.host, self.program = (record.get(key, text) for key in (2, 3, 12))
        self.root = record.get(4, octets, None, TEXT_BYTES_MAX)
        self.command = [text(word, "word of a command") for word in record.optional(5, [], array)]
        self.started = record.get(6, time)
        self.level = ("full", "incremental", "differential")[record.get(7, integer, 2)]
        self.scope = ("repository", "group")[record.get(8, integer, 1)]
        self.group = record.get(9, octets, 16)
        self.base = record.optional(10, None, octets, 16)
        self.tags = record.optional(11, {}, mapping)
        need(len(self.tags) <= 1024, "it has too many tags")
        for key, value in self.tags.items():
            text(key, "tag"), text(value, "tag")
        need((13 in record) == (self.state == PENDING), "the sign of life does not go with the state")
        need(14 not in record or self.state == ABORTED, "the reason does not go with the state")
        need((15 in record) == (self.state in (COMPLETE, DELETED)), "the completion does not go with the state")
        if 13 in record:
            record.get(13, time)
        if 15 in record:
            self.read_completion(Record(record.get(15, mapping), "completion"))
        self.note = record.optional(20, "", text)
        need(not (19 in record or 20 in record) or 15 in record, "a hold or a note does not go with the state")
        if 19 in record:
            hold = Record(record.get(19, mapping), "hold")
            hold.optional(0, None, signed)
            hold.get(1, text)
            hold.get(2, time)

    def read_completion(self, record):
        self.finished = record.get(0, time)
        self.root_node = record.get(1, octets, ID_BYTES)
        self.root_level = record.get(2, integer, NODE_LEVEL_MAX)
        self.totals = tuple(record.get(key, integer, (1 << 64) - 1) for key in (3, 4, 5))
        self.errors = record.get(6, integer, (1 << 64) - 1)
        record.get(7, integer, (1 << 64) - 1)
        statistics = Record(record.get(8, mapping), "statistics")
        for key in range(9):
            statistics.get(key, integer, (1 << 64) - 1)
        if 9 in record:
            mark = Record(record.get(9, mapping), "damage mark")
            mark.get(0, time)
            mark.get(1, integer, (1 << 64) - 1)

    @property
    def id(self):
        return self.run.hex()[12:]


# --- Sections 11 to 13: manifest, entries, chunk lists -------------------------------------------------------------


def path_key(path):
    """Sorts paths component by component (section 11.1)."""
    return path.split(b"/") if path else []


def check_path(path):
    need(len(path) <= PATH_BYTES_MAX, "a path is too long")
    components = path_key(path)
    need(not {b"", b".", b".."}.intersection(components), "a path has an empty, `.` or `..` component")
    need(max(map(len, components), default=0) <= NAME_BYTES_MAX, "a path has a component that is too long")
    need(b"\0" not in path, "a path contains a NUL byte")


def read_names(names):
    need(len(names) <= NODE_ITEMS_MAX and list(names) == sorted(names), "owner names are too many or not sorted")
    for number, name in names.items():
        integer(number, 0xFFFFFFFF, "id of an owner")
        octets(name, "name of an owner", None, TEXT_BYTES_MAX)


class Entry:
    def __init__(self, path, value):
        record = Record(value, "entry")
        number = lambda key, bits: record.optional(key, 0, integer, (1 << bits) - 1)
        self.path = path
        self.kind = record.get(0, integer, 6)
        self.mode = record.optional(1, 0, integer, 0o7777)
        self.user, self.group = number(2, 32), number(3, 32)
        self.modified = time([record.optional(4, 0, signed), number(5, 32)], "modification time")
        self.changed = time([record.optional(6, 0, signed), number(7, 32)], "change time")
        self.inode, self.size, self.device = number(8, 64), number(9, 64), number(10, 64)
        self.link_device = record.optional(11, None, integer, 0xFFFFFFFF)
        self.attributes = record.optional(12, {}, mapping)
        self.target = record.optional(13, b"", octets, None, TARGET_BYTES_MAX)
        self.marks = number(18, 32)
        holes = record.optional(17, [], array)
        need(len(holes) % 2 == 0 and len(holes) <= 2 * HOLES_MAX, "holes are incomplete or too many")
        self.holes = list(zip(holes[::2], holes[1::2]))
        self.tree = record.optional(16, None, array)
        self.chunks = self.read_chunks(record)
        self.check()

    def read_chunks(self, record):
        need(14 in record or 15 not in record, "there are lengths of chunks without ids")
        if 14 not in record:
            return []
        need(self.tree is None, "chunks are both inline and in a tree")
        ids = record.get(14, octets, None, INLINE_CHUNKS_MAX * ID_BYTES)
        need(ids and len(ids) % ID_BYTES == 0, "ids of chunks have a wrong length")
        need(HOLE not in (ids[i:i + ID_BYTES] for i in range(0, len(ids), ID_BYTES)), "a hole is among inline chunks")
        lengths = record.optional(15, [self.size - sum(length for _, length in self.holes)], array)
        need(len(lengths) * ID_BYTES == len(ids), "numbers of chunk ids and lengths differ")
        for length in lengths:
            need(type(length) is int and 1 <= length <= CHUNK_BYTES_MAX, "a chunk is empty or too long")
        return [(ids[i * ID_BYTES:(i + 1) * ID_BYTES], length) for i, length in enumerate(lengths)]

    def check(self):
        need(self.path or self.kind == DIRECTORY_ENTRY, "the root is not a directory")
        content = bool(self.chunks or self.tree or self.holes)
        need(self.kind == FILE or not content and self.size == 0, "something that is no file has content")
        need(self.kind != DIRECTORY_ENTRY or self.link_device is None, "a directory has links")
        need((self.kind == SYMLINK) == bool(self.target) and b"\0" not in self.target, "a link target is wrong")
        names = list(self.attributes)
        need(len(names) <= 1 << 16, "there are too many extended attributes")
        for name, value in self.attributes.items():
            octets(name, "name of an attribute"), octets(value, "value of an attribute")
            need(name and b"\0" not in name, "the name of an attribute is empty or contains NUL")
        need(names == sorted(names), "extended attributes are not sorted")
        total = sum(len(name) + len(value) for name, value in self.attributes.items())
        need(total <= 4 * MIB, "extended attributes are too long")
        if self.marks & UNREADABLE:
            need(not content, "an unreadable entry has content")
            return
        end = -1
        for offset, length in self.holes:
            integer(offset, (1 << 64) - 1, "offset of a hole"), integer(length, (1 << 64) - 1, "length of a hole")
            need(length > 0 and offset > end and offset + length <= self.size, "holes overlap, touch or lie outside")
            end = offset + length
        stored = sum(length for _, length in self.chunks)
        if self.tree is not None:
            need(len(self.tree) == 4, "the reference to a chunk list is incomplete")
            octets(self.tree[0], "id of a chunk list", ID_BYTES)
            for value, limit in zip(self.tree[1:], (NODE_LEVEL_MAX, (1 << 64) - 1, (1 << 64) - 1)):
                integer(value, limit, "field of a chunk list")
            stored = self.tree[3]
        holes = sum(length for _, length in self.holes)
        need(stored + holes == self.size, "the size differs from the sum of chunks and holes")

    def segments(self):
        """Returns offset and length of the data between the holes."""
        position, parts = 0, []
        for offset, length in self.holes + [(self.size, 0)]:
            if offset > position:
                parts.append((position, offset - position))
            position = offset + length
        return parts

    def link_group(self):
        return None if self.link_device is None else (self.link_device, self.inode)


def read_items(items, width, what):
    """Yields the front-coded path and the other fields of each item of a node."""
    need(len(items) % width == 0 and len(items) // width <= NODE_ITEMS_MAX, f"{what} has a wrong number of items")
    previous, path_bytes = None, 0
    for index in range(0, len(items), width):
        shared, rest = items[index], octets(items[index + 1], "rest of a path")
        integer(shared, len(previous or b""), "shared length of a path")
        path_bytes += shared + len(rest)
        need(path_bytes <= NODE_PATH_BYTES_MAX, "the paths of a node are too long in sum")
        path = (previous or b"")[:shared] + rest
        check_path(path)
        need(previous is None or path_key(previous) < path_key(path), "paths are repeated or not sorted")
        previous = path
        yield path, items[index + 2:index + width]


class Manifest:
    """Walks one manifest in order and compares every node with its parent."""

    def __init__(self, repository, snapshot):
        self.repository = repository
        self.snapshot = snapshot
        self.previous = None

    def entries(self):
        snapshot = self.snapshot
        yield from self.walk(snapshot.root_node, snapshot.root_level, None, snapshot.totals)

    def walk(self, node, level, last_path, totals):
        raw = self.repository.chunk(MANIFEST, node)
        need(raw[:1] == b"\x01", "a node is not a manifest node")
        record = Record(decode(raw[1:], "manifest node"), "manifest node")
        need(record.get(0, integer, NODE_LEVEL_MAX) == level, "a node has another level than its parent says")
        read_names(record.optional(2, {}, mapping))
        read_names(record.optional(3, {}, mapping))
        items = record.get(1, array)
        found, path, attributes = [0, 0, 0], None, 0
        if level == 0:
            for path, (value,) in read_items(items, 3, "a leaf"):
                need(self.previous is None or path_key(self.previous) < path_key(path), "leaves are not in order")
                self.previous = path
                entry = Entry(path, value)
                attributes += len(entry.attributes)
                need(attributes <= NODE_ATTRIBUTES_MAX, "a leaf has too many extended attributes in sum")
                is_file = entry.kind == FILE
                found = [found[0] + 1, found[1] + is_file, found[2] + (entry.size if is_file else 0)]
                yield entry
        else:
            need(items, "an inner node has no children")
            for path, (child, *sums) in read_items(items, 6, "an inner node"):
                sums = [integer(value, (1 << 64) - 1, "total of a child") for value in sums]
                yield from self.walk(octets(child, "id of a child", ID_BYTES), level - 1, path, tuple(sums))
                found = [left + right for left, right in zip(found, sums)]
        need(tuple(found) == totals, "a node has other totals than its parent says")
        need(last_path is None or path == last_path, "a node has another last path than its parent says")

    def chunks(self, entry):
        """Yields id and length of the chunks of a file, and of the holes that are items of its chunk list."""
        if entry.tree is None:
            yield from entry.chunks
        else:
            yield from self.walk_list(*entry.tree)

    def walk_list(self, node, level, chunks, length):
        raw = self.repository.chunk(MANIFEST, node)
        need(raw[:1] == b"\x02", "a node is not a chunk-list node")
        record = Record(decode(raw[1:], "chunk-list node"), "chunk-list node")
        need(record.get(0, integer, NODE_LEVEL_MAX) == level, "a chunk-list node has another level than expected")
        lengths = record.get(2, array)
        need(1 <= len(lengths) <= NODE_ITEMS_MAX, "a chunk-list node has too few or too many items")
        ids = record.get(1, octets, ID_BYTES * len(lengths))
        counts = record.get(3, array) if level else [1] * len(lengths)
        need(len(counts) == len(lengths), "columns of a chunk-list node differ in length")
        for value in lengths + counts:
            integer(value, (1 << 64) - 1, "number in a chunk-list node")
        need((sum(counts), sum(lengths)) == (chunks, length), "sums of a chunk-list node differ from its reference")
        for index, (bytes_below, chunks_below) in enumerate(zip(lengths, counts)):
            child = ids[index * ID_BYTES:(index + 1) * ID_BYTES]
            if level:
                yield from self.walk_list(child, level - 1, chunks_below, bytes_below)
            else:
                most = HOLE_BYTES_MAX if child == HOLE else CHUNK_BYTES_MAX
                need(1 <= bytes_below <= most, "a chunk or a hole is empty or too long")
                yield child, bytes_below


# --- Commands ------------------------------------------------------------------------------------------------------


def printable(path):
    return path.decode("utf-8", "backslashreplace")


def format_time(value):
    try:
        moment = datetime.datetime.fromtimestamp(value[0], datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{value[0]} s"


def find_snapshot(repository, reference):
    complete = [snapshot for snapshot in repository.snapshots() if snapshot.state == COMPLETE]
    if reference == "latest":
        matching = complete[-1:]
    else:
        matching = [s for s in complete if s.id.startswith(reference) or s.run.hex() == reference]
    if len(matching) != 1:
        raise Failure(f"{reference} names {len(matching)} complete snapshots")
    return matching[0]


def command_list(repository, reference):
    if reference is None:
        for snapshot in repository.snapshots():
            line = f"{snapshot.id}  {format_time(snapshot.started)}  {snapshot.host}:{snapshot.source}  {snapshot.level}"
            if snapshot.state == COMPLETE:
                entries, files, size = snapshot.totals
                partial = f"  partial ({snapshot.errors} errors)" if snapshot.errors else ""
                print(f"{line}  {entries} entries  {files} files  {size} bytes{partial}")
            else:
                print(f"{line}  {('pending', 'complete', 'aborted', 'deleted')[snapshot.state]}")
        return
    snapshot = find_snapshot(repository, reference)
    repository.load_index()
    for entry in Manifest(repository, snapshot).entries():
        name = printable(entry.path) or "."
        target = f" -> {printable(entry.target)}" if entry.kind == SYMLINK else ""
        mode = f"{'-dlpscb'[entry.kind]}{entry.mode:04o}"
        print(f"{mode} {entry.user:5} {entry.group:5} {entry.size:12} {format_time(entry.modified)} {name}{target}")


def command_verify(repository):
    snapshots = repository.snapshots()
    repository.load_index()
    for directory in repository.directories.values():
        try:
            repository.check_pack(directory)
        except (Damage, Unsupported, OSError) as error:
            repository.problem(directory.key, error)
    for name in repository.store.list("meta/keys"):
        try:
            data = repository.store.get(f"meta/keys/{name}", SLOT_BYTES_MAX)
            need(blake3(data).hexdigest()[:32] == name, "its content does not match its name")
            open_slot(data, repository.keys.repository, None, None)
        except (Damage, Unsupported, OSError) as error:
            repository.problem(f"meta/keys/{name}", error)
    entries = chunks = 0
    for snapshot in snapshots:
        if snapshot.state != COMPLETE:
            continue
        manifest = Manifest(repository, snapshot)
        try:
            for entry in manifest.entries():
                entries += 1
                try:
                    for chunk, length in manifest.chunks(entry):
                        if chunk == HOLE:
                            continue
                        chunks += 1
                        places = repository.index[DATA].get(chunk, [])
                        need(any(place[3] == length for place in places), f"chunk {chunk.hex()} is in no pack")
                        own = [place for place in places if place[0].group == snapshot.group]
                        need(own or snapshot.scope == "repository", f"chunk {chunk.hex()} is not in its own group")
                except Damage as error:
                    repository.problem(f"snapshot {snapshot.id}, {printable(entry.path)}", error)
        except Damage as error:
            repository.problem(f"snapshot {snapshot.id}", error)
    print(f"{len(repository.directories)} packs, {len(snapshots)} snapshots, {entries} entries, {chunks} chunks: "
          f"{len(repository.problems)} problems, {len(repository.unsupported)} objects that this program cannot read")


class Restorer:
    """Re-creates one snapshot below an empty directory. Works on directory handles and never follows a link."""

    def __init__(self, repository, snapshot, target):
        self.manifest = Manifest(repository, snapshot)
        self.repository = repository
        self.target = target
        self.privileged = os.geteuid() == 0
        self.directories = {}
        self.links = {}
        self.problems = []

    def problem(self, path, error):
        self.problems.append(path)
        print(f"not restored completely: {printable(path) or '.'}: {error}", file=sys.stderr)

    def run(self):
        os.makedirs(self.target, mode=0o700, exist_ok=True)
        if os.listdir(self.target):
            raise Failure(f"{self.target} is not empty")
        self.directories[b""] = None
        count = 0
        try:
            for entry in self.manifest.entries():
                try:
                    self.create(entry)
                    count += 1
                except (Damage, OSError) as error:
                    self.problem(entry.path, error)
        except Damage as error:  # a node of the manifest: the entries after it are lost
            self.repository.problem("manifest", error)
        # Last of all and from the deepest up: creating things inside changes a directory's time.
        for path, entry in reversed(list(self.directories.items())):
            if entry is not None:
                try:
                    with self.opened(path) as handle:
                        self.apply(entry, handle, None)
                except OSError as error:
                    self.problem(path, error)
        print(f"{count} entries restored, {len(self.problems)} problems")

    def opened(self, path):
        """Opens a directory that this run created, one component after the other."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self.target, flags & ~os.O_NOFOLLOW)
        for component in path_key(path):
            try:
                deeper = os.open(component, flags, dir_fd=handle)
            finally:
                os.close(handle)
            handle = deeper
        return Handle(handle)

    def parent(self, path):
        parent, _, name = path.rpartition(b"/")
        missing = []
        while parent not in self.directories:
            missing.append(parent)
            parent = parent.rpartition(b"/")[0]
        for directory in reversed(missing):
            above, _, component = directory.rpartition(b"/")
            with self.opened(above) as handle:
                os.mkdir(component, 0o700, dir_fd=handle)
            self.directories[directory] = None
        return path.rpartition(b"/")[0], name

    def create(self, entry):
        if entry.path == b"":
            self.directories[b""] = entry
            return
        parent, name = self.parent(entry.path)
        with self.opened(parent) as handle:
            first = self.links.get(entry.link_group()) if entry.link_device is not None else None
            if first is not None:
                self.link(first, name, handle)
            elif entry.kind == DIRECTORY_ENTRY:
                os.mkdir(name, 0o700, dir_fd=handle)
                self.directories[entry.path] = entry
                return
            elif entry.kind == FILE:
                self.create_file(entry, name, handle)
            else:
                self.create_special(entry, name, handle)
                self.apply(entry, handle, name)
            if entry.link_device is not None:
                self.links.setdefault(entry.link_group(), entry.path)

    def link(self, first, name, handle):
        parent, _, source = first.rpartition(b"/")
        with self.opened(parent) as other:
            os.link(source, name, src_dir_fd=other, dst_dir_fd=handle, follow_symlinks=False)

    def create_file(self, entry, name, directory):
        need(not entry.marks & UNREADABLE, "it could not be read when the backup was made")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with Handle(os.open(name, flags, 0o600, dir_fd=directory)) as handle:
            os.ftruncate(handle, entry.size)
            segments = iter(entry.segments())
            position, room = next(segments, (0, 0))
            for chunk, length in self.manifest.chunks(entry):
                content = None if chunk == HOLE else memoryview(self.repository.chunk(DATA, chunk, length))
                while length:
                    if room == 0:
                        position, room = next(segments, (0, 0))
                        need(room, "there is more content than room between the holes")
                    # Unwritten ranges are holes.
                    written = min(length, room) if content is None else os.pwrite(handle, content[:room], position)
                    if content is not None:
                        content = content[written:]
                    length, position, room = length - written, position + written, room - written
            need(room == 0 and next(segments, None) is None, "there is less content than the size says")
            self.apply(entry, handle, None)

    def create_special(self, entry, name, directory):
        if entry.kind == SYMLINK:
            os.symlink(entry.target, name, dir_fd=directory)
            return
        form = {FIFO: stat.S_IFIFO, SOCKET: stat.S_IFSOCK,
                CHARACTER_DEVICE: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK}[entry.kind]
        device = os.makedev(entry.device >> 32, entry.device & 0xFFFFFFFF)
        os.mknod(name, form | 0o600, device, dir_fd=directory)

    def apply(self, entry, handle, name):
        """Sets owner, attributes, mode and times: of the open `handle`, or of `name` in that directory."""
        if self.privileged:
            if name is None:
                os.fchown(handle, entry.user, entry.group)
            else:
                os.chown(name, entry.user, entry.group, dir_fd=handle, follow_symlinks=False)
        place = handle if name is None else f"/proc/self/fd/{handle}/".encode() + name
        for attribute, value in entry.attributes.items():
            try:
                if name is None:
                    os.setxattr(place, attribute, value)
                else:
                    os.setxattr(place, attribute, value, follow_symlinks=False)
            except OSError as error:
                self.problem(entry.path, f"extended attribute {printable(attribute)}: {error.strerror}")
        mode = entry.mode
        if not self.privileged and (entry.user, entry.group) != (os.geteuid(), os.getegid()):
            mode &= 0o1777
        if name is None:
            os.fchmod(handle, mode)
        elif entry.kind != SYMLINK:
            os.chmod(name, mode, dir_fd=handle)
        nanoseconds = entry.modified[0] * 10**9 + entry.modified[1]
        if name is None:
            os.utime(handle, ns=(nanoseconds, nanoseconds))
        else:
            os.utime(name, ns=(nanoseconds, nanoseconds), dir_fd=handle, follow_symlinks=False)


class Handle:
    """A file descriptor that is closed at the end of a `with` block."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def __enter__(self):
        return self.descriptor

    def __exit__(self, *_):
        os.close(self.descriptor)


def main():
    parser = argparse.ArgumentParser(description="Reads Icecore repositories without Icecore.")
    parser.add_argument("--repository", required=True, metavar="DIR")
    credential = parser.add_mutually_exclusive_group(required=True)
    credential.add_argument("--key-file", metavar="F")
    credential.add_argument("--password-file", metavar="F")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="snapshots, or the entries of one").add_argument("snapshot", nargs="?")
    commands.add_parser("verify", help="checks every object, and every chunk of every snapshot")
    restore = commands.add_parser("restore", help="re-creates a snapshot in an empty directory")
    restore.add_argument("snapshot")
    restore.add_argument("target")
    options = parser.parse_args()
    try:
        secret = read_key_file(options.key_file) if options.key_file else None
        password = read_password_file(options.password_file) if options.password_file else None
        repository = Repository(options.repository, secret, password)
        problems = 0
        if options.command == "list":
            command_list(repository, options.snapshot)
        elif options.command == "verify":
            command_verify(repository)
        else:
            snapshot = find_snapshot(repository, options.snapshot)
            repository.load_index()
            restorer = Restorer(repository, snapshot, options.target)
            restorer.run()
            problems = len(restorer.problems)
        return 20 if repository.problems else 1 if repository.unsupported else 3 if problems else 0
    except WrongKey as error:
        print(f"error: {error}", file=sys.stderr)
        return 12
    except Damage as error:
        print(f"error: damaged: {error}", file=sys.stderr)
        return 20
    except (Failure, Unsupported, OSError, UnicodeDecodeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
