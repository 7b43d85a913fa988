#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "figure/norm.h"

namespace divlens {

/// Ticks of a numeric axis with the text of each; `offset` is a common factor such as "×10⁻⁵", empty when there is
/// none.
struct NumericTicks {
  std::vector<double> values;
  std::vector<std::string> labels;
  std::string offset;
  std::vector<double> minor;  ///< without text: 2 … 9 times the decades of logarithmic norms
};

/// At most `most` + 1 round values (steps 1, 2, 2.5, 5, 10) inside [lo, hi], as matplotlib's MaxNLocator.
std::vector<double> roundTicks(double lo, double hi, int most);
/// Equal decimals for all, as matplotlib's ScalarFormatter; a factor is split off for very small or large numbers.
NumericTicks formatTicks(std::vector<double> values);
/// Ticks of the colour bar: round values, or decades where the norm is logarithmic.
NumericTicks colorbarTicks(const Norm& norm, int most);
/// The same, or those of --cbar-ticks, as --cbar-fmt says; Error(Usage).
NumericTicks colorbarTicks(const FigureOptions& options, const Norm& norm, int most);
/// A number's text with a true minus sign.
std::string withMinusSign(std::string number);
/// "a,b,c" or "@file" (one a line); Error(Usage) naming `option` where there are not `count`, and what `others` it
/// takes.
std::vector<std::string> parseLabels(const std::string& text, std::string_view option, int64_t count,
                                     const char* others = "");

/// What --xticklabels or --yticklabels asks for.
struct TickChoice {
  enum class Kind { Auto, None, Stride, List } kind = Kind::Auto;
  int64_t stride = 1;
  bool last = false;                ///< Stride: the last entry too
  std::vector<std::string> labels;  ///< List: one for each entry
  std::string warning;              ///< Auto: why the file's labels are not taken
};
/// Reads "auto", "none", "N", "N,last", "a,b,c" or "@file" (one label a line); Error(Usage) naming `option`. A file
/// with more or fewer labels than entries is Auto with a warning: it may be a dump's that was cut.
TickChoice parseTickChoice(const std::string& text, std::string_view option, int64_t entries);

/// Entries of [first, end) that get a label: multiples of the smallest round stride with stride·pitch >= extent, and
/// the last entry instead of the neighbours that would touch it. pitch and extent in pixels.
std::vector<int64_t> thinnedEntries(int64_t first, int64_t end, double pitch, double extent);
/// Multiples of `stride` in [first, end), and end − 1 where the last one is asked for.
std::vector<int64_t> stridedEntries(int64_t first, int64_t end, int64_t stride, bool last);

}  // namespace divlens
