#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: smoke.sh BUILD_DIR SECONDS.  Runs every fuzz-<target> of a fuzzing build for SECONDS, two at a time, each on a
# copy of its seeds in BUILD_DIR/fuzz.  Fails if one finds something, or if the canary is not found out.  For more than a look, build
# with -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1": about ten times as many inputs.
set -uo pipefail
[ $# -eq 2 ] || { echo "usage: $0 BUILD_DIR SECONDS" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1/bin" && pwd) || exit 2
seconds=$2
work="$programs/../fuzz"
ulimit -c 0
mkdir -p "$work" && work=$(cd "$work" && pwd) || exit 2
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

# The largest input that is worth its time: one that can reach each limit of the target but the largest.
max_len() {
  case "$1" in
    pipeline) echo 12288 ;;
    claims) echo 20480 ;;
    evidence) echo 16384 ;;
    evidence_tpm) echo 8192 ;;
    tpm_key_file) echo 8448 ;;
    tpm_message) echo 4608 ;;
    *) echo 4096 ;;
  esac
}

# run_target <target> <seconds>: the log is its answer; found inputs go to the target's folder.
run_target() {
  local target=$1 folder="$work/$1"
  rm -rf "$folder" && mkdir -p "$folder/corpus" "$folder/found"
  cp "$here/corpus/$target"/* "$folder/corpus/"
  [ "$target" != canary ] || rm "$folder/corpus/found"  # it is to be found
  "$programs/fuzz-$target" -max_total_time="$2" -max_len="$(max_len "$target")" -rss_limit_mb=2048 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="$folder/found/" "$folder/corpus" > "$folder/log" 2>&1
  echo $? > "$folder/status"
}

statistic() { sed -n "s/^stat::$2: *//p" "$work/$1/log"; }

failed=0
run_target canary 30
if [ "$(cat "$work/canary/status")" -ne 0 ] && grep -q 'heap-buffer-overflow' "$work/canary/log"; then
  echo "fuzz canary: found, as it must be"
else
  echo "fuzz canary: NOT found: this build finds nothing; see $work/canary/log"
  exit 1
fi

targets=$(cd "$here/corpus" && printf '%s\n' * | grep -vx canary)
for target in $targets; do
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  run_target "$target" "$seconds" &
done
wait

for target in $targets; do
  status=$(cat "$work/$target/status" 2> /dev/null || echo none)
  if [ "$status" = 0 ] && [ "$(statistic "$target" number_of_executed_units)" -gt 0 ]; then
    printf 'fuzz %-13s %9s inputs, %6s/s\n' "$target:" "$(statistic "$target" number_of_executed_units)" \
      "$(statistic "$target" average_exec_per_sec)"
    continue
  fi
  failed=1
  echo "fuzz $target: FAILED (status $status)"
  grep -E 'property broken|ERROR: |runtime error|SUMMARY|#[0-9]+ .* in signer' "$work/$target/log" | head -n 20
  find "$work/$target/found" -type f -exec echo "  reproduce: $programs/fuzz-$target {}" \;
  echo "  log: $work/$target/log"
done
exit $failed
