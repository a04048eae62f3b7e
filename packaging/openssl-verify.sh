#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Verifies an RS256 token with nothing of ours: openssl-verify.sh TOKEN_FILE JWKS_FILE SCRATCH_DIR.  Uses the set's first key.
set -euo pipefail
token=$(tr -d '\n' < "$1")
set_file=$2
scratch=$3
decode() {
  local text
  text=$(tr '_-' '/+' | tr -d '\n')
  while [ $((${#text} % 4)) -ne 0 ]; do text="$text="; done
  printf '%s' "$text" | openssl base64 -d -A
}
member() { grep -o "\"$1\":\"[^\"]*\"" "$set_file" | head -n 1 | cut -d '"' -f 4; }
printf '%s' "${token%.*}" > "$scratch/signing-input"
printf '%s' "${token##*.}" | decode > "$scratch/signature"
n=$(member n | decode | od -An -v -tx1 | tr -d ' \n')
e=$(member e | decode | od -An -v -tx1 | tr -d ' \n')
printf 'asn1=SEQUENCE:spki\n[spki]\na=SEQUENCE:alg\nk=BITWRAP,SEQUENCE:key\n[alg]\no=OID:rsaEncryption\np=NULL\n[key]\nn=INTEGER:0x%s\ne=INTEGER:0x%s\n' \
  "$n" "$e" > "$scratch/key.cnf"
openssl asn1parse -genconf "$scratch/key.cnf" -out "$scratch/key.der" -noout
openssl pkey -pubin -inform DER -in "$scratch/key.der" -out "$scratch/key.pem"
echo "\$ openssl dgst -sha256 -verify key.pem -signature signature signing-input"
openssl dgst -sha256 -verify "$scratch/key.pem" -signature "$scratch/signature" "$scratch/signing-input"
