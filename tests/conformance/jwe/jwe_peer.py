#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# jwcrypto as the other side.  Each line of standard input is one text, each line of standard output its answer, or "refused".
#   jwe_peer.py encrypt PUBLIC_JWK CONTENT_TYPE [ALG]     jwe_peer.py decrypt PRIVATE_JWK
#   jwe_peer.py sign PRIVATE_JWK                          jwe_peer.py verify PUBLIC_JWK
import json
import sys

from jwcrypto import jwe, jwk, jws

verb, key_file, *more = sys.argv[1:]
key = jwk.JWK.from_json(open(key_file, encoding="utf-8").read())


def answer(text):
    if verb == "encrypt":
        header = {"alg": more[1] if len(more) > 1 else "RSA-OAEP-256", "enc": "A256GCM", "cty": more[0]}
        return jwe.JWE(text.encode(), protected=json.dumps(header), recipient=key).serialize(compact=True)
    if verb == "decrypt":
        token = jwe.JWE(algs=["RSA-OAEP-256", "A256GCM"])
        token.deserialize(text, key)
        return token.payload.decode()
    if verb == "sign":
        token = jws.JWS(text.encode())
        token.add_signature(key, protected=json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": key.get("kid")}))
        return token.serialize(compact=True)
    token = jws.JWS()
    token.allowed_algs = ["RS256"]
    token.deserialize(text, key)
    return token.payload.decode()


for line in sys.stdin:
    try:
        print(answer(line.rstrip("\n")))
    except (jwe.InvalidJWEData, jws.InvalidJWSSignature, jws.InvalidJWSObject):
        print("refused")
