# SPDX-License-Identifier: Apache-2.0
#
# A second JWT implementation as judge: pyjwt_verify.py TOKEN_FILE JWKS_FILE ISSUER AUDIENCE prints the claims or fails.
import json
import sys

import jwt

token = open(sys.argv[1], encoding="ascii").read().strip()
kid = jwt.get_unverified_header(token)["kid"]
keys = json.load(open(sys.argv[2], encoding="utf-8"))["keys"]
key = next(k for k in keys if k["kid"] == kid)
public = jwt.algorithms.RSAAlgorithm.from_jwk(json.dumps(key))
claims = jwt.decode(token, public, algorithms=["RS256"], issuer=sys.argv[3], audience=sys.argv[4],
                    options={"require": ["exp", "iat", "iss", "aud"]})
print(json.dumps(claims))
