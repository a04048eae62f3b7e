# SPDX-License-Identifier: Apache-2.0
#
# Warnings, sanitizers and hardening: one interface target that every target of ours links.
include(CheckPIESupported)
check_pie_supported()

add_library(signer_options INTERFACE)
target_compile_options(signer_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wold-style-cast -Wcast-qual -Wformat=2 -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wdouble-promotion
  -Wmissing-declarations -Wundef -Wvla)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(signer_options INTERFACE -Wduplicated-cond -Wlogical-op -Wsuggest-override
    -Wcast-align=strict)
else()
  target_compile_options(signer_options INTERFACE -Wthread-safety)
endif()
if(SIGNER_WERROR)
  target_compile_options(signer_options INTERFACE -Werror)
  if(SIGNER_PRECOMPILE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What is precompiled is no system header, so g++ 12 warns there of std::string itself.
    target_compile_options(signer_options INTERFACE -Wno-error=array-bounds)
  endif()
endif()
if(SIGNER_SANITIZE)
  target_compile_options(signer_options INTERFACE -fsanitize=${SIGNER_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(signer_options INTERFACE -fsanitize=${SIGNER_SANITIZE})
  target_compile_definitions(signer_options INTERFACE SIGNER_SANITIZED)
  if(SIGNER_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(signer_options INTERFACE -Wno-tsan)  # Boost.Asio has fences, which the sanitizer does not model
  endif()
endif()
if(SIGNER_HARDEN)
  # Where compiler and processor have them: clang 14 lacks one, other processors than x86 another.
  include(CheckCXXCompilerFlag)
  foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
      -fno-delete-null-pointer-checks)
    string(MAKE_C_IDENTIFIER "SIGNER_HAS${flag}" known)
    check_cxx_compiler_flag(${flag} ${known})
    if(${known})
      target_compile_options(signer_options INTERFACE ${flag})
    endif()
  endforeach()
  target_compile_options(signer_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS)
  target_link_options(signer_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed)
endif()

# With SIGNER_PRECOMPILE, signer_precompile(<target>) makes a target read the standard headers from one precompiled header, and tests
# GoogleTest too: a sanitizer build takes a fifth less time.  Builds without it show that each file includes what it needs.
if(SIGNER_PRECOMPILE)
  set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)  # libraries and programs share it, so they need the same flags
  set(signer_standard_headers <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <mutex>
    <optional> <set> <span> <sstream> <string> <string_view> <thread> <utility> <vector>)
  file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cc "")
  add_library(signer_precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cc)
  target_link_libraries(signer_precompiled PRIVATE signer_options)
  target_precompile_headers(signer_precompiled PRIVATE ${signer_standard_headers})
endif()
function(signer_precompile target)
  if(NOT SIGNER_PRECOMPILE)
    return()
  endif()
  get_target_property(libraries ${target} LINK_LIBRARIES)
  if("GTest::gtest" IN_LIST libraries)
    if(NOT TARGET signer_test_precompiled)
      add_library(signer_test_precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cc)
      target_link_libraries(signer_test_precompiled PRIVATE signer_options GTest::gtest)
      target_precompile_headers(signer_test_precompiled PRIVATE <gtest/gtest.h> ${signer_standard_headers})
    endif()
    target_precompile_headers(${target} REUSE_FROM signer_test_precompiled)
  else()
    target_precompile_headers(${target} REUSE_FROM signer_precompiled)
  endif()
endfunction()

# signer_room(<name> [SOURCES ...] [LINK ...] [PRIVATE_LINK ...]): the static library of one folder.
function(signer_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(signer_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(signer_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/signer
    ${PROJECT_SOURCE_DIR})
  target_link_libraries(signer_${name} PUBLIC ${ROOM_LINK} PRIVATE signer_options ${ROOM_PRIVATE_LINK})
  signer_precompile(signer_${name})
endfunction()

# signer_program(<name> [SOURCES ...] [LINK ...]): one executable, position independent.
function(signer_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_link_libraries(${name} PRIVATE ${PROGRAM_LINK} signer_options)
  signer_precompile(${name})
endfunction()
