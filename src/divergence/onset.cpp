#include "divergence/onset.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

constexpr const char* kLayer = "layer";

/// Indices of an axis's entries in the order of the dump.
std::vector<size_t> dumpOrder(const PlanAxis& axis) {
  std::vector<size_t> order(axis.positions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return axis.positions[a] < axis.positions[b]; });
  return order;
}

std::optional<int64_t> firstRun(const std::vector<bool>& beyond, int64_t persist) {
  const auto count = int64_t(beyond.size());
  int64_t run = 0;
  if (persist == 0) {
    while (run < count && beyond[size_t(count - 1 - run)]) ++run;
    return run > 0 ? std::optional(count - run) : std::nullopt;
  }
  for (int64_t i = 0; i < count; ++i) {
    run = beyond[size_t(i)] ? run + 1 : 0;
    if (run == persist) return i + 1 - persist;
  }
  return std::nullopt;
}

}  // namespace

Threshold parseThreshold(const std::string& text, const char* option) {
  Threshold threshold{.below = text.starts_with('<'), .value = 0};
  const bool compared = threshold.below || text.starts_with('>');
  const char* begin = text.data() + (compared ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), threshold.value);
  if (compared && error == std::errc() && end == text.data() + text.size() && std::isfinite(threshold.value))
    return threshold;
  throw Error(Exit::Usage, fmt::format("{} '{}': it is < or > and a number, say '<0.1'", option, escaped(text)));
}

bool onsetDown(const Plan& plan) { return plan.rows.name == kLayer; }

void checkOnset(const Plan& plan) {
  parseThreshold(plan.onset, "--onset");
  const bool down = onsetDown(plan);
  if (!down && plan.columns.name != kLayer)
    throw Error(
        Exit::Usage,
        fmt::format(
            "--onset goes along axis 'layer', but the grid shows '{}' and '{}'; name layer with --rows or --columns",
            escaped(plan.rows.name), escaped(plan.columns.name)));
}

Onset findOnset(const Plan& plan, std::span<const float> cells, const Threshold& threshold, int64_t persist) {
  const bool down = onsetDown(plan);
  const size_t rows = plan.rows.positions.size(), columns = plan.columns.positions.size();
  Onset onset{
      .positions = {}, .beyondRows = std::vector<int64_t>(rows), .beyondColumns = std::vector<int64_t>(columns)};
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const int64_t beyond = threshold.beyond(cells[r * columns + c]) ? 1 : 0;
      onset.beyondRows[r] += beyond;
      onset.beyondColumns[c] += beyond;
    }
  const PlanAxis& layers = down ? plan.rows : plan.columns;
  const std::vector<size_t> order = dumpOrder(layers);
  for (size_t other = 0; other < (down ? columns : rows); ++other) {
    std::vector<bool> beyond;
    for (const size_t layer : order)
      beyond.push_back(threshold.beyond(cells[down ? layer * columns + other : other * columns + layer]));
    const std::optional<int64_t> first = firstRun(beyond, persist);
    onset.positions.push_back(first ? std::optional(layers.positions[order[size_t(*first)]]) : std::nullopt);
  }
  return onset;
}

std::vector<std::optional<double>> onsetEdges(const Plan& plan, const Onset& onset) {
  const PlanAxis& layers = onsetDown(plan) ? plan.rows : plan.columns;
  // A layer's earlier edge is where the layer before it would be.
  const bool falling = layers.positions.size() > 1 && layers.positions.front() > layers.positions.back();
  std::vector<std::optional<double>> out;
  for (const std::optional<int64_t>& position : onset.positions) {
    const auto found = std::find(layers.positions.begin(), layers.positions.end(), position.value_or(-1));
    out.push_back(position ? std::optional(double(found - layers.positions.begin()) + (falling ? 1 : 0))
                           : std::nullopt);
  }
  return out;
}

}  // namespace divlens
