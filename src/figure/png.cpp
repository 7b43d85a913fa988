#include "figure/png.h"

#include <fmt/core.h>
#include <png.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csetjmp>
#include <cstring>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

// libpng reports errors by longjmp: what lives across the calls is plain data owned by the callers below.
struct Failure {
  char message[160] = "";
};

void onError(png_structp png, png_const_charp message) {
  auto* failure = static_cast<Failure*>(png_get_error_ptr(png));
  std::strncpy(failure->message, message, sizeof failure->message - 1);
  png_longjmp(png, 1);
}

void onWarning(png_structp, png_const_charp) {}

// Where encoded bytes go: a stream or a vector.
struct Sink {
  std::FILE* stream = nullptr;
  std::vector<uint8_t>* memory = nullptr;
};

void onWrite(png_structp png, png_bytep bytes, png_size_t count) {
  auto* sink = static_cast<Sink*>(png_get_io_ptr(png));
  if (sink->memory)
    sink->memory->insert(sink->memory->end(), bytes, bytes + count);
  else if (std::fwrite(bytes, 1, count, sink->stream) != count)
    png_error(png, std::strerror(errno));
}

void onFlush(png_structp) {}

bool printableAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= 32 && c < 127); });
}

std::vector<png_text> textChunks(const std::vector<PngText>& texts) {
  std::vector<png_text> chunks;
  for (const PngText& text : texts) {
    png_text chunk{};
    const bool plain = printableAscii(text.value);
    chunk.compression = plain ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    chunk.key = const_cast<char*>(text.key.c_str());
    chunk.text = const_cast<char*>(text.value.c_str());
    (plain ? chunk.text_length : chunk.itxt_length) = text.value.size();
    chunks.push_back(chunk);
  }
  return chunks;
}

bool writeAll(png_structp png, png_infop info, const PngHeader& header, std::vector<png_text>& chunks,
              const uint8_t* pixels, size_t stride) {
  if (setjmp(png_jmpbuf(png))) return false;
  const auto width = static_cast<png_uint_32>(header.width), height = static_cast<png_uint_32>(header.height);
  png_set_IHDR(png, info, width, height, 8, header.channels == 4 ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  // Flat cells and glyphs: rows repeat, so that the cheapest filter and a low level lose little.
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
  png_set_compression_level(png, 4);
  png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
  if (header.dpi > 0) {
    const auto perMetre = static_cast<png_uint_32>(std::lround(std::min(header.dpi / 0.0254, 2147483647.0)));
    png_set_pHYs(png, info, perMetre, perMetre, PNG_RESOLUTION_METER);
  }
  if (!chunks.empty()) png_set_text(png, info, chunks.data(), static_cast<int>(chunks.size()));
  png_write_info(png, info);
  for (png_uint_32 y = 0; y < height; ++y) png_write_row(png, pixels + y * stride);
  png_write_end(png, nullptr);
  return true;
}

void write(Sink sink, const std::string& name, const PngHeader& header, std::span<const uint8_t> pixels,
           size_t stride) {
  const auto fail = [&](const std::string& why) -> void {
    throw Error(Exit::Output, fmt::format("cannot write {}: {}", escapedPath(name), why));
  };
  const size_t row = static_cast<size_t>(std::max(header.width, 0)) * static_cast<size_t>(header.channels);
  if (header.width < 1 || header.height < 1 || (header.channels != 3 && header.channels != 4) || stride < row ||
      pixels.size() < stride * static_cast<size_t>(header.height - 1) + row)
    return fail(fmt::format("{} × {} pixels do not fit {} bytes", header.width, header.height, pixels.size()));
  Failure failure;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, onError, onWarning);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  std::vector<png_text> chunks = textChunks(header.text);
  bool done = false;
  if (info) {
    png_set_write_fn(png, &sink, onWrite, onFlush);
    done = writeAll(png, info, header, chunks, pixels.data(), stride);
  }
  png_destroy_write_struct(&png, &info);
  if (!done) fail(failure.message[0] ? failure.message : "out of memory");
}

struct Source {
  const uint8_t* at = nullptr;
  size_t left = 0;
};

void onRead(png_structp png, png_bytep bytes, png_size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->left) png_error(png, "file is truncated");
  std::memcpy(bytes, source->at, count);
  source->at += count;
  source->left -= count;
}

bool readHeader(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_read_info(png, info);
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
  png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

bool readPixels(png_structp png, png_infop info, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_read_image(png, rows);
  png_read_end(png, info);
  return true;
}

void collect(png_structp png, png_infop info, PngHeader& header) {
  png_textp chunks = nullptr;
  const int count = static_cast<int>(png_get_text(png, info, &chunks, nullptr));
  for (int i = 0; i < count; ++i) header.text.push_back({chunks[i].key, chunks[i].text ? chunks[i].text : ""});
  header.dpi = png_get_x_pixels_per_meter(png, info) * 0.0254;
}

}  // namespace

void writePng(std::FILE* out, const std::string& name, const PngHeader& header, std::span<const uint8_t> pixels,
              size_t stride) {
  write({.stream = out}, name, header, pixels, stride);
}

std::vector<uint8_t> encodePng(const PngHeader& header, std::span<const uint8_t> pixels, size_t stride) {
  std::vector<uint8_t> bytes;
  write({.memory = &bytes}, "image", header, pixels, stride);
  return bytes;
}

PngImage decodePng(std::span<const uint8_t> bytes, const std::string& name) {
  Failure failure;
  Source source{bytes.data(), bytes.size()};
  PngImage image;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure, onError, onWarning);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  bool done = false;
  if (info) {
    png_set_read_fn(png, &source, onRead);
    done = readHeader(png, info);
  }
  if (done) {
    image.header.width = static_cast<int>(png_get_image_width(png, info));
    image.header.height = static_cast<int>(png_get_image_height(png, info));
    const size_t stride = static_cast<size_t>(image.header.width) * 4;
    image.rgba.resize(stride * static_cast<size_t>(image.header.height));
    std::vector<png_bytep> rows;
    for (size_t y = 0; y < static_cast<size_t>(image.header.height); ++y)
      rows.push_back(image.rgba.data() + y * stride);
    done = readPixels(png, info, rows.data());
  }
  if (done) collect(png, info, image.header);
  png_destroy_read_struct(&png, &info, nullptr);
  if (!done) throw Error(Exit::BadInput, fmt::format("{}: not a readable PNG: {}", escapedPath(name), failure.message));
  return image;
}

PngImage readPng(const std::string& path) {
  const auto fail = [&] {
    throw Error(Exit::BadInput, fmt::format("{}: {}", escapedPath(path), std::strerror(errno)));
  };
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (!file) fail();
  std::vector<uint8_t> bytes, block(1 << 16);
  for (size_t count; (count = std::fread(block.data(), 1, block.size(), file)) > 0;)
    bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) fail();
  return decodePng(bytes, path);
}

}  // namespace divlens
