#pragma once
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/explain.h"
#include "app/figure_view.h"
#include "app/tokens.h"
#include "app/view_loader.h"
#include "app/view_options.h"
#include "figure/heatmap_pass.h"

namespace divlens {

/// What a pinned cell is made of, computed beside the window; `why` says why it cannot be taken apart.
struct PinDetails {
  std::optional<Explanation> explanation;
  std::vector<std::string> tokens;  ///< one for each entry
  std::string why;
};

/// A cell that stays in sight.
struct Pin {
  int panel = 0;
  int64_t row = 0, column = 0;
  std::future<PinDetails> coming;
  PinDetails details;
  bool ready = false;
};

/// Cells at or above the threshold, of one panel and one setting.
struct BeyondCounts {
  int panel = 0;
  Marginals shares;
  int64_t beyond = 0, finite = 0;
};

/// One dump in the window: its options, what was computed from it, and how it is looked at.
struct Document {
  Document(const Settings& settings, const std::shared_ptr<const gpu::Context>& context, std::function<void()> wake)
      : options(settings), loader(context, std::move(wake)) {}

  ViewOptions options;
  std::string name;  ///< of the file, for titles
  ViewLoader loader;
  std::shared_ptr<View> view;  ///< null: nothing to see yet
  FigureView look;
  std::vector<Pin> pins;
  std::atomic<int> cancel{0};  ///< ends the taking apart of pinned cells
  bool stale = false;          ///< the file has changed since
  bool failed = false;         ///< there is nothing to see, and will not be
  bool difference = false;     ///< of the first two files: nothing is loaded
  std::optional<Span> wanted;  ///< what to see once there are cells

  // What a frame draws, made anew when one of its causes changed.
  Layout layout;
  std::shared_ptr<GridPyramid> pyramid;
  std::shared_ptr<ScaleTables> tables;
  Span laidOut;
  PixelSize size;
  bool dirty = true;
  std::optional<BeyondCounts> beyond;
  int counted = 0;                     ///< the panel whose cells are counted: the last one under the cursor
  std::future<BeyondCounts> counting;  ///< of many cells, beside the window
  bool countAgain = false;             ///< they are no longer the ones that are wanted

  ~Document() { cancel = 1; }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  /// Several dumps whose panels stand side by side.
  bool several() const { return options.settings().dumps.size() > 1; }
  const FigureOptions& figure() const { return options.settings().figure; }
};

}  // namespace divlens
