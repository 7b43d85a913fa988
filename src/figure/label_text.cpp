#include "figure/label_text.h"

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <optional>

#include "dump/escape.h"

namespace divlens {
namespace {

constexpr char32_t kInvalid = 0xFFFFFFFF;

// The next character, which `at` is moved behind; kInvalid and one byte where there is no well-formed UTF-8.
char32_t nextCharacter(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(at);
  const size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  const auto invalid = [&] {
    ++at;
    return kInvalid;
  };
  if (length == 0 || at + length > text.size()) return invalid();
  char32_t value = length == 1 ? first : first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return invalid();
    value = value << 6 | (byte(at + i) & 0x3F);
  }
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return invalid();
  at += length;
  return value;
}

// GPT-2's bytes_to_unicode: printable Latin-1 stands for itself, the other 68 bytes for U+0100, U+0101 ...
std::optional<uint8_t> byteOf(char32_t c) {
  static const std::array<int, 0x144> table = [] {
    std::array<int, 0x144> bytes;
    bytes.fill(-1);
    size_t next = 0x100;
    for (size_t b = 0; b < 256; ++b) {
      const bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      bytes[itself ? b : next++] = static_cast<int>(b);
    }
    return bytes;
  }();
  if (c >= table.size() || table[c] < 0) return {};
  return static_cast<uint8_t>(table[c]);
}

// Undoes the byte-level alphabet; characters outside it (special tokens, already decoded text) stay.
std::string decodedBytes(std::string_view label) {
  std::string bytes;
  for (size_t at = 0; at < label.size();) {
    const size_t begin = at;
    const char32_t c = nextCharacter(label, at);
    const auto byte = c == kInvalid ? std::nullopt : byteOf(c);
    if (byte)
      bytes += static_cast<char>(*byte);
    else
      bytes += label.substr(begin, at - begin);
  }
  return bytes;
}

// Drawn as nothing or able to reorder their surroundings: a reader would not see that they are there.
bool invisible(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

// Joins its neighbours into one drawn cluster: must not begin the part after an ellipsis.
bool joins(char32_t c) {
  return c == 0x200D || (c >= 0x300 && c <= 0x36F) || (c >= 0x900 && c <= 0x903) || (c >= 0x93A && c <= 0x94F) ||
         (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x1F3FB && c <= 0x1F3FF);
}

// A zero-width joiner inside an emoji or an Indic or Arabic word shapes them: it stays between such characters.
bool shaping(char32_t c, char32_t before) {
  return (c == 0x200D || c == 0x200C) && before >= 0x600 && before != kInvalid && !invisible(before);
}

// One drawn unit: a character or an escape, never split by the ellipsis.
struct Unit {
  std::string text;
  bool joined = false;
};

std::vector<Unit> unitsOf(std::string_view text) {
  std::vector<Unit> units;
  char32_t before = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = nextCharacter(text, at);
    if (c == kInvalid)
      units.push_back({fmt::format("\\x{:02X}", static_cast<uint8_t>(text[begin]))});
    else if (c == '\n')
      units.push_back({"↵"});
    else if (c == '\t')
      units.push_back({"⇥"});
    else if (c == '\r')
      units.push_back({"\\r"});
    else if (c == 0x2581 || (c == ' ' && (begin == 0 || at == text.size() || before == ' ')))
      units.push_back({"·"});
    else if (invisible(c) && !shaping(c, before))
      units.push_back({c < 0x100 ? fmt::format("\\x{:02X}", static_cast<uint32_t>(c))
                                 : fmt::format("\\u{:04x}", static_cast<uint32_t>(c))});
    else
      units.push_back({std::string(text.substr(begin, at - begin)), joins(c) || before == 0x200D});
    before = c;
  }
  return units;
}

std::string elided(const std::vector<Unit>& units, size_t maxCharacters) {
  std::string out;
  if (units.size() <= maxCharacters) {
    for (const Unit& unit : units) out += unit.text;
    return out;
  }
  const size_t kept = maxCharacters < 2 ? 0 : maxCharacters - 1;
  size_t head = kept - kept / 2, tail = units.size() - kept / 2;
  while (head > 0 && units[head].joined) --head;
  while (tail < units.size() && units[tail].joined) ++tail;
  for (size_t i = 0; i < head; ++i) out += units[i].text;
  out += "…";
  for (size_t i = tail; i < units.size(); ++i) out += units[i].text;
  return out;
}

}  // namespace

bool looksByteLevel(const std::vector<std::string>& labels) {
  for (const std::string& label : labels) {
    // Space and line feed; the tab's ĉ is also a letter of Esperanto, so that it must stand alone.
    if (label.find("Ġ") != label.npos || label.find("Ċ") != label.npos || label == "ĉ") return true;
    // Bytes of characters beyond ASCII, "æĹ¥": the stand-ins for 0x7F … 0xA0 and 0xAD, where all is well-formed UTF-8.
    bool standIn = false;
    for (size_t at = 0; at < label.size();) {
      const char32_t c = nextCharacter(label, at);
      standIn = standIn || (c >= 0x121 && c <= 0x143);
    }
    if (standIn && invalidUtf8(decodedBytes(label)) == std::string::npos) return true;
  }
  return false;
}

std::string elideMiddle(std::string_view text, size_t maxCharacters) {
  std::vector<Unit> units;
  char32_t before = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = nextCharacter(text, at);
    units.push_back({std::string(text.substr(begin, at - begin)), joins(c) || before == 0x200D});
    before = c;
  }
  return elided(units, maxCharacters);
}

std::string displayLabel(std::string_view label, bool byteLevel, size_t maxCharacters) {
  if (label.empty()) return "∅";
  if (!byteLevel) return elided(unitsOf(label), maxCharacters);
  return elided(unitsOf(decodedBytes(label)), maxCharacters);
}

std::vector<std::string> displayLabels(const std::vector<std::string>& labels, size_t maxCharacters) {
  const bool byteLevel = looksByteLevel(labels);
  std::vector<std::string> out;
  out.reserve(labels.size());
  for (const std::string& label : labels) out.push_back(displayLabel(label, byteLevel, maxCharacters));
  return out;
}

}  // namespace divlens
