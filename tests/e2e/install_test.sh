#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The verification library as a stranger gets it: installed, found by CMake and pkg-config, linked from C++ and C, bound
# from Python; each accepts a token that PyJWT signed and refuses the same token with one spare bit of its last character set.
#   install_test.sh SOURCE-DIRECTORY BUILD-DIRECTORY
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/usr" --component development > "$work/install.log"

/usr/bin/python3 - "$work" <<'PYTHON'
import base64, json, sys, time
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import serialization

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
encode = lambda number: base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")
numbers = key.public_key().public_numbers()
jwk = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": encode(numbers.n), "e": encode(numbers.e)}
now = int(time.time())
claims = {"iss": "https://issuer.example", "aud": "api", "sub": "s", "iat": now, "exp": now + 300}
token = jwt.encode(claims, key, "RS256", headers={"kid": "k", "typ": "at+jwt"})
alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
spare = token[:-1] + alphabet[alphabet.index(token[-1]) | 1]
assert jwt.decode(spare, key.public_key(), ["RS256"], audience="api"), "PyJWT takes the other spelling for the same token"
for name, text in {"jwks.json": json.dumps({"keys": [jwk]}), "good": token, "bad": spare}.items():
    with open(sys.argv[1] + "/" + name, "w") as file:
        file.write(text + "\n")
PYTHON

# judge NAME COMMAND...: the good token passes, the other is malformed.
judge() {
  local name=$1
  shift
  "$@" "$work/jwks.json" https://issuer.example api at+jwt < "$work/good" | grep -q '"sub":"s"' || {
    echo "$name refuses the good token"; exit 1; }
  if "$@" "$work/jwks.json" https://issuer.example api at+jwt < "$work/bad" > /dev/null 2> "$work/why"; then
    echo "$name accepts the bad token"; exit 1
  fi
  grep -qx 'refused: malformed' "$work/why" || { echo "$name: $(cat "$work/why")"; exit 1; }
  echo "$name: ok"
}

cmake -S "$source/docs/examples/verify" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/usr" > "$work/cmake.log" 2>&1 || {
  cat "$work/cmake.log"; exit 1; }
cmake --build "$work/build" > "$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
judge "C++ through CMake" "$work/build/verify-example"

library=$(dirname "$(find "$work/usr" -name libsigner_verify.so)")
export PKG_CONFIG_PATH="$library/pkgconfig"
# pkg-config cannot take a prefix with a space in it, which the path of the checkout may have: a relative one has none.
cd "$work"
read -ra flags <<< "$(pkg-config --define-variable=prefix=usr --cflags --libs signer-verify)"
cc -Wall -Wextra -Werror -pedantic -std=c11 "$source/docs/examples/verify/verify.c" -o "$work/verify-c" "${flags[@]}" -Wl,-rpath,"$library"
read -ra flags <<< "$(pkg-config --define-variable=prefix=usr --cflags signer-verify) -L${library#"$work/"} -l:libsigner_verify.a -lcrypto"
c++ -Wall -Wextra -std=c++20 "$source/docs/examples/verify/verify.cc" -o "$work/verify-cc" "${flags[@]}"
judge "C++ through the archive" "$work/verify-cc"
judge "C through pkg-config" "$work/verify-c"

SIGNER_VERIFY_LIBRARY=$library/libsigner_verify.so.0 judge "Python through ctypes" /usr/bin/python3 "$source/docs/examples/verify/verify.py"

# The shared library exports the C interface and nothing else.
# No header can make it open a connection or start a program: it cannot.
reaching=$(nm -u "$library/libsigner_verify.a" | awk '{print $2}' |
  grep -xE 'socket|connect|sendto|getaddrinfo|gethostbyname|system|popen|fork|vfork|exec.*|posix_spawn.*|dlopen|BIO_(new_connect|new_accept|socket)' || true)
[ -z "$reaching" ] || { echo "the library can reach out: $reaching"; exit 1; }

exported=$(nm -D --defined-only "$library/libsigner_verify.so" | awk '{print $3}' | grep -v '^signer_' || true)
[ -z "$exported" ] || { echo "also exported: $exported"; exit 1; }
