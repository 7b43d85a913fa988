#include "divergence/topk_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "divergence/user_metric.h"
#include "dump/escape.h"
#include "dump/rows.h"
#include "error.h"
#include "shaders/topk.h"

namespace divlens {
namespace {

/// Which metrics a partly known row bounds from below, one row each: f-divergences and monotone functions of them by
/// the completion that brings both rows closest, the others by what shaders/topk_pairs.comp says.
struct BoundRow {
  std::string_view stem;
  uint32_t rule;
};
constexpr BoundRow kBounds[] = {
    {"jsd", kernels::kClosest},       {"kl", kernels::kClosest},          {"kl-reverse", kernels::kClosest},
    {"jeffreys", kernels::kClosest},  {"js-distance", kernels::kClosest}, {"tv", kernels::kClosest},
    {"hellinger", kernels::kClosest}, {"chi2", kernels::kClosest},        {"renyi", kernels::kClosest},
    {"entropy", kernels::kClosest},   {"max-prob", kernels::kListed},     {"cross-entropy", kernels::kLeastCross},
};

/// An option that would need the whole row, and why.
struct Misplaced {
  bool given;
  const char* option;
  const char* why;
};

void checkOptions(const Plan& plan, const PlanOptions& options) {
  constexpr const char* kWhole = "needs every entry of a row to normalise it anew";
  const Misplaced rows[] = {
      {plan.temperature != 1, "--temperature", kWhole},
      {options.vocab.has_value(), "--vocab", kWhole},
      {!options.vocabMask.empty(), "--vocab-mask", kWhole},
      {!options.convention.empty(), "--convention", "is about whole distributions"},
      {plan.reference.kind == ReferenceKind::Mean, "--reference mean:AXIS", "needs entries that the lists leave open"},
      {plan.reference.kind == ReferenceKind::Uniform, "--reference uniform", "needs the size of the vocabulary"}};
  for (const Misplaced& row : rows)
    if (row.given)
      throw Error(Exit::Usage, fmt::format("{} {}, and tensor '{}' holds {} of each row (kind topk)", row.option,
                                           row.why, escaped(plan.cells.name), plan.cells.shape.back()));
}

bool whole(DType dtype) { return !info(dtype).floating && dtype != DType::Bool && dtype != DType::Unsupported; }

ListRow sorted(const double* logs, const int64_t* ids, int64_t k) {
  std::vector<size_t> order;
  ListRow row;
  for (size_t i = 0; i < size_t(k); ++i) {
    if (ids[i] < 0 && logs[i] == -INFINITY) continue;
    row.bad = row.bad || ids[i] < 0 || ids[i] >= int64_t(kernels::kNoId) || std::isnan(logs[i]) || logs[i] == INFINITY;
    order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ids[a] < ids[b]; });
  for (const size_t i : order) {
    row.bad = row.bad || (!row.ids.empty() && row.ids.back() == ids[i]);
    row.ids.push_back(ids[i]);
    row.logs.push_back(logs[i]);
  }
  return row;
}

}  // namespace

std::optional<uint32_t> boundOf(const Metric& metric) {
  if (metric.id == kUserMetricId && metric.stem() == "f") return kernels::kClosest;
  for (const BoundRow& row : kBounds)
    if (metric.stem() == row.stem && metric.tool == nullptr) return row.rule;
  return std::nullopt;
}

void checkLists(const Plan& plan, const PlanOptions& options) {
  if (plan.kind != Kind::TopK) return;
  checkOptions(plan, options);
  for (const MetricUse& use : plan.metrics) {
    if (boundOf(*use.metric)) continue;
    std::string known;
    for (const BoundRow& row : kBounds) known += fmt::format("{}{}", known.empty() ? "" : ", ", row.stem);
    throw Error(Exit::Usage,
                fmt::format("metric '{}' has no sound bound where only {} entries of a row are known (kind "
                            "topk); these have a lower one: {}, and f: of your own",
                            use.text, plan.cells.shape.back(), known));
  }
  const int64_t k =
      std::max(plan.cells.shape.back(),
               plan.reference.kind == ReferenceKind::Rows ? plan.reference.tensor.shape.back() : int64_t{0});
  if (k > kLongestList)
    throw Error(Exit::Usage,
                fmt::format("tensor '{}': lists of {} entries are longer than {} (kind topk); keep fewer, or "
                            "dump whole rows as logprobs",
                            escaped(plan.cells.name), k, kLongestList));
}

Tensor idsOf(const Dump& dump, const Tensor& lists, std::vector<std::string>& notes) {
  if (!lists.ids.empty()) return *dump.find(lists.ids);
  std::vector<const Tensor*> fitting;
  for (const Tensor& tensor : dump.tensors)
    if (whole(tensor.dtype) && tensor.shape == lists.shape) fitting.push_back(&tensor);
  if (fitting.size() != 1)
    badTensor(lists,
              fmt::format("its entries' ids are not known (kind topk): {} integer tensors of shape {} are in the "
                          "dump; name one in the divlens metadata, \"ids\": \"NAME\"",
                          fitting.size(), shapeText(lists.shape)));
  notes.push_back(fmt::format("tensor '{}': the ids of its entries are taken from '{}'", escaped(lists.name),
                              escaped(fitting[0]->name)));
  return *fitting[0];
}

std::vector<ListRow> readLists(const Tensor& lists, const Tensor& ids, std::span<const int64_t> rows) {
  const int64_t k = lists.shape.back();
  std::vector<double> logs;
  std::vector<int64_t> names;
  readRows(lists, rows, k, logs);
  readIntegerRows(ids, rows, k, names);
  std::vector<ListRow> out;
  out.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    out.push_back(sorted(logs.data() + i * size_t(k), names.data() + i * size_t(k), k));
  return out;
}

double roundoff(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return 0x1p-11;
    case DType::BF16:
      return 0x1p-8;
    case DType::F64:
      return 0x1p-53;
    default:
      return 0x1p-24;
  }
}

}  // namespace divlens
