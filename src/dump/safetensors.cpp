#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "dump/checked.h"
#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"
#include "dump/metadata.h"
#include "dump/safetensors_header.h"

namespace divlens {
namespace {

constexpr uint64_t kLargestHeader = 100'000'000;
constexpr uint64_t kLengthBytes = 8;

// Types that are listed but not read still have a size, which the offsets must agree with.
struct OtherType {
  std::string_view name;
  uint64_t bits;
};
constexpr std::array<OtherType, 9> kOtherTypes = {{{"F8_E5M2", 8},
                                                   {"F8_E4M3", 8},
                                                   {"F8_E5M2FNUZ", 8},
                                                   {"F8_E4M3FNUZ", 8},
                                                   {"F8_E8M0", 8},
                                                   {"F6_E2M3", 6},
                                                   {"F6_E3M2", 6},
                                                   {"F4", 4},
                                                   {"C64", 64}}};

std::optional<uint64_t> bitsOf(const Tensor& tensor) {
  if (tensor.dtype != DType::Unsupported) return uint64_t{info(tensor.dtype).bytes} * 8;
  for (const OtherType& other : kOtherTypes) {
    if (other.name == tensor.dtypeName) return other.bits;
  }
  return std::nullopt;
}

std::string readHeader(const ByteSource& source) {
  const uint64_t size = source.size();
  if (size < kLengthBytes) {
    badInput(source.name(), fmt::format("{} bytes are too few for a safetensors file, whose first 8 bytes are the "
                                        "length of its header",
                                        size));
  }
  uint64_t length = 0;
  source.read(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length == 0) badInput(source.name(), "the safetensors header at byte 0 has length 0");
  if (length > size - kLengthBytes) {
    incompleteInput(source.name(),
                    fmt::format("the safetensors header at byte 0 claims {} bytes, the file has {} after it: "
                                "truncated, or not a safetensors file",
                                length, size - kLengthBytes));
  }
  if (length > kLargestHeader) {
    badInput(source.name(),
             fmt::format("the safetensors header claims {} bytes, the limit is {}", length, kLargestHeader));
  }
  std::string text(length, '\0');
  source.read(kLengthBytes, std::as_writable_bytes(std::span(text)));
  if (text.front() != '{') {
    badInput(source.name(),
             fmt::format("the safetensors header starts with '{}' at byte 8, expected '{{'", escaped(text, 1)));
  }
  if (const size_t bad = invalidUtf8(text); bad != std::string::npos) {
    badInput(source.name(), fmt::format("the safetensors header is not UTF-8 at byte {}", bad + kLengthBytes));
  }
  return text;
}

// Every byte of the data belongs to exactly one tensor.
void checkLayout(const std::vector<SafetensorsEntry>& entries, uint64_t dataBytes, bool lenient, Dump& dump) {
  std::vector<const SafetensorsEntry*> sorted;
  sorted.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
  });
  const auto gap = [&](const std::string& text) {
    if (!lenient) badInput(dump.path, text + "; pass --lenient to read it all the same");
    dump.warnings.push_back(fmt::format("{}: {}", escapedPath(dump.path), text));
  };
  uint64_t end = 0;
  const SafetensorsEntry* before = nullptr;
  for (const SafetensorsEntry* entry : sorted) {
    if (entry->begin < end) {
      badInput(dump.path,
               fmt::format("tensors '{}' and '{}' overlap: data_offsets [{}, {}] and [{}, {}]", escaped(before->name),
                           escaped(entry->name), before->begin, before->end, entry->begin, entry->end));
    }
    if (entry->begin > end) {
      gap(fmt::format("a hole of {} bytes before tensor '{}' at data offset {}", entry->begin - end,
                      escaped(entry->name), end));
    }
    end = entry->end;
    before = entry;
  }
  if (end > dataBytes) {
    incompleteInput(dump.path,
                    fmt::format("truncated: tensor '{}' ends at data offset {}, the file holds {} bytes of data",
                                escaped(before->name), end, dataBytes));
  }
  if (end < dataBytes) gap(fmt::format("{} trailing bytes after the last tensor", dataBytes - end));
}

Tensor makeTensor(const SafetensorsEntry& entry, const std::shared_ptr<const ByteSource>& source, uint64_t dataStart) {
  Tensor tensor;
  tensor.name = entry.name;
  tensor.dtypeName = entry.dtype;
  tensor.dtype = dtypeFromName(entry.dtype);
  tensor.shape = entry.shape;
  tensor.source = source;
  if (entry.begin > entry.end) {
    badTensor(tensor, fmt::format("data_offsets [{}, {}] run backwards", entry.begin, entry.end));
  }
  const auto elements = checkedElements(entry.shape);
  if (!elements) badTensor(tensor, fmt::format("shape {} has more elements than 63 bits hold", shapeText(entry.shape)));
  if (const auto bits = bitsOf(tensor)) {
    const auto total = checkedMultiply(*elements, *bits);
    const uint64_t actual = entry.end - entry.begin;
    if (!total || *total % 8 != 0 || *total / 8 != actual) {
      badTensor(tensor,
                fmt::format("{} of shape {} needs {} bytes, data_offsets [{}, {}] hold {}", escaped(entry.dtype),
                            shapeText(entry.shape), total ? fmt::format("{}", (*total + 7) / 8) : "over 2^61",
                            entry.begin, entry.end, actual));
    }
  }
  // Offsets are at most 2^53 each, so that the sum cannot overflow.
  tensor.offset = dataStart + entry.begin;
  tensor.strides = stridesInC(entry.shape);
  if (tensor.dtype == DType::Unsupported) tensor.unreadBytes = entry.end - entry.begin;
  return tensor;
}

}  // namespace

bool detectsSafetensors(std::string_view head) {
  // A length that is allowed leaves its upper four bytes 0, which no text does.
  return head.size() > kLengthBytes && head[kLengthBytes] == '{' &&
         head.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}

Dump openSafetensors(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options) {
  Dump dump;
  dump.path = source->name();
  const std::string text = readHeader(*source);
  SafetensorsHeader header = parseSafetensorsHeader(text, dump.path);
  const uint64_t dataStart = kLengthBytes + text.size();
  dump.tensors.reserve(header.entries.size());
  for (const SafetensorsEntry& entry : header.entries) dump.tensors.push_back(makeTensor(entry, source, dataStart));
  checkLayout(header.entries, source->size() - dataStart, options.lenient, dump);
  for (const auto& [key, value] : header.metadata) {
    if (key == "divlens") applyMetadata(dump, value, dump.path + ": __metadata__ key 'divlens'", false);
  }
  return dump;
}

}  // namespace divlens
