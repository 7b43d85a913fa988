#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "dump/checked.h"
#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"
#include "dump/npy_array.h"

namespace divlens {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kLongestHeader = 10'000;

struct NpyType {
  std::string_view code;  // descr without the byte order
  DType dtype;
};
constexpr std::array<NpyType, 13> kTypes = {{{"f8", DType::F64},
                                             {"f4", DType::F32},
                                             {"f2", DType::F16},
                                             {"i1", DType::I8},
                                             {"u1", DType::U8},
                                             {"i2", DType::I16},
                                             {"u2", DType::U16},
                                             {"i4", DType::I32},
                                             {"u4", DType::U32},
                                             {"i8", DType::I64},
                                             {"u8", DType::U64},
                                             {"b1", DType::Bool},
                                             {"?", DType::Bool}}};

// What else numpy can save, by the letter of the type.
struct Refusal {
  char letter;
  const char* text;
};
constexpr std::array<Refusal, 8> kRefusals = {
    {{'O', "pickled Python objects, which are never loaded: save a numeric array, np.save(path, array.astype('f4'))"},
     {'U', "texts: a tensor holds numbers"},
     {'S', "byte strings: a tensor holds numbers"},
     {'c', "complex numbers: save np.abs(array), array.real or array.imag"},
     {'M', "dates: save array.astype('i8')"},
     {'m', "time spans: save array.astype('i8')"},
     {'V', "raw or structured elements: save one field as numbers"},
     {'f', "floats of a size that is not read: save array.astype('f4')"}}};

/// Sets `array.dtype`, or says why elements of this type are not read.
void findType(NpyArray& array, const OpenOptions& options) {
  const std::string& descr = array.header.descr;
  const bool hasOrder = !descr.empty() && std::string_view("<>=|").find(descr.front()) != std::string_view::npos;
  const std::string code = hasOrder ? descr.substr(1) : descr;
  if (code == "V2" && options.dtype == "bf16") {
    array.dtype = DType::BF16;
    return;
  }
  if (code == "V2") {
    array.refusal = fmt::format("dtype '{}' is raw two-byte elements: pass --dtype bf16 if they are bfloat16", descr);
    return;
  }
  for (const NpyType& type : kTypes) {
    if (type.code != code) continue;
    if (descr.front() == '>' && info(type.dtype).bytes > 1) {
      array.refusal =
          fmt::format("dtype '{}' is big-endian; convert it: np.save(path, array.astype('<{}'))", descr, code);
    } else {
      array.dtype = type.dtype;
    }
    return;
  }
  for (const Refusal& refusal : kRefusals) {
    if (code.empty() || code.front() != refusal.letter) continue;
    array.refusal = fmt::format("dtype '{}': {}", escaped(descr), refusal.text);
    return;
  }
  array.refusal = fmt::format("dtype '{}' is unknown; f8, f4, f2, i1 to i8, u1 to u8 and b1 are read", escaped(descr));
}

struct HeaderText {
  std::string text;
  uint64_t start = 0;
};

HeaderText readHeader(const ByteSource& source) {
  const std::string& file = source.name();
  std::array<uint8_t, 12> head{};
  const size_t present = std::min<uint64_t>(source.size(), head.size());
  source.read(0, std::as_writable_bytes(std::span(head).first(present)));
  const std::string_view text(reinterpret_cast<const char*>(head.data()), present);
  if (text.substr(0, kMagic.size()) != kMagic.substr(0, present)) {
    badInput(file, fmt::format("not a npy file: starts with '{}', expected '\\x93NUMPY'", escaped(text, 6)));
  }
  if (present < 8) incompleteInput(file, fmt::format("truncated npy file: {} bytes", source.size()));
  const int version = head[6];
  if (version < 1 || version > 3 || head[7] != 0) {
    badInput(file, fmt::format("npy version {}.{} at byte 6 is unknown; 1.0, 2.0 and 3.0 are read", version, head[7]));
  }
  const uint64_t start = version == 1 ? 10 : 12;
  if (source.size() < start) incompleteInput(file, fmt::format("truncated npy file: {} bytes", source.size()));
  uint64_t length = head[8] | uint64_t{head[9]} << 8;
  if (version > 1) length |= uint64_t{head[10]} << 16 | uint64_t{head[11]} << 24;
  if (length > kLongestHeader) {
    badInput(file, fmt::format("the npy header at byte 8 claims {} bytes, the limit is {}", length, kLongestHeader));
  }
  if (length > source.size() - start) {
    incompleteInput(
        file, fmt::format("truncated npy file: the header needs {} bytes, {} follow", length, source.size() - start));
  }
  HeaderText header{std::string(length, '\0'), start};
  source.read(start, std::as_writable_bytes(std::span(header.text)));
  if (const size_t bad = invalidUtf8(header.text); version == 3 && bad != std::string::npos) {
    badInput(file, fmt::format("the npy header is not UTF-8 at byte {}", start + bad));
  }
  return header;
}

// A job killed while it dumps leaves a file that is too short: only whole rows of the leading axis are of use.
void allowTruncated(Tensor& tensor, uint64_t dataBytes, uint64_t needed, bool fortran, const OpenOptions& options,
                    Dump& dump) {
  const std::string lack = fmt::format("truncated: shape {} of {} needs {} bytes of data, the file has {}",
                                       shapeText(tensor.shape), info(tensor.dtype).name, needed, dataBytes);
  if (fortran || tensor.shape.empty()) incompleteInput(dump.path, lack + "; no complete leading rows in Fortran order");
  const uint64_t rowBytes = needed / static_cast<uint64_t>(tensor.shape[0]);
  const auto rows = static_cast<int64_t>(dataBytes / rowBytes);
  if (rows == 0) incompleteInput(dump.path, lack + "; not one complete leading row");
  if (!options.partial) {
    incompleteInput(dump.path, fmt::format("{}; {} of {} complete leading rows are available, --partial uses them",
                                           lack, rows, tensor.shape[0]));
  }
  tensor.availableRows = rows;
  dump.notes.push_back(
      fmt::format("{}: {}; using {} of {} leading rows", escapedPath(dump.path), lack, rows, tensor.shape[0]));
}

}  // namespace

NpyArray readNpyArray(const ByteSource& source, const OpenOptions& options) {
  const HeaderText text = readHeader(source);
  NpyArray array{.header = parseNpyHeader(text.text, text.start, source.name()),
                 .dataOffset = text.start + text.text.size()};
  findType(array, options);
  return array;
}

Tensor tensorOf(const NpyArray& array, std::string name, std::shared_ptr<const ByteSource> source) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = array.dtype;
  tensor.dtypeName = array.refusal.empty() ? info(array.dtype).name : array.header.descr;
  tensor.shape = array.header.shape;
  tensor.strides = array.header.fortranOrder ? stridesInFortran(tensor.shape) : stridesInC(tensor.shape);
  tensor.source = std::move(source);
  tensor.offset = array.dataOffset;
  return tensor;
}

uint64_t dataBytes(const NpyArray& array, const std::string& file) {
  const auto elements = checkedElements(array.header.shape);
  const auto bytes = elements ? checkedMultiply(*elements, info(array.dtype).bytes) : std::nullopt;
  if (bytes) return *bytes;
  badInput(file, fmt::format("shape {} has more bytes than 64 bits count", shapeText(array.header.shape)));
}

bool detectsNpy(std::string_view head) { return head.starts_with(kMagic); }

Dump openNpy(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options) {
  Dump dump;
  dump.path = source->name();
  const NpyArray array = readNpyArray(*source, options);
  if (!array.refusal.empty()) badInput(dump.path, array.refusal);
  if (std::find(array.header.shape.begin(), array.header.shape.end(), 0) != array.header.shape.end()) {
    badInput(dump.path, fmt::format("no cells: the shape is {}", shapeText(array.header.shape)));
  }
  const uint64_t needed = dataBytes(array, dump.path);
  Tensor tensor = tensorOf(array, stem(dump.path), source);
  const uint64_t present = source->size() - tensor.offset;
  if (present < needed) {
    // One axis lies the same way in either order.
    const bool fortran = array.header.fortranOrder && tensor.shape.size() > 1;
    allowTruncated(tensor, present, needed, fortran, options, dump);
  } else if (present > needed) {
    dump.warnings.push_back(
        fmt::format("{}: {} trailing bytes after the array are ignored", escapedPath(dump.path), present - needed));
  }
  dump.tensors.push_back(std::move(tensor));
  return dump;
}

}  // namespace divlens
