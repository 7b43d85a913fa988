#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "figure/axis_scale.h"
#include "figure/figure_content.h"
#include "figure/number_format.h"
#include "figure/text.h"
#include "figure/ticks.h"

namespace divlens {

/// The tick labels of one axis: which entries get one, and with which text.
class AxisLabels {
 public:
  struct Tick {
    int64_t entry = 0;
    std::string text;
    float width = 0;  ///< pixels
  };
  struct Placement {
    std::vector<Tick> ticks;
    bool rotated = false;
    float longest = 0;     ///< width of the widest text
    bool thinned = false;  ///< fewer than the user asked for
    bool cut = false;      ///< some have more characters than are shown
  };

  /// --xticklabels and --xtick-fmt, or those of y.
  struct Options {
    const std::string& choice;
    const char* choiceOption;
    const std::string& format;
    const char* formatOption;
  };
  AxisLabels(const FigureAxis& axis, const Options& options, TextShaper& shaper, float sizePx);

  /// Labels below an axis `length` pixels long: horizontal where they fit, else numbers thinned and text turned.
  Placement across(float length);
  /// Labels beside an axis `length` pixels long: one line each.
  Placement down(float length);
  /// Where an entry's tick is, in cells: at its coordinate, or in the middle of its cell.
  double centre(int64_t entry) const {
    if (!axis_.places.empty()) return static_cast<double>(axis_.places[static_cast<size_t>(entry)]);
    return edgePosition(axis_.edges, static_cast<double>(entry) + 0.5);
  }
  /// Why a file's labels are not shown; empty as a rule.
  const std::string& warning() const { return choice_.warning; }
  double begin() const { return begin_; }
  double end() const { return end_; }

 private:
  /// As the user's list, the dump or the position says.
  std::string label(int64_t entry) const;
  std::string text(int64_t entry, size_t mostCharacters) const;
  std::string text(int64_t entry) const;
  std::vector<int64_t> entries(double pitch, double extent) const;
  Placement place(double pitch, double extent, bool rotated);
  float measuredLongest();
  std::vector<int64_t> thinned(double pitch, double extent) const;
  bool collide(const std::vector<int64_t>& entries, double pitch, double extent) const;

  const FigureAxis& axis_;
  TickChoice choice_;
  std::optional<NumberFormat> format_;
  TextShaper& shaper_;
  float size_ = 0;
  double begin_ = 0, end_ = 0;
  int64_t first_ = 0, last_ = 0;  ///< [first_, last_): entries whose centre is visible
  bool byteLevel_ = false, numeric_ = true;
  float longest_ = -1;
};

}  // namespace divlens
