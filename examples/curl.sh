#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a token made by the key named on the command line.  Refused: prints the problem's code to stderr and exits with 1.
set -eu
reply=$(curl --silent --show-error --max-time 10 --unix-socket "${SIGNER_SOCKET:-/run/signer/signer.sock}" \
  --header 'Content-Type: application/json' --data '{"claims":{"sub":"client-1"}}' \
  "http://signer/v1/keys/${1:?usage: curl.sh KEY}/tokens")
member() { printf '%s' "$reply" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
token=$(member token)
if [ -z "$token" ]; then
  member code >&2
  exit 1
fi
echo "$token"
