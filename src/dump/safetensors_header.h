#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace divlens {

/// One tensor as the header of a safetensors file describes it; offsets count from the end of the header.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< in the header's order
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Parses the JSON text of a header; Error(BadInput) names `file` and the byte offset or the tensor. The text's first
/// byte is byte 8 of the file.
SafetensorsHeader parseSafetensorsHeader(std::string_view text, const std::string& file);

}  // namespace divlens
