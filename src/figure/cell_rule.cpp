#include "figure/cell_rule.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

struct RuleRow {
  std::string_view sign;
  uint32_t op;
};
// "<=" before "<": the first that fits wins.
constexpr RuleRow kRules[] = {{"<=", kRuleAtMost}, {">=", kRuleAtLeast}, {"==", kRuleEqual},
                              {"!=", kRuleOther},  {"<", kRuleBelow},    {">", kRuleAbove}};

struct AggregateRow {
  Aggregate how;
  const char* name;
  const char* words;
};
constexpr AggregateRow kAggregates[] = {{Aggregate::Max, "max", "the largest"},
                                        {Aggregate::Min, "min", "the smallest"},
                                        {Aggregate::Mean, "mean", "the mean"},
                                        {Aggregate::Extreme, "extreme", "the most extreme"}};

}  // namespace

Aggregate parseAggregate(const std::string& text, Aggregate usual) {
  if (text.empty()) return usual;
  std::vector<std::string> names;
  for (const AggregateRow& row : kAggregates) {
    if (text == row.name) return row.how;
    names.emplace_back(row.name);
  }
  throw Error(Exit::Usage, fmt::format("--aggregate {}: no such way{}; there are {}", escaped(text),
                                       didYouMean(text, names), listed(names)));
}

const char* aggregateWords(Aggregate how) { return kAggregates[static_cast<size_t>(how)].words; }

CellRule parseCellRule(const std::string& text, const char* option) {
  if (text.empty()) return {};
  for (const RuleRow& row : kRules) {
    std::string_view rest = text;
    if (!rest.starts_with(row.sign)) continue;
    rest.remove_prefix(row.sign.size());
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    CellRule rule{row.op, 0};
    const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), rule.value);
    if (end.ec == std::errc() && end.ptr == rest.data() + rest.size() && std::isfinite(rule.value)) return rule;
    break;
  }
  throw Error(Exit::Usage,
              fmt::format("{} '{}': give a comparison with a number: '>0.5', '<=1e-3', '==0'", option, escaped(text)));
}

}  // namespace divlens
