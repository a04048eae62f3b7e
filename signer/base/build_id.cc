// SPDX-License-Identifier: Apache-2.0

#include "base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstring>

#include "base/hex.h"

namespace signer {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kOwner = "GNU\0"sv;

// The notes of one segment: each is a header, a name and a description, both padded to four bytes (elf(5)).
std::string build_id_in(ByteView notes) {
  const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note{};
    std::memcpy(&note, notes.data(), sizeof note);
    notes = notes.subspan(sizeof note);
    const std::size_t name = padded(note.n_namesz);
    if (name > notes.size() || note.n_descsz > notes.size() - name) return {};
    if (note.n_type == NT_GNU_BUILD_ID && text_of(notes.first(name)) == kOwner) {
      return to_hex(notes.subspan(name, note.n_descsz));
    }
    const std::size_t whole = name + padded(note.n_descsz);
    if (whole > notes.size()) return {};
    notes = notes.subspan(whole);
  }
  return {};
}

// Called for the program first, and for no library after it.
int take_program(dl_phdr_info* info, std::size_t /*size*/, void* result) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): elf(5) gives addresses as numbers
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(info->dlpi_addr + segment.p_vaddr);
    const std::string found = build_id_in({bytes, segment.p_memsz});
    if (!found.empty()) *static_cast<std::string*>(result) = found;
  }
  return 1;
}

}  // namespace

std::string build_id() {
  std::string found;
  ::dl_iterate_phdr(&take_program, &found);
  return found;
}

}  // namespace signer
