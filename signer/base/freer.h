// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace signer {

// Deleter for std::unique_ptr over what a C library frees with the function `Free`.
template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

}  // namespace signer
