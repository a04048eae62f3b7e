# SPDX-License-Identifier: Apache-2.0
#
# Shared by demo.sh, test.sh and .ci/run: packages (Debian 12, Debian 13, Ubuntu 24.04) and building.

build_packages="g++ cmake ninja-build pkg-config libssl-dev nlohmann-json3-dev libboost-dev libspdlog-dev libtomlplusplus-dev
libcli11-dev libre2-dev prometheus-cpp-dev libsystemd-dev libp11-kit-dev libp11-dev libtss2-dev zlib1g-dev"
runtime_packages="softhsm2 openssl curl ca-certificates"
tpm_packages="swtpm"
test_packages="libgtest-dev libcurl4-openssl-dev libcjose-dev libjansson-dev binutils python3 python3-jwt python3-cryptography python3-jwcrypto libcrypt-jwt-perl groff-base procps
$tpm_packages tpm2-tools tpm2-openssl"
check_packages="clang lld libclang-rt-dev clang-tidy clang-format doxygen"

# install_packages <runtime|tpm|tests|checks>: installs what is missing with apt, and only that.
install_packages() {
  local wanted="$build_packages $runtime_packages" missing="" package
  case "$1" in
    tpm) wanted="$wanted $tpm_packages" ;;
    tests) wanted="$wanted $test_packages" ;;
    checks) wanted="$wanted $test_packages $check_packages" ;;
  esac
  for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo  # which drops our environment
  echo "installing:$missing"
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing > /dev/null 2>&1 || {
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing > /dev/null
  }
}

# use_scratch <directory>: temporary files go there, so that nothing is written outside the checkout.  Not if sockets in it would have
# too long a path, if it holds a '=' (SoftHSM2 cannot read such a path), or if the other users that tests run as could not reach it.
use_scratch() {
  case "$PWD" in *'"'* | *\\*) echo "the path of this checkout holds a quote or a backslash; move it" >&2; return 1 ;; esac
  local directory="$PWD/$1" why=""
  mkdir -p "$directory"
  [ ${#directory} -le 48 ] || why="its path is longer than 48 characters"
  case "$directory" in *=*) why="its path holds a '='" ;; esac
  if [ "$(id -u)" -eq 0 ] && ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$directory"; then
    why="other users cannot reach it"
  fi
  if [ -z "$why" ]; then export TMPDIR="$directory"; else echo "temporary files go to ${TMPDIR:-/tmp}, not to $directory: $why"; fi
}

# configure <directory> <cmake arguments...> and build <directory> [targets...]: quiet unless they fail.
configure() {
  local directory=$1
  shift
  mkdir -p "$directory"
  cmake -S . -B "$directory" -G Ninja "$@" > "$directory/configure.log" 2>&1 || {
    cat "$directory/configure.log"
    return 1
  }
}

build() {
  local directory=$1
  shift
  [ $# -gt 0 ] || set -- all
  cmake --build "$directory" --target "$@" > "$directory/build.log" 2>&1 || {
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$directory/build.log" | tail -n 80
    return 1
  }
}

# The path of SoftHSM2's module.
softhsm_module() {
  local path
  for path in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
    [ -e "$path" ] && { echo "$path"; return 0; }
  done
  echo "libsofthsm2.so not found; install softhsm2" >&2
  return 1
}
