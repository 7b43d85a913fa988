#include "divergence/plan_mask.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "dump/escape.h"
#include "dump/rows.h"
#include "error.h"

namespace divlens {
namespace {

constexpr uint64_t kLargestList = uint64_t{64} << 20;  // bytes; ten million ids

[[noreturn]] void failMask(const std::string& path, const std::string& why) {
  throw Error(
      Exit::Usage,
      fmt::format("--vocab-mask {}: {}; it is a file of token ids: numbers separated by white space or commas, a JSON "
                  "list, or a .npy of integers, or of a BOOL for each entry",
                  escapedPath(path), why));
}

std::vector<int64_t> idsFromText(const std::string& path, const ByteSource& source) {
  if (source.size() > kLargestList) failMask(path, "it is larger than 64 MiB");
  std::string text(source.size(), '\0');
  source.read(0, std::as_writable_bytes(std::span(text)));
  std::vector<int64_t> ids;
  for (const char* at = text.data(); at < text.data() + text.size();) {
    if (std::string_view(" \t\r\n,[]").find(*at) != std::string_view::npos) {
      ++at;
      continue;
    }
    int64_t id = 0;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), id);
    if (error != std::errc()) failMask(path, fmt::format("no number at byte {}", at - text.data()));
    ids.push_back(id);
    at = end;
  }
  return ids;
}

/// An array of BOOL says of each entry whether it is compared.
std::vector<int64_t> idsOfMarks(const std::string& path, const std::vector<int64_t>& marks, int64_t entries) {
  if (int64_t(marks.size()) != entries)
    failMask(path, fmt::format("it marks {} entries, and the vocabulary has {}", marks.size(), entries));
  std::vector<int64_t> ids;
  for (size_t id = 0; id < marks.size(); ++id)
    if (marks[id] != 0) ids.push_back(int64_t(id));
  return ids;
}

std::vector<int64_t> readIds(const std::string& path, int64_t entries) {
  try {
    const auto source = openFile(path);
    char magic[6] = {};
    if (source->size() > 6) source->read(0, std::as_writable_bytes(std::span(magic)));
    if (std::string_view(magic, 6) != "\x93NUMPY") return idsFromText(path, *source);
    const Dump dump = openDump(path);
    const Tensor& tensor = dump.tensors.at(0);
    std::vector<int64_t> numbers = readIntegers(tensor);
    return tensor.dtype == DType::Bool ? idsOfMarks(path, numbers, entries) : numbers;
  } catch (const Error& error) {
    if (error.code() == Exit::Usage) throw;
    failMask(path, error.what());
  }
}

/// Strides of the mask tensor over the plan's axes, in the order rows, columns, reduced.
std::vector<int64_t> maskStrides(const Plan& plan, const Tensor& mask, const std::string& place) {
  std::vector<const PlanAxis*> axes{&plan.rows, &plan.columns};
  for (const PlanAxis& axis : plan.reduced) axes.push_back(&axis);
  std::vector<int64_t> strides(axes.size(), 0);
  int64_t stride = 1;
  for (size_t i = mask.axes.size(); i-- > 0;) {
    const auto found = std::find_if(axes.begin(), axes.end(),
                                    [&](const PlanAxis* a) { return !a->synthetic && a->name == mask.axes[i].name; });
    if (found == axes.end() || (*found)->length != mask.shape[i])
      throw Error(
          Exit::BadInput,
          fmt::format("{}: mask '{}' has axis '{}' of {} entries, which the cells {}; give the mask the cells' axes",
                      place, escaped(mask.name), escaped(mask.axes[i].name), mask.shape[i],
                      found == axes.end() ? "lack" : fmt::format("have with {}", (*found)->length)));
    strides[size_t(found - axes.begin())] = stride;
    stride *= mask.shape[i];
  }
  return strides;
}

}  // namespace

void applyVocabMask(Plan& plan, const std::string& path) {
  plan.allowed = plan.vocab;
  if (path.empty()) return;
  if (!holdsDistribution(plan.kind))
    failMask(path, fmt::format("tensor '{}' holds no distributions", escaped(plan.cells.name)));
  plan.allowedBits.assign(size_t((plan.vocab + 31) / 32), 0);
  for (const int64_t id : readIds(path, plan.entriesOf(plan.cells))) {
    if (id < 0 || id >= plan.entriesOf(plan.cells))
      failMask(path, fmt::format("id {} is outside the vocabulary of {}", id, plan.entriesOf(plan.cells)));
    if (id < plan.vocab) plan.allowedBits[size_t(id / 32)] |= 1u << (id % 32);
  }
  plan.allowed = 0;
  for (const uint32_t word : plan.allowedBits) plan.allowed += std::popcount(word);
  if (plan.allowed == 0) failMask(path, "it leaves no entry to compare");
}

void applyCellMask(Plan& plan, const Dump& dump) {
  if (plan.cells.mask.empty()) return;
  const Tensor* mask = dump.find(plan.cells.mask);
  const std::string place = escapedPath(dump.path);
  if (!mask)
    throw Error(Exit::BadInput, fmt::format("{}: there is no tensor '{}', which the metadata name as mask", place,
                                            escaped(plan.cells.mask)));
  if (mask->axes.size() != mask->shape.size())
    throw Error(Exit::BadInput, fmt::format("{}: mask '{}' has no axes; name them in the divlens metadata", place,
                                            escaped(mask->name)));
  plan.mask = {readIntegers(*mask), maskStrides(plan, *mask, place)};
}

}  // namespace divlens
