// GGUF, llama.cpp's format of models (ggml/docs/gguf.md): "GGUF", uint32 version, uint64 tensors, uint64 pairs of key
// and value; the pairs; for each tensor its name, uint32 axes, uint64 lengths (the fastest first), uint32 type, uint64
// offset from the data's start, which is aligned. Only what is stored as plain numbers is read; quantised tensors are
// listed with their size.
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
  uint32_t elements, bytes;  // of a block
};
constexpr StoredType kTypes[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17}};

const StoredType* typeOf(uint32_t id) {
  const auto at = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const StoredType& t) { return t.id == id; });
  return at == std::end(kTypes) ? nullptr : at;
}

/// Values of general.file_type by their number (llama.h: llama_ftype).
struct FileType {
  uint64_t id;
  const char* name;
};
constexpr FileType kFileTypes[] = {
    {0, "F32"},     {1, "F16"},     {2, "Q4_0"},     {3, "Q4_1"},    {7, "Q8_0"},      {8, "Q5_0"},    {9, "Q5_1"},
    {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"},  {13, "Q3_K_L"}, {14, "Q4_K_S"},   {15, "Q4_K_M"}, {16, "Q5_K_S"},
    {17, "Q5_K_M"}, {18, "Q6_K"},   {19, "IQ2_XXS"}, {20, "IQ2_XS"}, {21, "Q2_K_S"},   {22, "IQ3_XS"}, {23, "IQ3_XXS"},
    {24, "IQ1_S"},  {25, "IQ4_NL"}, {26, "IQ3_S"},   {27, "IQ3_M"},  {28, "IQ2_S"},    {29, "IQ2_M"},  {30, "IQ4_XS"},
    {31, "IQ1_M"},  {32, "BF16"},   {36, "TQ1_0"},   {37, "TQ2_0"},  {38, "MXFP4_MOE"}};

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

/// What of the pairs is of use.
struct Facts {
  uint64_t alignment = 32;
  std::map<std::string, std::string> texts;
  std::map<std::string, uint64_t> numbers;  ///< by what follows "general." or the architecture's name
};

Facts readPairs(Header& header, uint64_t count) {
  Facts facts;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string key = header.text("a key");
    const auto type = header.number<uint32_t>("a value's type");
    const std::string own = key.substr(key.find('.') + 1);
    if (type == kText && (key == "general.name" || key == "general.architecture" || key == "general.size_label"))
      facts.texts[own] = header.text("a value");
    else if (type == kUint32 && (key == "general.alignment" || key == "general.file_type" || own == "block_count" ||
                                 own == "embedding_length" || own == "expert_count"))
      facts.numbers[own] = header.number<uint32_t>("a value");
    else
      header.skipValue(type);
  }
  if (facts.numbers.contains("alignment")) facts.alignment = facts.numbers["alignment"];
  if (facts.alignment == 0 || (facts.alignment & (facts.alignment - 1)) != 0)
    header.fail(fmt::format("general.alignment is {}, no power of two", facts.alignment));
  return facts;
}

/// "GGUF, architecture llama, 30 blocks of width 576, size 135M, file type Q4_1".
std::string sourceText(const Facts& facts) {
  std::string out = "GGUF";
  const auto add = [&](const char* name, const auto& values, const char* format) {
    const auto at = values.find(name);
    if (at != values.end()) out += fmt::format(fmt::runtime(format), at->second);
  };
  add("architecture", facts.texts, ", architecture {}");
  add("block_count", facts.numbers, ", {} blocks");
  add("embedding_length", facts.numbers, ", width {}");
  add("expert_count", facts.numbers, ", {} experts");
  add("size_label", facts.texts, ", size {}");
  const auto type = facts.numbers.find("file_type");
  if (type == facts.numbers.end()) return out;
  const uint64_t id = type->second & 0x3ff;  // a flag marks what was guessed
  const auto known =
      std::find_if(std::begin(kFileTypes), std::end(kFileTypes), [&](const FileType& each) { return each.id == id; });
  return out + ", file type " + (known == std::end(kFileTypes) ? fmt::format("{}", id) : known->name);
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
  const auto id = header.number<uint32_t>("a tensor's type");
  const StoredType* const type = typeOf(id);
  tensor.dtypeName = type != nullptr ? type->name : fmt::format("ggml type {}", id);
  tensor.dtype = dtypeFromName(tensor.dtypeName);
  tensor.offset = header.number<uint64_t>("a tensor's offset");
  if (!checkedElements(tensor.shape))
    badTensor(tensor, fmt::format("shape {} has more elements than 63 bits hold", shapeText(tensor.shape)));
  tensor.strides = stridesInC(tensor.shape);
  if (tensor.dtype != DType::Unsupported || type == nullptr) return tensor;
  if (tensor.shape.back() % type->elements != 0)
    badTensor(tensor, fmt::format("its fastest axis has {} entries, {} stores blocks of {}", tensor.shape.back(),
                                  type->name, type->elements));
  tensor.unreadBytes = uint64_t(tensor.elements()) / type->elements * type->bytes;  // less than 8 bytes an element
  return tensor;
}

std::optional<uint64_t> bytesOf(const Tensor& tensor) {
  if (tensor.dtype == DType::Unsupported) return tensor.unreadBytes;
  return checkedMultiply(uint64_t(tensor.elements()), info(tensor.dtype).bytes);
}

/// Offsets become those of the file; every tensor whose size is known lies in it, and none in another.
void place(std::vector<Tensor>& tensors, uint64_t dataStart, uint64_t alignment) {
  std::vector<std::pair<uint64_t, const Tensor*>> starts;
  for (Tensor& tensor : tensors) {
    const auto bytes = bytesOf(tensor);
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
    if (before.offset + *bytesOf(before) > starts[i].first)
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
  const Facts facts = readPairs(header, pairs);
  if (facts.texts.contains("name")) dump.title = facts.texts.at("name");
  dump.source = sourceText(facts);
  std::set<std::string> names;
  for (uint64_t i = 0; i < tensors; ++i) {
    dump.tensors.push_back(readTensor(header, source));
    if (!names.insert(dump.tensors.back().name).second) badTensor(dump.tensors.back(), "the name appears twice");
  }
  place(dump.tensors, (header.at() + facts.alignment - 1) / facts.alignment * facts.alignment, facts.alignment);
  return dump;
}

}  // namespace divlens
