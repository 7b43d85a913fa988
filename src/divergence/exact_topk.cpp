// Lower bounds over lists in double precision: the completion of both lists that shaders/topk_pairs.comp derives, as
// rows.
#include <cmath>

#include "divergence/exact.h"
#include "divergence/topk_lists.h"
#include "shaders/topk.h"

namespace divlens {
namespace {

/// A list with the probability that it leaves open.
struct OpenList {
  ListRow row;
  std::vector<double> p;
  double rest = 0;
  bool full = false;  ///< the rest is what rounding can hide, and may be anything below
};

OpenList opened(ListRow row, DType dtype) {
  OpenList out{std::move(row), {}, 0, false};
  if (out.row.bad) return out;
  long double sum = 0;
  double surprise = 0;
  for (const double log : out.row.logs) {
    out.p.push_back(std::exp(log));
    sum += out.p.back();
    if (out.p.back() > 0) surprise += out.p.back() * std::abs(log);
  }
  const double hidden = surprise * roundoff(dtype) + 4e-9;
  out.row.bad = double(sum) > 1.001 + hidden;
  out.rest = double(1 - sum);
  if (out.rest >= hidden) return out;
  const double total = double(sum) + hidden;
  out.rest = hidden / total;
  out.full = true;
  for (double& p : out.p) p /= total;
  for (double& log : out.row.logs) log -= std::log(total);
  return out;
}

/// Two rows that grow entry by entry.
struct Completion {
  std::shared_ptr<ExactRow> p = std::make_shared<ExactRow>(), q = std::make_shared<ExactRow>();
  void add(double x, double lnX, double y, double lnY) {
    p->p.push_back(x);
    p->logs.push_back(lnX);
    q->p.push_back(y);
    q->logs.push_back(lnY);
  }
  void add(double x, double y) {
    if (x > 0 || y > 0) add(x, std::log(x), y, std::log(y));
  }
};

/// What only one of two lists holds.
struct Only {
  std::vector<double> p;
  double sum = 0, largest = 0;
  void add(double x) {
    p.push_back(x);
    sum += x;
    largest = std::max(largest, x);
  }
};

Completion complete(const OpenList& reference, const OpenList& cell, uint32_t rule, bool limit) {
  Completion out;
  Only onlyP, onlyQ;
  long double sharedP = 0, sharedQ = 0;
  const ListRow &x = reference.row, &y = cell.row;
  for (size_t i = 0, j = 0; i < x.ids.size() || j < y.ids.size();) {
    if (j == y.ids.size() || (i < x.ids.size() && x.ids[i] < y.ids[j])) {
      onlyP.add(reference.p[i++]);
    } else if (i == x.ids.size() || y.ids[j] < x.ids[i]) {
      onlyQ.add(cell.p[j++]);
    } else {
      out.add(reference.p[i], x.logs[i], cell.p[j], y.logs[j]);
      sharedP += reference.p[i++];
      sharedQ += cell.p[j++];
    }
  }
  double r = reference.rest, s = cell.rest;
  if (onlyP.sum == 0 && onlyQ.sum == 0 && reference.full) r = std::min(r, s);
  if (onlyP.sum == 0 && onlyQ.sum == 0 && cell.full) s = std::min(r, s);
  if (rule == kernels::kListed) {
    out.add(0, -INFINITY, 0, -INFINITY);  // an empty list has no larger one
    return out;
  }
  if (rule == kernels::kLeastCross) {
    for (const double p : onlyP.p) out.add(p, s * p / onlyP.sum);
    out.add(r, std::max(s, onlyQ.largest));
  } else if (limit && (reference.full || cell.full)) {
    return out;
  } else if (onlyP.sum * onlyQ.sum <= r * s) {
    out.add(onlyP.sum + r, onlyQ.sum + s);
  } else {
    out.add(onlyP.sum, s);
    out.add(r, onlyQ.sum);
  }
  return out;
}

}  // namespace

ExactPair ExactReader::listPair(const Place& place, const MetricUse& use) const {
  const Metric& metric = *use.metric;
  const auto listOf = [](const Tensor& lists, const Tensor& ids, int64_t row) {
    return opened(readLists(lists, ids, std::span(&row, 1)).front(), lists.dtype);
  };
  ExactPair pair;
  pair.missing = place.outside;
  pair.masked = place.masked;
  const OpenList cell = listOf(plan_.cells, plan_.ids, place.cell);
  OpenList reference = cell;
  if (metric.needs != Needs::Nothing && plan_.reference.kind == ReferenceKind::Target) {
    pair.target = targets_.at(size_t(place.reference));
    pair.missing = pair.target < 0;
    reference = {{{pair.target}, {0}, false}, {1}, 0, false};
  } else if (metric.needs != Needs::Nothing && !place.outside) {
    reference = listOf(plan_.reference.tensor, plan_.reference.ids, place.reference);
  }
  Completion rows = complete(reference, cell, boundOf(metric).value(), std::isinf(use.parameter));
  rows.p->bad = reference.row.bad;
  rows.q->bad = cell.row.bad;
  pair.cell = rows.q;
  pair.reference = rows.p;
  return pair;
}

}  // namespace divlens
