#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole road on a fresh machine: installs what is missing, builds, makes a SoftHSM2 token, starts signerd, creates a key inside the
# token, asks for a JWT with curl, verifies it twice.  Stays inside this checkout (build/demo, .demo).
#   ./demo.sh          shows and stops what it started
#   ./demo.sh --keep   leaves signerd running and prints what to try next
set -euo pipefail
cd "$(dirname "$0")"
keep=no
case "${1:-}" in
  "") ;;
  --keep) keep=yes ;;
  *) echo "usage: ./demo.sh [--keep]" >&2; exit 2 ;;
esac
. packaging/lib.sh
install_packages runtime
use_scratch build/demo/tmp

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

say "Build"
configure build/demo -DCMAKE_BUILD_TYPE=Release -DSIGNER_HARDEN=ON -DSIGNER_TESTS=OFF -DSIGNER_BENCH=OFF
build build/demo
bin=$PWD/build/demo/bin
demo=$PWD/.demo
earlier=$(cat "$demo/pid" 2>/dev/null || true)
# The number may be another program's by now.
if [ -n "$earlier" ] && [ "$(readlink "/proc/$earlier/exe" 2>/dev/null)" = "$bin/signerd" ]; then
  echo "stopping the signerd that an earlier ./demo.sh --keep left running"
  kill "$earlier"
  for _ in $(seq 100); do kill -0 "$earlier" 2>/dev/null || break; sleep 0.1; done
fi
rm -rf "$demo"
mkdir -m 0700 "$demo"
# A Unix socket's path is short (107 bytes); a checkout too deep for it is reached through a link in /tmp.
socket=$demo/signer.sock
if [ ${#socket} -gt 100 ]; then
  scratch=$(mktemp -d /tmp/signer-demo-XXXXXX)
  echo "the checkout's path is too long for a socket; it is reached through $scratch, which goes when signerd is stopped here"
  ln -s "$demo" "$scratch/d"
  socket=$scratch/d/signer.sock
fi

say "A SoftHSM2 token of its own (a stand-in: software, not hardware)"
module=$(softhsm_module)
export SIGNER_HSM=$bin/signer-hsm SOFTHSM2_MODULE=$module
show softhsm-config/make-token.sh "$demo/softhsm" demo

cat > "$demo/signer.toml" <<TOML
state_dir = "$demo/state"

[[listener]]
path = "$socket"
mode = "0600"

[[token]]
name = "main"
driver = "pkcs11"
module = "$module"
uri = "pkcs11:token=demo"
pin_file = "$demo/softhsm/user.pin"
sessions = 2
environment = { SOFTHSM2_CONF = "$demo/softhsm/softhsm2.conf" }

[[key]]
name = "issuer"
tokens = ["main"]
alg = "RS256"
bits = 2048

[[profile]]
name = "access"
typ = "at+jwt"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "15m"

[[grant]]
name = "demo-user"
match = { uid = $(id -u) }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue", "create", "status"]
rate = "500/s"
TOML

say "Start signerd"
show "$bin/signerctl" config check "$demo/signer.toml"
"$bin/signerd" --config "$demo/signer.toml" 2> "$demo/log" &
pid=$!
echo "$pid" > "$demo/pid"
stop() {
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm -f "$demo/pid"
  [ -z "${scratch:-}" ] || rm -rf "$scratch"
}
trap stop EXIT
for _ in $(seq 100); do
  [ -S "$socket" ] && break
  kill -0 "$pid" 2>/dev/null || { cat "$demo/log"; exit 1; }
  sleep 0.1
done
export SIGNER_SOCKET=$socket

say "Create a key inside the token"
for _ in $(seq 50); do
  "$bin/signerctl" key create issuer > "$demo/key" 2> "$demo/key.err" && break
  sleep 0.2
done
cat "$demo/key" "$demo/key.err"
[ -s "$demo/key" ]

say "Ask for a token with plain curl"
claims='{"claims":{"sub":"client-1","scope":"patient/Observation.rs"}}'
echo "\$ curl --unix-socket $socket http://signer/v1/keys/issuer/tokens -d '$claims'"
curl -sS --fail --unix-socket "$socket" http://signer/v1/keys/issuer/tokens \
  -H 'Content-Type: application/json' -d "$claims" > "$demo/reply.json"
cat "$demo/reply.json"
sed -n 's/.*"token":"\([^"]*\)".*/\1/p' "$demo/reply.json" > "$demo/token.jwt"

say "The public keys (JWKS)"
show curl -sS --fail --unix-socket "$socket" http://signer/v1/jwks
curl -sS --fail --unix-socket "$socket" http://signer/v1/jwks > "$demo/jwks.json"

say "Verify with signerctl (the verification library)"
show "$bin/signerctl" verify --jwks "$demo/jwks.json" --issuer https://idp.example --audience https://api.example \
  --typ at+jwt < "$demo/token.jwt"

say "Verify with a second implementation (openssl dgst)"
packaging/openssl-verify.sh "$demo/token.jwt" "$demo/jwks.json" "$demo"

say "A token changed in one character is refused"
# A character within the signature, as a forger would change it.
head_and_payload=$(cut -d. -f1,2 "$demo/token.jwt")
signature=$(cut -d. -f3 "$demo/token.jwt")
replacement=A
[ "${signature:9:1}" != A ] || replacement=B
printf '%s.%s\n' "$head_and_payload" "${signature:0:9}$replacement${signature:10}" > "$demo/changed.jwt"
if "$bin/signerctl" verify --jwks "$demo/jwks.json" --issuer https://idp.example --audience https://api.example \
  --typ at+jwt < "$demo/changed.jwt"; then
  echo "a changed token was accepted" >&2
  exit 1
fi

say "A request that breaks the profile is refused"
refused='{"claims":{"sub":"client-1","exp":4102444800}}'
echo "\$ curl --unix-socket $socket http://signer/v1/keys/issuer/tokens -d '$refused'"
curl -sS --unix-socket "$socket" http://signer/v1/keys/issuer/tokens -H 'Content-Type: application/json' -d "$refused" | tee "$demo/refused.json"
grep -q claim_policy "$demo/refused.json"

say "What the audit log holds"
tail -n +1 "$demo"/state/audit/*.jsonl | tr -d '\0'

if [ "$keep" = yes ]; then
  trap - EXIT
  say "signerd runs on (pid $pid, log $demo/log).  Try:"
  cat <<TEXT
export SIGNER_SOCKET='$socket'
'$bin/signerctl' status
echo '{"sub":"client-2"}' | '$bin/signerctl' sign issuer
'$bin/signerctl' jwks
curl --unix-socket '$socket' http://signer/metrics
kill $pid      # stops it
TEXT
else
  say "Done; signerd is stopped."
fi
