#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second implementation of docs/audit-format.md, to judge the first.

It shares no code with the product and takes no shortcut of it: trees are computed by the recursion of RFC 6962
section 2.1, paths by that of section 2.1.1 read backwards.

  audit_second_opinion.py log VKEY DIRECTORY...   one line of JSON for each: {"ok", "size", "root", "covered"}
  audit_second_opinion.py note VKEY FILE          the checkpoint's {"origin", "size", "root"}, or exit status 1
  audit_second_opinion.py proof VKEY FILE [LINE]  {"index", "size"}, or exit status 1; LINE: a file instead of `extra`
"""
import base64
import gzip
import hashlib
import json
import os
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Bad(Exception):
    pass


def need(holds, why):
    if not holds:
        raise Bad(why)


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_of(line):
    return sha256(b"\0" + line)


def split_of(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root_of(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split_of(len(leaves))
    return sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:]))


def root_by_path(index, size, leaf, path):
    """The root that an inclusion proof leads to: its last hash is the sibling below the root."""
    if size == 1:
        need(not path, "the path is too long")
        return leaf
    need(path, "the path is too short")
    k = split_of(size)
    if index < k:
        return sha256(b"\1" + root_by_path(index, k, leaf, path[:-1]) + path[-1])
    return sha256(b"\1" + path[-1] + root_by_path(index - k, size - k, leaf, path[:-1]))


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 is not in its one form")
    return data


class Key:
    def __init__(self, vkey):
        self.name, key_id, key = vkey.split("+", 2)
        key = unbase64(key)
        need(key[0] == 2, "not an ECDSA key")
        self.id = sha256(key[1:])[:4]
        need(self.id.hex() == key_id, "the key's id is not its own")
        self.key = serialization.load_der_public_key(key[1:])
        need(isinstance(self.key.curve, ec.SECP256R1), "not P-256")

    def open(self, note):
        """The (origin, size, root) of a note that this key signed."""
        text, lines = note.split("\n\n")
        text += "\n"
        need(lines.endswith("\n"), "no newline at the end")
        signed = False
        for line in lines[:-1].split("\n"):
            dash, name, signature = line.split(" ")
            need(dash == "\u2014", "no signature line")
            signature = unbase64(signature)
            if name != self.name or signature[:4] != self.id:
                continue
            try:
                self.key.verify(signature[4:], text.encode(), ec.ECDSA(hashes.SHA256()))
            except InvalidSignature:
                raise Bad("bad signature") from None
            signed = True
        need(signed, "not signed by this key")
        origin, size, root, *rest = text[:-1].split("\n")
        need(not rest and origin == self.name and str(int(size)) == size, "no checkpoint of this log")
        root = unbase64(root)
        need(len(root) == 32, "no root")
        return origin, int(size), root


def lines_of(directory):
    """The (first index, lines) of the segments."""
    segments = {}
    for name in sorted(os.listdir(directory)):
        match = re.fullmatch(r"([0-9]{20})\.jsonl(\.gz)?", name)
        if match and int(match[1]) not in segments:
            with (gzip.open if match[2] else open)(os.path.join(directory, name), "rb") as file:
                segments[int(match[1])] = file.read()
    for place, first in enumerate(sorted(segments)):
        data, zero, behind = segments[first].partition(b"\0")
        lines = data.split(b"\n")
        if place + 1 < len(segments):
            need(lines[-1] == b"" and not behind.strip(b"\0"), "a torn line in the middle")
        yield first, lines[:-1]


def pairs_once(pairs):
    need(len({name for name, _ in pairs}) == len(pairs), "a name comes twice")
    return dict(pairs)


def check_log(directory, key):
    leaves, notes, previous = [], [], None
    for first, lines in lines_of(directory):
        need(first == len(leaves), "segments do not follow each other")
        for number, line in enumerate(lines):
            need(len(line) <= 65535, "too long")
            record = json.loads(line.decode(), object_pairs_hook=pairs_once)
            again = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            need(again.encode() == line, "not in the one form")
            need(record["v"] == 2 and record["index"] == len(leaves) and record["time"], "no record of this place")
            need(record.get("prev") == previous, "prev is of another line")
            need((record["event"] == "segment") == (number == 0), "a segment record in a wrong place")
            if number == 0:
                need(record["origin"] == key.name, "another origin")
                need([unbase64(one) for one in record.get("tree", [])] == complete_trees(leaves), "another tree")
            if record["event"] == "checkpoint":
                _, size, root = key.open(record["note"])
                need(size == record["size"] and size <= len(leaves), "a checkpoint in a wrong place")
                notes.append((size, root))
            leaves.append(leaf_of(line))
            previous = base64.b64encode(leaves[-1]).decode()
    path = os.path.join(directory, "checkpoint")
    if os.path.exists(path):
        with open(path, "rb") as file:
            notes.append(key.open(file.read().decode())[1:])
    need(notes, "no checkpoint")
    for size, root in notes:
        need(size <= len(leaves) and root_of(leaves[:size]) == root, "a checkpoint has another root")
    return {"ok": True, "size": len(leaves), "root": base64.b64encode(root_of(leaves)).decode(),
            "covered": max(size for size, _ in notes)}


def complete_trees(leaves):
    """The roots of the complete subtrees that so many leaves consist of, the largest first."""
    trees, at = [], 0
    for bit in reversed(range(len(leaves).bit_length())):
        if len(leaves) & 1 << bit:
            trees.append(root_of(leaves[at:at + (1 << bit)]))
            at += 1 << bit
    return trees


def check_proof(text, key, line):
    proof, note = text.split("\n\n", 1)
    head, *rest = proof.split("\n")
    need(head == "c2sp.org/tlog-proof@v1", "no proof")
    extra = b""
    if rest[0].startswith("extra "):
        extra = unbase64(rest.pop(0)[6:])
    need(rest[0].startswith("index "), "no index")
    index = int(rest.pop(0)[6:])
    _, size, root = key.open(note)
    need(index < size, "the checkpoint does not cover it")
    leaf = leaf_of(extra if line is None else line)
    need(root_by_path(index, size, leaf, [unbase64(one) for one in rest]) == root, "another root")
    return {"index": index, "size": size}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(kind, vkey, *paths):
    key = Key(vkey)
    if kind == "log":
        for directory in paths:
            try:
                print(json.dumps(check_log(directory, key)))
            except (Bad, ValueError, KeyError, TypeError, EOFError, OSError) as error:
                print(json.dumps({"ok": False, "why": str(error)}))
    elif kind == "note":
        origin, size, root = key.open(read(paths[0]).decode())
        print(json.dumps({"origin": origin, "size": size, "root": base64.b64encode(root).decode()}))
    else:
        line = read(paths[1]).removesuffix(b"\n") if len(paths) > 1 else None
        print(json.dumps(check_proof(read(paths[0]).decode(), key, line)))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (Bad, ValueError) as error:
        sys.exit(f"refused: {error}")
