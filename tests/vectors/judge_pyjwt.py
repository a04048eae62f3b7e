#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# judge_pyjwt.py MAKE_LAXITY_TOKENS: PyJWT takes every token that must pass, or the rows are wrong.  Prints which of the
# others it takes as well.  Exit 77: no PyJWT.
import json
import subprocess
import sys

try:
    import jwt
except ImportError:
    print("skipped: no PyJWT")
    sys.exit(77)

# PyJWT knows EdDSA, the name that RFC 9864 replaces, and not Ed25519.
UNKNOWN_THERE = {"Ed25519Good"}

case = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout)
keys = {key["kid"]: key for key in case["jwks"]["keys"]}


def takes(token):
    try:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        algorithm = "EdDSA" if key["alg"] == "Ed25519" else key["alg"]
        jwt.decode(token, jwt.PyJWK(key, algorithm=algorithm).key, algorithms=[algorithm], issuer=case["issuer"],
                   audience=case["audience"], leeway=case["leeway"],
                   options={"require": ["exp", "iat", "iss", "aud"]})
        return True
    except Exception:  # whatever it is: the token was not taken
        return False


wrong = [row["name"] for row in case["rows"]
         if row["expected"] == "ok" and row["name"] not in UNKNOWN_THERE and not takes(row["token"])]
refusals = [row for row in case["rows"] if row["expected"] != "ok"]
lax = [row for row in refusals if takes(row["token"])]
for kind, is_policy in (("that break an RFC", False), ("that break a policy of signer alone", True)):
    count = [sum(row["policy"] == is_policy for row in rows) for rows in (lax, refusals)]
    print(f"PyJWT {jwt.__version__}: takes {count[0]} of {count[1]} tokens {kind}")
for rule in sorted({row["rule"] for row in lax}):
    print(f"  {rule}: " + " ".join(sorted({row["name"] for row in lax if row["rule"] == rule})))
if wrong:
    print("refused though it must pass: " + " ".join(wrong))
sys.exit(1 if wrong else 0)
