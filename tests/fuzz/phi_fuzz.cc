// SPDX-License-Identifier: Apache-2.0
// Target functions: phi::find, phi::find_number, phi::names_phi.
//
// The first line is a claim's name, the rest its text.
#include <algorithm>
#include <charconv>
#include <string>

#include "fuzz/fuzz.h"
#include "phi/phi.h"

namespace signer::fuzz {
namespace {

using phi::Detector;
using phi::DetectorSet;
using phi::kDetectors;

bool finds_alone(Detector detector, std::string_view text, std::string_view name) {
  const auto found = phi::find(text, name, DetectorSet::none().with(detector));
  require(!found || *found == detector, "a detector answers for itself alone");
  return found.has_value();
}

// A profile may exempt one detector from a claim: that must neither hide nor add what the others find.
void check_sets(std::string_view text, std::string_view name) {
  const auto found = phi::find(text, name, DetectorSet::all());
  bool any = false;
  for (const Detector detector : kDetectors) {
    const bool alone = finds_alone(detector, text, name);
    any = any || alone;
    if (found == detector) require(alone, "what is found among all is found alone");
    const auto others = phi::find(text, name, DetectorSet::all().without(detector));
    require(others != detector, "a detector that is not wanted finds nothing");
    if (found && found != detector) require(others == found, "an exemption changes no other finding");
  }
  require(any == found.has_value(), "all together find what each finds");
  require(!found || *found != Detector::kName, "texts have no names");
}

// What stands before a delimiter is found, whatever comes behind it.
void check_prefix(std::string_view text, std::string_view name) {
  if (text.find('%') != std::string_view::npos) return;
  const auto found = phi::find(text, name, DetectorSet::all());
  if (!found) return;
  const auto with_more = phi::find(std::string(text) + "\n~", name, DetectorSet::all());
  require(with_more.has_value(), "a finding does not vanish behind a delimiter");
}

bool is_plain(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~' && c != '%'; });
}

// Only capitals can part words that small letters do not: a name without them says no more than the same with them.
// Not of other letters, whose case is not known: a capital behind one begins a word.
void check_case(std::string_view name) {
  if (!is_plain(name)) return;
  std::string small(name);
  std::string capital(name);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (char& c : capital) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const bool named = phi::names_phi(small);
  require(phi::names_phi(capital) == named, "a name is the same in capitals");
  require(!named || phi::names_phi(name), "capitals hide no name");
}

void check_number(std::string_view text, std::string_view name) {
  long long value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return;
  require(
      phi::find_number(value, name, DetectorSet::all()) == phi::find(std::to_string(value), name, DetectorSet::all()),
      "a number is judged as its digits");
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  std::string_view text = text_of({data, size});
  const std::string_view name = take_line(text);
  check_case(name);
  check_sets(text, name);
  check_prefix(text, name);
  check_number(text, name);
  return 0;
}
