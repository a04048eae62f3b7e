# SPDX-License-Identifier: Apache-2.0
#
# Everything comes from the distribution (Debian 12 and 13, Ubuntu 24.04); nothing is downloaded.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(Boost 1.74 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL 7.87)  # optional: for signer::jwks_http alone
pkg_check_modules(P11_KIT REQUIRED IMPORTED_TARGET p11-kit-1)
pkg_check_modules(LIBP11 REQUIRED IMPORTED_TARGET libp11)
pkg_check_modules(TSS2 REQUIRED IMPORTED_TARGET tss2-esys tss2-mu tss2-tctildr)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
# Its -pthread and -std are for programs without a build system; precompiled headers do not bear what others were built without.
set_property(TARGET PkgConfig::RE2 PROPERTY INTERFACE_COMPILE_OPTIONS)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)

# Boost.Asio and Beast are headers alone; Boost's headers are not ours to warn about.
add_library(signer_asio INTERFACE)
target_include_directories(signer_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_link_libraries(signer_asio INTERFACE Threads::Threads)
target_compile_definitions(signer_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

# toml++ is used from headers, in one source file.
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
