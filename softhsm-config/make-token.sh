#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a SoftHSM2 token in a directory of its own:  make-token.sh DIR LABEL
#
#   DIR/softhsm2.conf  DIR/tokens/  DIR/user.pin  DIR/so.pin     (modes 0600 and 0700, random PINs)
#
# Running it again with the same DIR and LABEL changes nothing.  It writes below DIR alone and touches no token that it
# did not make.  SIGNER_HSM and SOFTHSM2_MODULE name the program and the driver if they are not in the usual places.
set -euo pipefail

fail() {
  echo "make-token: $1" >&2
  exit "${2:-1}"
}

[ $# -eq 2 ] || fail "usage: make-token.sh DIR LABEL" 2
case $1 in
  *=*) fail "DIR must not contain '=': SoftHSM2 cannot read such a path from its configuration" 2 ;;
  "") fail "DIR is empty" 2 ;;
esac
label=$2
case $label in
  "" | *[!A-Za-z0-9._\ -]*) fail "LABEL may hold letters, digits, blanks, dots, underscores and hyphens" 2 ;;
esac
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
umask 077
mkdir -p -- "$1"
dir=$(cd -- "$1" && pwd)
case $dir in
  *=*) fail "DIR must not contain '=': SoftHSM2 cannot read such a path from its configuration" 2 ;;
  *$'\n'*) fail "DIR must not contain a line break" 2 ;;
esac

program=${SIGNER_HSM:-$(command -v signer-hsm || true)}
[ -n "$program" ] || fail "signer-hsm not found; set SIGNER_HSM to its path"

module=${SOFTHSM2_MODULE:-}
for candidate in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
  if [ -z "$module" ] && [ -e "$candidate" ]; then module=$candidate; fi
done
[ -n "$module" ] || fail "libsofthsm2.so not found; install softhsm2 or set SOFTHSM2_MODULE"

mkdir -p -- "$dir/tokens"
if [ ! -e "$dir/softhsm2.conf" ]; then
  template=$(<"$here/softhsm2.conf.in")
  printf '%s\n' "${template//@TOKEN_DIR@/"$dir/tokens"}" > "$dir/softhsm2.conf.new"
  mv -- "$dir/softhsm2.conf.new" "$dir/softhsm2.conf"
fi
export SOFTHSM2_CONF=$dir/softhsm2.conf

if "$program" token-list --module "$module" | grep -Fq "\"label\": \"$label\""; then
  echo "make-token: token \"$label\" is there already; nothing was changed" >&2
  exit 0
fi
"$program" token-init --module "$module" --label "$label" --generate-pins \
  --pin-file "$dir/user.pin" --so-pin-file "$dir/so.pin"
