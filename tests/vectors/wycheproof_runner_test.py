#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""wycheproof_runner_test.py PROGRAM: the runner on files of Wycheproof's form that are made here.

Without it a runner that judges nothing would look like a library without faults.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

program = sys.argv[1]
rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
rsa_numbers = rsa_key.public_key().public_numbers()
ec_key = ec.generate_private_key(ec.SECP256R1())
ec_numbers = ec_key.public_key().public_numbers()
ed_key = ed25519.Ed25519PrivateKey.generate()


def text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def pkcs1(message):
    return rsa_key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def pss(message):
    return rsa_key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def p1363(message):
    r, s = utils.decode_dss_signature(ec_key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def case(number, message, signature, result):
    return {"tcId": number, "comment": "made", "flags": [], "msg": message.hex(), "sig": signature.hex(), "result": result}


def signature_file(public_key, sign):
    good, bad = sign(b"message"), bytearray(sign(b"message"))
    bad[10] ^= 1
    tests = [case(1, b"message", good, "valid"), case(2, b"message", bytes(bad), "invalid"), case(3, b"other", good, "acceptable")]
    return {"testGroups": [{"publicKey": public_key, "tests": tests}]}


def token(header):
    signing_input = text(json.dumps(header).encode()) + "." + text(b"foo")
    return signing_input + "." + text(pkcs1(signing_input.encode()))


NAMES = [f"rsa_signature_{bits}_sha{hash_}_test.json" for bits in (2048, 3072, 4096) for hash_ in (256, 384, 512)] + [
    "rsa_signature_8192_sha256_test.json"] + [f"rsa_pss_{bits}_sha256_mgf1_32_test.json" for bits in (2048, 3072, 4096)] + [
    f"rsa_pss_{bits}_sha384_mgf1_48_test.json" for bits in (2048, 4096)] + [
    "rsa_pss_4096_sha512_mgf1_64_test.json", "ecdsa_secp384r1_sha384_p1363_test.json"]


def files():
    return {**{name: {"testGroups": []} for name in NAMES}, **judged()}


def judged():
    # As in the real files: hexadecimal with a zero in front of numbers whose first bit is set.
    number = lambda value, size: "00" + value.to_bytes(size, "big").hex()
    rsa_public = {"modulus": number(rsa_numbers.n, 256), "publicExponent": "010001"}
    jwk = {"kty": "RSA", "alg": "RS256", "kid": "k", "n": text(rsa_numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    tokens = [
        {"tcId": 1, "comment": "with kid", "jws": token({"alg": "RS256", "kid": "k"}), "result": "valid"},
        {"tcId": 2, "comment": "without", "jws": token({"alg": "RS256"}), "result": "valid"},
        {"tcId": 3, "comment": "another", "jws": token({"alg": "RS256", "kid": "x"}), "result": "invalid"},
        {"tcId": 4, "comment": "cut", "jws": token({"alg": "RS256", "kid": "k"})[:-3], "result": "invalid"},
    ]
    return {
        "rsa_signature_2048_sha256_test.json": signature_file(rsa_public, pkcs1),
        "rsa_pss_2048_sha256_mgf1_32_test.json": signature_file(rsa_public, pss),
        "ecdsa_secp256r1_sha256_p1363_test.json": signature_file(
            {"wx": number(ec_numbers.x, 32), "wy": number(ec_numbers.y, 32)}, p1363),
        "ed25519_test.json": signature_file({"pk": ed_key.public_key().public_bytes_raw().hex()}
                                            if hasattr(ed_key.public_key(), "public_bytes_raw") else {"pk": raw_ed()}, ed_key.sign),
        "json_web_signature_test.json": {"testGroups": [{"public": jwk, "tests": tokens},
                                                        {"private": {"kty": "oct"}, "tests": tokens}]},
        "json_web_key_test.json": {"testGroups": [{"public": {"keys": [jwk, jwk]}, "tests": [dict(tokens[0], result="invalid")]}]},
    }


def raw_ed():
    from cryptography.hazmat.primitives import serialization
    return ed_key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()


def older():
    """The same before version 1: other names for the key's members."""
    number = lambda value, size: "00" + value.to_bytes(size, "big").hex()
    content = {}
    for name, key in {"rsa_signature_2048_sha256_test.json": {"n": number(rsa_numbers.n, 256), "e": "010001"},
                      "ecdsa_secp256r1_sha256_p1363_test.json": {"key": {"wx": number(ec_numbers.x, 32), "wy": number(ec_numbers.y, 32)}},
                      "eddsa_test.json": {"key": {"pk": raw_ed()}}}.items():
        group = judged()[name if name != "eddsa_test.json" else "ed25519_test.json"]["testGroups"][0]
        content[name] = {"testGroups": [dict(key, tests=group["tests"])]}
    return content


def run(content, *options):
    with tempfile.TemporaryDirectory() as directory:
        for name, value in content.items():
            with open(os.path.join(directory, name), "w") as file:
                file.write(value if isinstance(value, str) else json.dumps(value))
        return subprocess.run([program, *options, directory], capture_output=True, text=True)


def expect(condition, ran):
    if not condition:
        sys.exit(f"status {ran.returncode}\n{ran.stdout}{ran.stderr}")


ran = run(files())
expect(ran.returncode == 0 and "0 mismatches" in ran.stdout.splitlines()[-1], ran)
lines = {line.split()[0]: " ".join(line.split()[1:]) for line in ran.stdout.splitlines()}
for name in judged():
    if not name.startswith("json"):
        expect(lines[name] == "valid accepted 1 invalid refused 2 not ours 0 exceptions 0 mismatches 0", ran)
expect(lines["json_web_signature_test.json"] == "valid accepted 2 invalid refused 2 not ours 4 exceptions 0 mismatches 0", ran)
expect(lines["json_web_key_test.json"] == "valid accepted 0 invalid refused 1 not ours 0 exceptions 0 mismatches 0", ran)

# Every label turned round is a mismatch, whichever file it is in.
for name, content in judged().items():
    wrong = json.loads(json.dumps(content))
    case_ = wrong["testGroups"][0]["tests"][0]
    case_["result"] = "invalid" if case_["result"] == "valid" else "valid"
    ran = run(dict(files(), **{name: wrong}))
    expect(ran.returncode == 1 and "MISMATCH " + name in ran.stdout and ran.stdout.endswith(" 1 mismatches\n"), ran)

for broken in ("", "[]", "{}"):
    ran = run(dict(files(), **{"ed25519_test.json": broken}))
    expect(ran.returncode == 1, ran)

# A file that is not there, or a directory without any, is no success.
expect(run({name: value for name, value in files().items() if name != "ed25519_test.json"}).returncode == 1, ran)
expect(run({}).returncode == 1, ran)

# Unless one is asked to take what there is: but nothing is still no success, and neither is a mismatch.
ran = run(older(), "--present")
expect(ran.returncode == 0 and ran.stdout.splitlines()[-1].startswith("3 files judged"), ran)
lines = {line.split()[0]: " ".join(line.split()[1:]) for line in ran.stdout.splitlines()}
for name in older():
    expect(lines[name] == "valid accepted 1 invalid refused 2 not ours 0 exceptions 0 mismatches 0", ran)
expect(run(older()).returncode == 1, ran)
expect(run({}, "--present").returncode == 1, ran)
wrong = older()
wrong["eddsa_test.json"]["testGroups"][0]["tests"][0]["result"] = "invalid"
expect(run(wrong, "--present").returncode == 1, ran)
ran = subprocess.run([program], capture_output=True, text=True)
expect(ran.returncode == 77 and "skipped" in ran.stdout, ran)
