#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: webauthn_tpm.sh BUILD_DIR.  Has a published implementation of WebAuthn (@simplewebauthn/server, from npm) verify the TPM members of
# an evidence bundle as an attestation of format "tpm".  Run by hand: it needs node and npm, which the tests do not.
#
# A simulated TPM, signerd with a key in it, an attestation key that a certification authority made here has certified, and as the
# nonce what WebAuthn wants signed: the hash of authenticator data that holds the key, and of client data.
set -euo pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d /tmp/signer-webauthn-XXXXXX)
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf "$work"' EXIT
export PATH="$build/bin:$PATH"
cd "$work"
mkdir tpm state
swtpm socket --tpm2 --tpmstate dir=tpm --server type=unixio,path=t --ctrl type=unixio,path=t.ctrl \
  --flags not-need-init,startup-clear --seccomp action=none 2> swtpm.log &
for _ in $(seq 100); do [ -S t ] && break; sleep 0.05; done
cat > signer.toml << TOML
state_dir = "$work/state"
[[listener]]
path = "$work/s.sock"
mode = "0600"
[[token]]
name = "tpm0"
driver = "tpm2"
tcti = "swtpm:path=$work/t"
[[key]]
name = "issuer"
tokens = ["tpm0"]
[[profile]]
name = "access"
issuer = "https://idp.example"
audiences = ["https://api.example"]
max_ttl = "15m"
[[grant]]
name = "all"
match = { uid = $(id -u) }
keys = ["issuer"]
profiles = ["access"]
verbs = ["issue", "create", "status", "read-evidence"]
TOML
signerctl token init --config signer.toml tpm0 --generate-auth > init.log

# The attestation key and its certificate, as an organisation's CA would make it.
signerctl evidence enroll-ak show --tcti "swtpm:path=$work/t" --key-directory "$work/state/tpm/tpm0" --out card > /dev/null
node "$here/webauthn_tpm.mjs" ak card ak.der
openssl pkey -pubin -inform DER -in ak.der -out ak.pem
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj "/CN=Attestation CA" -days 2 -out ca.pem 2> /dev/null
cat > ak.cnf << EXT
openssl_conf = init
[init]
oid_section = names
[names]
tpmManufacturer = 2.23.133.2.1
tpmModel = 2.23.133.2.2
tpmVersion = 2.23.133.2.3
[ak]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = 2.23.133.8.3
subjectAltName = critical, dirName:chip
[chip]
tpmManufacturer = id:FFFFF1D0
tpmModel = swtpm
tpmVersion = id:20191023
EXT
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out any.key
openssl req -new -key any.key -subj "/" -out any.csr 2> /dev/null
OPENSSL_CONF=ak.cnf openssl x509 -req -in any.csr -force_pubkey ak.pem -CA ca.pem -CAkey ca.key -days 1 -extfile ak.cnf -extensions ak -out ak.crt 2> x509.log || { cat x509.log; exit 1; }
cp ak.crt state/tpm/tpm0/attestation-key-certificates.pem
chmod 600 state/tpm/tpm0/attestation-key-certificates.pem

signerd --config signer.toml 2> signerd.log &
for _ in $(seq 200); do [ -S s.sock ] && break; sleep 0.05; done
until signerctl --socket s.sock key create issuer > create.log 2>&1; do grep -q exists create.log && break; sleep 0.1; done
signerctl --socket s.sock jwks issuer > jwks.json
nonce=$(node "$here/webauthn_tpm.mjs" nonce jwks.json attested.json)
signerctl --socket s.sock evidence collect --key issuer --nonce "$nonce" --out bundle > /dev/null

npm init -y > /dev/null
npm install --no-audit --no-fund @simplewebauthn/server@10 > npm.log 2>&1 || { tail -n 5 npm.log; exit 1; }
cp "$here/webauthn_tpm.mjs" .
parser=node_modules/@simplewebauthn/server/esm/registration/verifications/tpm/parsePubArea.js
if node webauthn_tpm.mjs verify bundle attested.json ca.pem > plain.log 2>&1; then
  cat plain.log
else
  # It takes every RSA key for one without a scheme, and reads the scheme's hash (TPM 2.0 Part 2 §12.2.3.5) as the key's size.
  echo "as published: $(grep -m1 '^Error: ' plain.log)"
  grep -c 'const scheme = TPM_ALG\[dataView.getUint16(pointer)\];' "$parser" | grep -qx 2
  sed -i "0,/const keyBits/s//if (scheme !== 'TPM_ALG_NULL') pointer += 2;\n        const keyBits/" "$parser"
  echo "with that one line mended: $(node webauthn_tpm.mjs verify bundle attested.json ca.pem)"
fi
