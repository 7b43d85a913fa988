#include "app/from_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include "dump/escape.h"
#include "error.h"
#include "figure/png.h"

namespace divlens {
namespace {

constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;
// The last of the metadata: it goes on to their end.
constexpr std::string_view kKey = "command=";

std::string bytesOf(const std::string& path) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  std::ifstream in(path, std::ios::binary);
  if (failed || !in)
    throw Error(Exit::BadInput, fmt::format("--from {}: {}", escapedPath(path),
                                            failed ? failed.message() : std::string(std::strerror(errno))));
  if (size > kMostBytes)
    throw Error(Exit::BadInput, fmt::format("--from {}: too large for a picture", escapedPath(path)));
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::string> afterKey(std::string_view text) {
  const size_t at = text.rfind(kKey);
  if (at == text.npos) return {};
  std::string command(text.substr(at + kKey.size()));
  while (command.ends_with('\n')) command.pop_back();
  return command;
}

std::optional<std::string> commandOfSvg(std::string_view svg) {
  const size_t begin = svg.find("<desc>"), end = svg.find("</desc>");
  if (begin == svg.npos || end == svg.npos || end < begin) return {};
  std::optional<std::string> command = afterKey(svg.substr(begin, end - begin));
  if (!command) return {};
  constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&#39;", "'"}, {"&amp;", "&"}};
  std::string out;
  for (size_t i = 0; i < command->size();) {
    const std::string_view rest = std::string_view(*command).substr(i);
    const auto* found = std::find_if(std::begin(kEntities), std::end(kEntities),
                                     [&](const auto& entity) { return rest.starts_with(entity.first); });
    out += found == std::end(kEntities) ? rest.substr(0, 1) : found->second;
    i += found == std::end(kEntities) ? 1 : found->first.size();
  }
  return out;
}

void appendUtf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr int kFirst[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kFirst[more] | static_cast<int>(c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3f));
}

/// "<feff0063…>": UTF-16, big-endian.
std::string fromHexadecimal(std::string_view digits) {
  std::string out;
  uint32_t high = 0;
  for (size_t i = 4; i + 4 <= digits.size(); i += 4) {
    uint32_t unit = 0;
    if (std::from_chars(digits.data() + i, digits.data() + i + 4, unit, 16).ec != std::errc()) return {};
    if (unit >= 0xd800 && unit < 0xdc00) {
      high = unit;
      continue;
    }
    appendUtf8(out,
               unit >= 0xdc00 && unit < 0xe000 && high ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
  }
  return out;
}

std::optional<std::string> commandOfPdf(std::string_view pdf) {
  const size_t key = pdf.find("/Keywords");
  const size_t open = key == pdf.npos ? key : pdf.find_first_of("<(", key);
  if (open == pdf.npos) return {};
  if (pdf[open] == '<') return afterKey(fromHexadecimal(pdf.substr(open + 1, pdf.find('>', open) - open - 1)));
  std::string text;
  int depth = 0;
  for (size_t i = open + 1; i < pdf.size() && (pdf[i] != ')' || depth > 0); ++i) {
    depth += pdf[i] == '(' ? 1 : pdf[i] == ')' ? -1 : 0;
    if (pdf[i] == '\\' && i + 1 < pdf.size()) ++i;
    text += pdf[i];
  }
  return afterKey(text);
}

std::optional<std::string> commandOfPng(const std::string& bytes, const std::string& path) {
  const PngImage image = decodePng({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path);
  for (const PngText& text : image.header.text)
    if (text.key == "command") return text.value;
  return {};
}

}  // namespace

std::string commandOfPicture(const std::string& path) {
  const std::string bytes = bytesOf(path);
  std::optional<std::string> command;
  if (bytes.starts_with("\x89PNG"))
    command = commandOfPng(bytes, path);
  else if (bytes.starts_with("%PDF"))
    command = commandOfPdf(bytes);
  else
    command = commandOfSvg(bytes);
  if (command && command->starts_with("divlens ")) return *command;
  throw Error(Exit::BadInput,
              fmt::format("--from {}: it is no .png, .pdf or .svg that says which command of divlens made it",
                          escapedPath(path)));
}

}  // namespace divlens
