# SPDX-License-Identifier: Apache-2.0
"""verify.py JWKS-FILE ISSUER AUDIENCE TYPE < token: prints the claims of a good token, refuses any other.

Binds the C interface (signer/verify.h) with ctypes; SIGNER_VERIFY_LIBRARY names the library if it is not installed.
"""
import ctypes
import os
import sys
import time

library = ctypes.CDLL(os.environ.get("SIGNER_VERIFY_LIBRARY", "libsigner_verify.so.0"))
HANDLE, TEXT, SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t


def bind(name, result, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


key_set_from_jwks = bind("signer_key_set_from_jwks", HANDLE, TEXT, SIZE, TEXT, SIZE)
profile_new = bind("signer_profile_new", HANDLE, TEXT, TEXT, TEXT, TEXT, TEXT, SIZE)
verifier_new = bind("signer_verifier_new", HANDLE, HANDLE, TEXT, SIZE)
verify = bind("signer_verify", ctypes.c_int, HANDLE, HANDLE, TEXT, SIZE, ctypes.c_int64, ctypes.POINTER(HANDLE))
status_name = bind("signer_verify_status_name", TEXT, ctypes.c_int)
claims_json = bind("signer_claims_json", ctypes.POINTER(ctypes.c_char), HANDLE, ctypes.POINTER(SIZE))
claims_free = bind("signer_claims_free", None, HANDLE)


def made(function, *arguments):
    why = ctypes.create_string_buffer(256)
    return function(*arguments, why, len(why)) or sys.exit(why.value.decode())


jwks_file, issuer, audience, kind = sys.argv[1:]
with open(jwks_file, "rb") as file:
    jwks = file.read()
keys = made(key_set_from_jwks, jwks, len(jwks))
verifier = made(verifier_new, made(profile_new, b"RS256", issuer.encode(), audience.encode(), kind.encode()))

token = sys.stdin.buffer.read().strip()
claims = HANDLE()
status = verify(verifier, keys, token, len(token), int(time.time()), ctypes.byref(claims))
if status != 0:
    sys.exit("refused: " + status_name(status).decode())
size = SIZE()
start = claims_json(claims, ctypes.byref(size))
print(start[: size.value].decode())
claims_free(claims)
