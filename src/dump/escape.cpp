#include "dump/escape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "dump/fault.h"

namespace divlens {
namespace {

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 0;  // 0: not well-formed UTF-8
};

// Well-formedness after the Unicode standard, table 3-7: no overlong forms, no surrogates, nothing over U+10FFFF.
CodePoint decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  uint32_t value = lead & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[bytes] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, bytes};
}

struct Range {
  uint32_t first, last;
};

// Characters that move the cursor, hide, or turn the direction of what follows.
constexpr std::array<Range, 6> kUnprintable = {
    {{0x00, 0x1F}, {0x7F, 0x9F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}}};

bool printable(uint32_t value) {
  return std::none_of(kUnprintable.begin(), kUnprintable.end(),
                      [value](const Range& range) { return value >= range.first && value <= range.last; });
}

}  // namespace

std::string escaped(std::string_view text, size_t limit) {
  std::string out;
  size_t characters = 0;
  while (!text.empty()) {
    if (characters++ == limit) return out + "…";
    const CodePoint point = decode(text);
    const size_t bytes = std::max<size_t>(point.bytes, 1);
    if (point.bytes > 0 && printable(point.value)) {
      out += text.substr(0, bytes);
    } else {
      for (const char c : text.substr(0, bytes)) out += fmt::format("\\x{:02X}", static_cast<uint8_t>(c));
    }
    text.remove_prefix(bytes);
  }
  return out;
}

std::string escapedPath(std::string_view path) { return escaped(path, 4096); }

std::string validUtf8(std::string_view text) {
  return invalidUtf8(text) == std::string_view::npos ? std::string(text) : escaped(text, text.size());
}

size_t invalidUtf8(std::string_view text) {
  size_t position = 0;
  while (position < text.size()) {
    const size_t bytes = decode(text.substr(position)).bytes;
    if (bytes == 0) return position;
    position += bytes;
  }
  return std::string_view::npos;
}

void badInput(std::string_view file, std::string_view text) {
  throw Error(Exit::BadInput, fmt::format("{}: {}", escapedPath(file), text));
}

void incompleteInput(std::string_view file, std::string_view text) {
  throw Error(Exit::BadInput,
              fmt::format("{}: {} (--follow waits for a file that is still written)", escapedPath(file), text),
              Error::Cause::Incomplete);
}

}  // namespace divlens
