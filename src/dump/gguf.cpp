// GGUF, llama.cpp's format of models (ggml/docs/gguf.md): "GGUF", uint32 version, uint64 tensors, uint64 pairs of key
// and value; the pairs; for each tensor its name, uint32 axes, uint64 lengths (the fastest first), uint32 type, uint64
// offset from the data's start, which is aligned. Only what is stored as plain numbers is read; quantised tensors are
// listed.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "dump/checked.h"
#include "dump/convert.h"
#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"

namespace divlens {
namespace {

constexpr uint64_t kWindow = uint64_t{1} << 16;
constexpr uint64_t kLongestText = 65'535;  // of keys and names
constexpr uint64_t kSmallestTensor = 8 + 4 + 8 + 4 + 8;
constexpr uint32_t kMostAxes = 4;
constexpr int kDeepest = 4;  // arrays in arrays
constexpr uint32_t kText = 8, kArray = 9, kUint32 = 4;
constexpr std::array<uint64_t, 13> kValueBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct StoredType {
  uint32_t id;
  const char* name;
};
constexpr StoredType kTypes[] = {
    {0, "F32"},      {1, "F16"},     {2, "Q4_0"},     {3, "Q4_1"},   {6, "Q5_0"},    {7, "Q5_1"},   {8, "Q8_0"},
    {9, "Q8_1"},     {10, "Q2_K"},   {11, "Q3_K"},    {12, "Q4_K"},  {13, "Q5_K"},   {14, "Q6_K"},  {15, "Q8_K"},
    {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},
    {23, "IQ4_XS"},  {24, "I8"},     {25, "I16"},     {26, "I32"},   {27, "I64"},    {28, "F64"},   {29, "IQ1_M"},
    {30, "BF16"},    {34, "TQ1_0"},  {35, "TQ2_0"},   {39, "MXFP4"}};

std::string typeName(uint32_t id) {
  for (const StoredType& type : kTypes)
    if (type.id == id) return type.name;
  return fmt::format("ggml type {}", id);
}

/// Goes through the header with small reads; everything that it claims is checked against what the file has left.
class Header {
 public:
  explicit Header(const ByteSource& source) : source_(source) {}
  uint64_t at() const { return at_; }
  uint64_t left() const { return source_.size() - at_; }

  template <typename T>
  T number(const char* what) {
    need(sizeof(T), what);
    if (at_ < begin_ || at_ + sizeof(T) > begin_ + window_.size()) {
      begin_ = at_;
      window_.resize(std::min(kWindow, left()));
      source_.read(begin_, window_);
    }
    const T value = loaded<T>(window_.data() + (at_ - begin_));
    at_ += sizeof(T);
    return value;
  }

  std::string text(const char* what) {
    const auto length = number<uint64_t>(what);
    if (length > kLongestText) fail(fmt::format("{} claims {} bytes, the limit is {}", what, length, kLongestText));
    need(length, what);
    std::string out(length, '\0');
    source_.read(at_, std::as_writable_bytes(std::span(out)));
    at_ += length;
    return out;
  }

  void skipValue(uint32_t type, int depth = 0) {
    if (type == kText) return skip(number<uint64_t>("a text"), "a text");
    if (type != kArray) return skip(bytesOf(type), "a value");
    const auto inner = number<uint32_t>("an array");
    const auto count = number<uint64_t>("an array");
    if (depth == kDeepest) fail("arrays in arrays go too deep");
    if (inner != kText && inner != kArray) {
      const auto bytes = checkedMultiply(count, bytesOf(inner));
      if (!bytes) fail(fmt::format("an array claims {} values", count));
      return skip(*bytes, "an array");
    }
    if (count > left() / 8) fail(fmt::format("an array claims {} entries, {} bytes are left", count, left()));
    for (uint64_t i = 0; i < count; ++i) skipValue(inner, depth + 1);
  }

  void skip(uint64_t bytes, const char* what) {
    need(bytes, what);
    at_ += bytes;
  }

  [[noreturn]] void fail(const std::string& text) const {
    badInput(source_.name(), fmt::format("the GGUF header at byte {}: {}", at_, text));
  }

 private:
  uint64_t bytesOf(uint32_t type) const {
    if (type >= kValueBytes.size()) fail(fmt::format("unknown type {} of a value", type));
    return kValueBytes.at(type);
  }
  void need(uint64_t bytes, const char* what) const {
    if (bytes > left())
      incompleteInput(source_.name(), fmt::format("truncated GGUF header: {} at byte {} needs {} bytes, {} are left",
                                                  what, at_, bytes, left()));
  }

  const ByteSource& source_;
  uint64_t at_ = 0, begin_ = 0;
  std::vector<std::byte> window_;
};

/// Keeps the few values that are of use; returns the alignment.
uint64_t readPairs(Header& header, uint64_t count, Dump& dump) {
  uint64_t alignment = 32;
  std::map<std::string, std::string> texts;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string key = header.text("a key");
    const auto type = header.number<uint32_t>("a value's type");
    if (key == "general.alignment" && type == kUint32)
      alignment = header.number<uint32_t>("the alignment");
    else if (type == kText && (key == "general.name" || key == "general.architecture"))
      texts[key] = header.text("a value");
    else
      header.skipValue(type);
  }
  if (alignment == 0 || (alignment & (alignment - 1)) != 0)
    header.fail(fmt::format("general.alignment is {}, no power of two", alignment));
  dump.title = texts["general.name"];
  if (!texts["general.architecture"].empty())
    dump.source = fmt::format("GGUF, architecture {}", texts["general.architecture"]);
  return alignment;
}

Tensor readTensor(Header& header, const std::shared_ptr<const ByteSource>& source) {
  Tensor tensor;
  tensor.source = source;
  tensor.name = header.text("a tensor's name");
  const auto axes = header.number<uint32_t>("a tensor's axes");
  if (axes == 0 || axes > kMostAxes)
    badTensor(tensor, fmt::format("{} axes at byte {}; GGUF has 1 to {}", axes, header.at() - 4, kMostAxes));
  for (uint32_t i = 0; i < axes; ++i) {
    const auto length = header.number<uint64_t>("a tensor's shape");
    if (length > uint64_t(INT64_MAX)) badTensor(tensor, fmt::format("an axis of {} entries", length));
    tensor.shape.insert(tensor.shape.begin(), int64_t(length));
  }
  tensor.dtypeName = typeName(header.number<uint32_t>("a tensor's type"));
  tensor.dtype = dtypeFromName(tensor.dtypeName);
  tensor.offset = header.number<uint64_t>("a tensor's offset");
  if (!checkedElements(tensor.shape))
    badTensor(tensor, fmt::format("shape {} has more elements than 63 bits hold", shapeText(tensor.shape)));
  tensor.strides = stridesInC(tensor.shape);
  return tensor;
}

/// Offsets become those of the file; every tensor whose size is known lies in it, and none in another.
void place(std::vector<Tensor>& tensors, uint64_t dataStart, uint64_t alignment) {
  std::vector<std::pair<uint64_t, const Tensor*>> starts;
  for (Tensor& tensor : tensors) {
    const auto bytes = checkedMultiply(uint64_t(tensor.elements()), info(tensor.dtype).bytes);
    const auto start = checkedAdd(dataStart, tensor.offset);
    const auto end = bytes && start ? checkedAdd(*start, *bytes) : std::nullopt;
    if (!end || tensor.offset % alignment != 0)
      badTensor(tensor, fmt::format("offset {} is no multiple of {} that a file could have", tensor.offset, alignment));
    if (*end > tensor.source->size())
      incompleteInput(tensor.source->name(), fmt::format("truncated: tensor '{}' ends at byte {}, the file has {}",
                                                         escaped(tensor.name), *end, tensor.source->size()));
    tensor.offset = *start;
    starts.emplace_back(*start, &tensor);
  }
  std::sort(starts.begin(), starts.end());
  for (size_t i = 1; i < starts.size(); ++i) {
    const Tensor& before = *starts[i - 1].second;
    if (before.offset + uint64_t(before.elements()) * info(before.dtype).bytes > starts[i].first)
      badTensor(before, fmt::format("overlaps tensor '{}'", escaped(starts[i].second->name)));
  }
}

}  // namespace

bool detectsGguf(std::string_view head) { return head.starts_with("GGUF"); }

Dump openGguf(const std::shared_ptr<const ByteSource>& source, const OpenOptions&) {
  Dump dump;
  dump.path = source->name();
  Header header(*source);
  header.skip(4, "the magic");
  const auto version = header.number<uint32_t>("the version");
  if (version != 2 && version != 3)
    header.fail(fmt::format("version {}{}; 2 and 3 are read", version, version > 0xffff ? " (big-endian)" : ""));
  const auto tensors = header.number<uint64_t>("the number of tensors");
  const auto pairs = header.number<uint64_t>("the number of keys");
  if (tensors > header.left() / kSmallestTensor || pairs > header.left() / (8 + 4 + 1))
    header.fail(fmt::format("{} tensors and {} keys do not fit {} bytes", tensors, pairs, header.left()));
  const uint64_t alignment = readPairs(header, pairs, dump);
  std::set<std::string> names;
  for (uint64_t i = 0; i < tensors; ++i) {
    dump.tensors.push_back(readTensor(header, source));
    if (!names.insert(dump.tensors.back().name).second) badTensor(dump.tensors.back(), "the name appears twice");
  }
  place(dump.tensors, (header.at() + alignment - 1) / alignment * alignment, alignment);
  return dump;
}

}  // namespace divlens
