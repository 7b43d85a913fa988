#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/session.h"
#include "app/writers.h"
#include "figure/figure_content.h"
#include "figure/text.h"

namespace divlens {

/// A session's figure as files in memory. What it says is found out once, for all of them.
class Pictures {
 public:
  /// Both must outlive it; the grid is looked at when the first file is made.
  Pictures(const Session& session, const Settings& settings) : session_(session), settings_(settings) {}
  /// A PNG, PDF or SVG: laid out, its cells drawn offscreen on the session's device, with metadata. What does not fit
  /// and which characters no font has is said on stderr, once.
  std::vector<uint8_t> render(Writer writer);

 private:
  void tell(const std::string& text);
  std::vector<uint8_t> png(const Layout& layout, TextShaper& shaper);
  std::vector<uint8_t> vectors(const Layout& layout, TextShaper& shaper, Writer writer);

  const Session& session_;
  const Settings& settings_;
  std::optional<FigureContent> content_;
  std::set<std::string> told_;
};
/// Checks the figure's options that need no data (colours, map, norm, size, marks) before a long run.
void checkFigureOptions(const Settings& settings);

}  // namespace divlens
