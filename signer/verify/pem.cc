// SPDX-License-Identifier: Apache-2.0

#include "verify/pem.h"

#include <string>

namespace signer::verify {

bool is_one_pem_block(std::string_view pem, std::string_view label) {
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  const std::string end = "-----END " + std::string(label) + "-----";
  const auto is_line_end = [](char c) { return c == '\n' || c == '\r'; };
  while (!pem.empty() && is_line_end(pem.back())) pem.remove_suffix(1);
  return pem.starts_with(begin) && pem.ends_with(end) && pem.find("-----BEGIN", 1) == std::string_view::npos &&
         pem.find("-----END") == pem.size() - end.size();
}

int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

}  // namespace signer::verify
