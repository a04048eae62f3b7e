#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds everything and runs all tests but the nightly soaks.  The last lines are CTest's summary.
#   ./test.sh [ctest arguments]     for example: ./test.sh -R Invariant
set -euo pipefail
cd "$(dirname "$0")"
. packaging/lib.sh
install_packages tests
use_scratch build/test/tmp
configure build/test -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DSIGNER_HARDEN=ON -DSIGNER_BENCH=OFF \
  -DSIGNER_PRECOMPILE=ON -DCMAKE_UNITY_BUILD=ON -DSIGNER_WERROR="${SIGNER_WERROR:-OFF}"
build build/test
ulimit -c 0
# Many tests wait more than they compute: three at once keep two processors busy.
exec ctest --test-dir build/test --output-on-failure --parallel 3 --no-tests=error --label-exclude 'nightly|bench' "$@"
