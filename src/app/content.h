#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/session.h"
#include "app/shown_cells.h"
#include "figure/figure_content.h"

namespace divlens {

/// What the shown cells of the panels that share colours hold: their range and which special cells there are.
struct CellSummary {
  DataRange range;
  int64_t notPositive = 0;  ///< finite cells of 0 or less
  bool bad = false, inf = false;
};

/// One summary a colour scale. Its percentiles are found on the device when they are asked for; the session must
/// outlive it.
std::vector<CellSummary> summarise(const Session& session, const ShownCells& cells, const FigureOptions& options);
/// Norms and colours as the options say, for those summaries: cheap.
std::vector<ColorScale> colorScales(const Session& session, const FigureOptions& options,
                                    const std::vector<CellSummary>& summaries);
/// All that the figure says; it refers to what `cells` are made of.
FigureContent figureContent(const Session& session, const ShownCells& cells, const Settings& settings,
                            const std::vector<CellSummary>& summaries);
/// What depends on --onset and --persist alone: the lines, and the words under the figure.
void setOnsets(FigureContent& content, const Session& session, const ShownCells& cells, const Settings& settings);
/// Means of a panel's rows and columns over their finite cells; with a threshold the shares of their cells that reach
/// it, infinite ones among them. Cells that `hidden` picks are left out; NaN where none is left.
Marginals marginalsOf(const ShownCells& cells, size_t panel, size_t columns, const CellRule& hidden,
                      std::optional<double> threshold);
/// "BEGIN,END" of --xlim and --ylim, in cells; {0, 0} for an empty text: all. Error(Usage) beyond `count` cells (0:
/// unknown).
std::pair<double, double> visibleRange(const std::string& text, const char* option, int64_t count);

}  // namespace divlens
