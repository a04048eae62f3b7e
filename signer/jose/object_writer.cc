// SPDX-License-Identifier: Apache-2.0

#include "jose/object_writer.h"

#include <algorithm>
#include <utility>

#include "jose/json.h"

namespace signer::jose {

void append_quoted(std::string& out, std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != '"' && c != '\\' && c != '\x7f'; });
  if (!plain) {
    out += dump_json(Json(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void ObjectWriter::name(std::string_view name) {
  out_ += out_.empty() ? '{' : ',';
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

ObjectWriter& ObjectWriter::text(std::string_view name, std::string_view value) {
  this->name(name);
  append_quoted(out_, value);
  return *this;
}

ObjectWriter& ObjectWriter::texts(std::string_view name, std::span<const std::string> values) {
  this->name(name);
  out_ += '[';
  for (const std::string& value : values) {
    if (&value != values.data()) out_ += ',';
    append_quoted(out_, value);
  }
  out_ += ']';
  return *this;
}

ObjectWriter& ObjectWriter::number(std::string_view name, std::int64_t value) {
  return json(name, std::to_string(value));
}

ObjectWriter& ObjectWriter::json(std::string_view name, std::string_view value) {
  this->name(name);
  out_ += value;
  return *this;
}

std::string ObjectWriter::finish() && {
  if (out_.empty()) out_ += '{';
  out_ += '}';
  return std::move(out_);
}

}  // namespace signer::jose
