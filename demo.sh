#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole road on a fresh machine: installs what is missing, builds, makes a token in software, starts signerd, creates a key inside the
# token, asks for a JWT with curl, verifies it twice, checks the audit log and a copy that was changed.  Stays inside this checkout
# (build/demo, .demo).
#   ./demo.sh          with SoftHSM2; shows and stops what it started
#   ./demo.sh --tpm    the same with swtpm, a TPM 2.0 in software
#   ./demo.sh --keep   leaves what it started running and prints what to try next; also --tpm --keep
set -euo pipefail
cd "$(dirname "$0")"
keep=no
kind=softhsm
for argument in "$@"; do
  case "$argument" in
    --keep) keep=yes ;;
    --tpm) kind=tpm ;;
    *) echo "usage: ./demo.sh [--tpm] [--keep]" >&2; exit 2 ;;
  esac
done
. packaging/lib.sh
if [ "$kind" = tpm ]; then install_packages tpm; else install_packages runtime; fi
use_scratch build/demo/tmp

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

say "Build"
# As ./test.sh builds: rooms as one text each, which halves the time.
configure build/demo -DCMAKE_BUILD_TYPE=Release -DSIGNER_HARDEN=ON -DSIGNER_TESTS=OFF -DSIGNER_BENCH=OFF \
  -DSIGNER_PRECOMPILE=ON -DCMAKE_UNITY_BUILD=ON
build build/demo
bin=$PWD/build/demo/bin
demo=$PWD/.demo

# stop_earlier FILE PROGRAM WORD: what an earlier ./demo.sh --keep left running.  The number may be another process's by now, so it must
# be that program with that word among its arguments.
stop_earlier() {
  local earlier
  earlier=$(cat "$demo/$1" 2>/dev/null || true)
  [ -n "$earlier" ] && [ "$(readlink "/proc/$earlier/exe" 2>/dev/null)" = "$2" ] || return 0
  tr '\0' '\n' < "/proc/$earlier/cmdline" | grep -Fq -- "$3" || return 0
  echo "stopping the $(basename "$2") that an earlier ./demo.sh --keep left running"
  kill "$earlier"
  for _ in $(seq 100); do kill -0 "$earlier" 2>/dev/null || break; sleep 0.1; done
}
stop_earlier pid "$bin/signerd" "$demo/signer.toml"
stop_earlier swtpm.pid "$(readlink -f "$(command -v swtpm || echo /none)")" "$(cat "$demo/place" 2>/dev/null || echo /none)"
rm -rf "$demo"
mkdir -m 0700 "$demo"
# A Unix socket's path is short (107 bytes), and swtpm and its TCTI split theirs at '='; a checkout whose path does not do is reached
# through a link in /tmp.
place=$demo
if [ ${#demo} -gt 88 ] || [[ $demo == *=* ]]; then
  scratch=$(mktemp -d /tmp/signer-demo-XXXXXX)
  echo "the checkout's path does not do for a socket; it is reached through $scratch, which goes when signerd is stopped here"
  ln -s "$demo" "$scratch/d"
  place=$scratch/d
fi
echo "$place" > "$demo/place"
socket=$place/signer.sock

pids=()  # what was started last stands first
stop() {
  local pid
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -f "$demo/pid" "$demo/swtpm.pid"
  [ -z "${scratch:-}" ] || rm -rf "$scratch"
}
trap stop EXIT

# Each makes a token and writes its table for signerd's configuration to .demo/token.toml.
softhsm_token() {
  say "A SoftHSM2 token of its own (a stand-in: software, not hardware)"
  local module
  module=$(softhsm_module)
  export SIGNER_HSM=$bin/signer-hsm SOFTHSM2_MODULE=$module
  show softhsm-config/make-token.sh "$demo/softhsm" demo
  cat > "$demo/token.toml" <<TOML
[[token]]
name = "main"
driver = "pkcs11"
module = "$module"
uri = "pkcs11:token=demo"
pin_file = "$demo/softhsm/user.pin"
sessions = 2
environment = { SOFTHSM2_CONF = "$demo/softhsm/softhsm2.conf" }
TOML
}

tpm_token() {
  say "A TPM of its own (swtpm, a stand-in: software, not hardware; its keys are as safe as the files below .demo)"
  mkdir -m 0700 "$demo/swtpm"
  swtpm socket --tpm2 --tpmstate "dir=$place/swtpm" --server "type=unixio,path=$place/tpm" --ctrl "type=unixio,path=$place/tpm.ctrl" \
    --flags not-need-init,startup-clear > "$demo/swtpm.log" 2>&1 &
  pids=("$!" "${pids[@]}")
  echo "$!" > "$demo/swtpm.pid"
  for _ in $(seq 100); do
    [ -S "$place/tpm" ] && [ -S "$place/tpm.ctrl" ] && break
    kill -0 "$!" 2>/dev/null || { cat "$demo/swtpm.log"; exit 1; }
    sleep 0.1
  done
  show "$bin/signerctl" token init --tcti "swtpm:path=$place/tpm" --auth-file "$demo/tpm.auth" --generate-auth
  cat > "$demo/token.toml" <<TOML
[[token]]
name = "main"
driver = "tpm2"
tcti = "swtpm:path=$place/tpm"
auth_file = "$demo/tpm.auth"
TOML
}

"${kind}_token"

cat > "$demo/signer.toml" <<TOML
state_dir = "$demo/state"

[[listener]]
path = "$socket"
mode = "0600"

$(cat "$demo/token.toml")

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

[[profile.claim]]
name = "scope"
type = "scope"

[[grant]]
name = "demo-user"
match = { uid = $(id -u) }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue", "create", "status", "read-evidence"]
rate = "500/s"

[[grant]]
name = "demo-auditor"
match = { uid = $(id -u) }
keys = ["audit-checkpoint"]
verbs = ["create", "read-audit"]

[audit]
token = "main"
checkpoint_every = "1s"
TOML

say "Start signerd"
show "$bin/signerctl" config check "$demo/signer.toml"
"$bin/signerd" --config "$demo/signer.toml" 2> "$demo/log" &
pid=$!
pids=("$pid" "${pids[@]}")
echo "$pid" > "$demo/pid"
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

say "Create the key that signs the audit log, and keep its public half elsewhere"
show "$bin/signerctl" key create audit-checkpoint
curl -sS --fail --unix-socket "$socket" http://signer/v1/audit/key | tee "$demo/audit.vkey"

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

say "Protected health information is refused, whoever asks"
phi='{"claims":{"sub":"123-45-6789"}}'
echo "\$ curl --unix-socket $socket http://signer/v1/keys/issuer/tokens -d '$phi'"
curl -sS --unix-socket "$socket" http://signer/v1/keys/issuer/tokens -H 'Content-Type: application/json' -d "$phi" | tee "$demo/phi.json"
grep -q phi.ssn "$demo/phi.json"
if grep -q 45-6789 "$demo/log" "$demo"/state/audit/*.jsonl "$demo/phi.json"; then
  echo "a refused value was written down" >&2
  exit 1
fi

say "Which rule decides, offline"
echo '{"sub":"client-1","scope":"patient/Observation.rs"}' |
  show "$bin/signerctl" policy explain --config "$demo/signer.toml" --user "$(id -u)" --key issuer

say "Evidence of where the key is: the auditor's nonce, the operator's file, the auditor's verdict"
nonce=$("$bin/signerctl" evidence nonce)
show "$bin/signerctl" evidence collect --key issuer --nonce "$nonce" --out "$demo/issuer.evidence"
show "$bin/signerctl" evidence verify "$demo/issuer.evidence" --nonce "$nonce" --jwks "$demo/jwks.json" --expect-grade software
if "$bin/signerctl" evidence verify "$demo/issuer.evidence" --nonce "$nonce" --expect-grade probed > "$demo/verdict"; then
  echo "software was taken for hardware" >&2
  exit 1
fi

say "What the audit log holds"
tail -n +1 "$demo"/state/audit/*.jsonl | tr -d '\0'

say "A checkpoint of it, signed by the token within a second"
# Nothing but the last checkpoint's own record is left uncovered then.
for _ in $(seq 100); do
  curl -sS --fail --unix-socket "$socket" http://signer/metrics > "$demo/metrics"
  grep -qx 'signer_audit_uncovered_records 1' "$demo/metrics" && break
  sleep 0.1
done
curl -sS --fail --unix-socket "$socket" http://signer/v1/audit/checkpoint | tee "$demo/kept.note"

say "Is the log what that checkpoint says?  Offline, with the key that was kept"
show "$bin/signerctl" audit verify "$demo/state/audit" --key "$demo/audit.vkey" --checkpoint "$demo/kept.note"

say "A copy in which one byte of the token's record was changed is found out"
index=$(sed -n 's/.*"audit":{"index":\([0-9]*\)}.*/\1/p' "$demo/reply.json")
cp -r "$demo/state/audit" "$demo/copy"
sed -i '/"event":"issue"/s/"exp":1/"exp":2/' "$demo"/copy/*.jsonl
if show "$bin/signerctl" audit verify "$demo/copy" --key "$demo/audit.vkey" | tee "$demo/changed.txt"; then
  echo "a changed log was accepted" >&2
  exit 1
fi
grep -q "record $index," "$demo/changed.txt"

if [ "$keep" = yes ]; then
  trap - EXIT
  started=signerd
  [ "$kind" = softhsm ] || started="signerd and the TPM in software"
  say "signerd runs on (pid $pid, log $demo/log).  Try:"
  cat <<TEXT
export SIGNER_SOCKET='$socket'
'$bin/signerctl' status
echo '{"sub":"client-2"}' | '$bin/signerctl' sign issuer
'$bin/signerctl' jwks
'$bin/signerctl' token list --config '$demo/signer.toml'
curl --unix-socket '$socket' http://signer/metrics
'$bin/signerctl' audit report '$demo/state/audit'
kill ${pids[*]}      # stops $started
TEXT
else
  say "Done; what was started here is stopped."
fi
