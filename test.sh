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
configure build/test -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DSIGNER_HARDEN=ON -DSIGNER_BENCH=OFF
build build/test
ulimit -c 0
exec ctest --test-dir build/test --output-on-failure --parallel 2 --no-tests=error --label-exclude 'nightly|bench' "$@"
