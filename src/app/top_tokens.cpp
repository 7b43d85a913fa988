#include "app/top_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app/session.h"
#include "app/tokens.h"
#include "divergence/exact.h"
#include "dump/escape.h"
#include "error.h"
#include "figure/label_text.h"

namespace divlens {
namespace {

constexpr int64_t kMostCells = 20000;
constexpr size_t kMostCharacters = 60;

std::string topToken(const ExactReader& reader, const EntryIndex& index, const TokenTexts& texts) {
  const int signal = interruptFlag();
  if (signal != 0) throw Error(signal == 15 ? Exit::Terminated : Exit::Interrupted, "interrupted");
  const auto row = reader.cell(index);
  if (!row || row->bad) return "";
  const int64_t id = std::max_element(row->logs.begin(), row->logs.end()) - row->logs.begin();
  const std::string text = texts.text(id);
  return text.empty() ? std::to_string(id) : text;
}

}  // namespace

void checkTopTokens(const Plan& plan) {
  if (!holdsDistribution(plan.kind))
    throw Error(Exit::Usage, fmt::format("--annot top1: tensor '{}' is of kind {}; its cells have no distribution "
                                         "whose most probable token could be written",
                                         escaped(plan.cells.name), name(plan.kind)));
  for (const PlanAxis& axis : plan.reduced) {
    const bool grouped = plan.groupAxis >= 0 && &axis == &plan.reduced[size_t(plan.groupAxis)];
    const auto single = [](const PlanPanel& panel) { return panel.entries.size() == 1; };
    if (grouped ? std::all_of(plan.panels.begin(), plan.panels.end(), single) : axis.positions.size() == 1) continue;
    throw Error(Exit::Usage, fmt::format("--annot top1: each cell is made of several entries of axis '{0}', which have "
                                         "a token each; keep one with --select {0}=SPEC",
                                         escaped(axis.name)));
  }
  if (plan.minus) throw Error(Exit::Usage, "--annot top1: a cell of --minus is made of two rows, with a token each");
  const auto cells = int64_t(plan.rows.positions.size() * plan.columns.positions.size() * plan.panels.size());
  if (cells > kMostCells)
    throw Error(Exit::Usage,
                fmt::format("--annot top1: {} cells are more than the {} whose tokens are read; keep fewer "
                            "with --select",
                            cells, kMostCells));
}

std::function<std::string(int, int64_t, int64_t)> topTokens(const Plan& plan, const std::vector<ResultPanel>& panels) {
  checkTopTokens(plan);
  const TokenTexts texts = tokenTexts(plan, "");
  const ExactReader reader(plan);
  const size_t rows = plan.rows.positions.size(), columns = plan.columns.positions.size();
  std::vector<std::string> tokens;  // of the plan's panels: metrics share them
  for (const PlanPanel& panel : plan.panels) {
    EntryIndex index{.reduced = std::vector<size_t>(plan.reduced.size(), 0)};
    if (plan.groupAxis >= 0) index.reduced[size_t(plan.groupAxis)] = panel.entries.front();
    for (index.row = 0; index.row < rows; ++index.row)
      for (index.column = 0; index.column < columns; ++index.column) tokens.push_back(topToken(reader, index, texts));
  }
  // Together, since whether they are byte-level shows in all of them; none stays none.
  auto shown = std::make_shared<std::vector<std::string>>(displayLabels(tokens, kMostCharacters));
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i].empty()) (*shown)[i].clear();
  std::vector<size_t> planPanels;
  for (const ResultPanel& panel : panels) planPanels.push_back(panel.panel);
  return [shown, planPanels, rows, columns](int panel, int64_t row, int64_t column) {
    return (*shown)[(planPanels[size_t(panel)] * rows + size_t(row)) * columns + size_t(column)];
  };
}

}  // namespace divlens
