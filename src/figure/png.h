#pragma once
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace divlens {

/// A text chunk: tEXt where the value is printable Latin-1 ASCII, else iTXt (UTF-8).
struct PngText {
  std::string key;  ///< 1 to 79 printable ASCII characters
  std::string value;
};

struct PngHeader {
  int width = 0, height = 0;
  int channels = 4;  ///< 3: RGB, 4: RGBA with straight alpha
  double dpi = 0;    ///< pHYs; 0: none
  std::vector<PngText> text;
};

/// Writes rows of 8-bit pixels, `stride` bytes apart, to a stream; the same input gives the same bytes. Error(Output).
void writePng(std::FILE* out, const std::string& name, const PngHeader& header, std::span<const uint8_t> pixels,
              size_t stride);
/// The same into memory.
std::vector<uint8_t> encodePng(const PngHeader& header, std::span<const uint8_t> pixels, size_t stride);

struct PngImage {
  PngHeader header;
  std::vector<uint8_t> rgba;  ///< always 4 channels, rows without gaps
};
/// Reads a PNG as RGBA with its text chunks; Error(BadInput).
PngImage decodePng(std::span<const uint8_t> bytes, const std::string& name);
PngImage readPng(const std::string& path);

}  // namespace divlens
