// SPDX-License-Identifier: Apache-2.0

#include "jose/json.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace signer::jose {

namespace {

constexpr std::int64_t kExactIntegerMax = (std::int64_t{1} << 53) - 1;

// Builds the value while refusing what the limits forbid; the first refusal stops the parser.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  StrictBuilder(const JsonLimits& limits, Json& root) : limits_(limits), root_(root) {}

  bool null() override { return add(Json(nullptr)); }

  bool boolean(bool value) override { return add(Json(value)); }

  bool number_integer(number_integer_t value) override {
    if (limits_.interoperable_numbers && value < -kExactIntegerMax) return refuse("a number beyond 2^53 - 1");
    return add(Json(value));
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (limits_.interoperable_numbers && std::cmp_greater(value, kExactIntegerMax)) {
      return refuse("a number beyond 2^53 - 1");
    }
    return add(Json(value));
  }

  bool number_float(number_float_t value, const string_t& /*text*/) override {
    if (limits_.whole_numbers) return refuse("a number with a fraction or an exponent");
    if (!std::isfinite(value)) return refuse("a number that is not finite");
    if (limits_.interoperable_numbers && std::fabs(value) > static_cast<double>(kExactIntegerMax)) {
      return refuse("a number beyond 2^53 - 1");
    }
    return add(Json(value));
  }

  bool string(string_t& value) override { return add(Json(std::move(value))); }

  bool binary(binary_t& /*value*/) override { return refuse("binary data"); }

  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }

  bool key(string_t& name) override {
    if (++members_ > limits_.members_max) return refuse("too many members");
    Json& object = *open_.back();
    if (object.contains(name)) return refuse("a name that appears twice in one object");
    slot_ = &object[std::move(name)];
    return true;
  }

  bool end_object() override { return close(); }

  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }

  bool end_array() override { return close(); }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& error) override {
    // 101 is a syntax error, 406 a number out of range; the texts quote the input, so they stay here.
    return refuse(error.id == 406 ? "a number out of range" : "a syntax error or invalid UTF-8");
  }

  [[nodiscard]] const char* refusal() const noexcept { return refusal_; }

 private:
  bool refuse(const char* why) {
    if (refusal_ == nullptr) refusal_ = why;
    return false;
  }

  // Places a value where the parser is; nullptr if a limit forbids it.
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_object()) {
      *slot_ = std::move(value);
      return slot_;
    }
    if (++members_ > limits_.members_max) {
      refuse("too many members");
      return nullptr;
    }
    parent.push_back(std::move(value));
    return &parent.back();
  }

  bool add(Json value) { return place(std::move(value)) != nullptr; }

  bool open(Json container) {
    if (open_.size() >= limits_.depth_max) return refuse("nested too deeply");
    Json* placed = place(std::move(container));
    if (placed == nullptr) return false;
    open_.push_back(placed);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  Json& root_;
  std::vector<Json*> open_;  // Parents do not move while a child is open: they grow only when it is closed.
  Json* slot_ = nullptr;
  std::size_t members_ = 0;
  const char* refusal_ = nullptr;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max) return fail(ErrorCode::kInvalidRequest, "json: too large");
  // nlohmann/json takes a NUL for the end of the text and would not look at what follows.
  if (text.find('\0') != std::string_view::npos) return fail(ErrorCode::kInvalidRequest, "json: a NUL byte");
  if (text.starts_with("\xEF\xBB\xBF")) return fail(ErrorCode::kInvalidRequest, "json: a byte order mark");
  Json root;
  StrictBuilder builder(limits, root);
  try {
    if (Json::sax_parse(text.begin(), text.end(), &builder)) return root;
  } catch (const std::exception&) {  // Only memory can run out here; the size cap makes that the machine's fault.
    return fail(ErrorCode::kInternal, "json: out of memory");
  }
  const char* why = builder.refusal() != nullptr ? builder.refusal() : "a syntax error";
  return fail(ErrorCode::kInvalidRequest, std::string("json: ") + why);
}

Result<Json> parse_json_object(std::string_view text, const JsonLimits& limits) {
  SIGNER_ASSIGN_OR_RETURN(Json value, parse_json(text, limits));
  if (!value.is_object()) return fail(ErrorCode::kInvalidRequest, "json: not an object");
  return value;
}

std::optional<std::int64_t> json_integer(const Json& value) noexcept {
  if (value.is_number_unsigned()) {
    const auto number = *value.get_ptr<const Json::number_unsigned_t*>();
    if (!std::in_range<std::int64_t>(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return *value.get_ptr<const Json::number_integer_t*>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = *value.get_ptr<const Json::number_float_t*>();
  if (!(std::fabs(number) <= static_cast<double>(kExactIntegerMax)) || std::trunc(number) != number) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(number);
}

std::size_t count_members(const Json& value) noexcept {
  if (!value.is_structured()) return 0;
  std::size_t count = 0;
  for (const Json& child : value) count += 1 + count_members(child);
  return count;
}

std::size_t depth_of(const Json& value) noexcept {
  if (!value.is_structured()) return 0;
  std::size_t deepest = 0;
  for (const Json& child : value) deepest = std::max(deepest, depth_of(child));
  return deepest + 1;
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace signer::jose
