#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# wycheproof_of_debian.sh RUN_WYCHEPROOF: judges the library by the signature files of Wycheproof that Debian's source package of BoringSSL
# holds.  They are older than those of C2SP/wycheproof and without the files of JWS.  Fetches the source package (30 MB) with apt, into a
# temporary directory; needs root for apt's lists.  Not part of ./test.sh: nothing is downloaded by the build.
set -euo pipefail
program=$(realpath "${1:?usage: $0 RUN_WYCHEPROOF}")
package=android-platform-external-boringssl
work=$(mktemp -d)
sources=/etc/apt/sources.list.d/signer-wycheproof.sources
trap 'rm -rf "$work" "$sources"' EXIT
chmod 0755 "$work"
if ! apt-cache showsrc "$package" 2> /dev/null | grep -q '^Package:'; then
  sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources > "$sources"
  apt-get update -qq
fi
cd "$work"
apt-get source --download-only -qq "$package"
mkdir unpacked
tar -xf "$package"_*.orig.tar.* -C unpacked --strip-components=1 --wildcards '*/wycheproof_testvectors/*.json'
"$program" --present "$(dirname "$(find unpacked -name eddsa_test.json)")"
