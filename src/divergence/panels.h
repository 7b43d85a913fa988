#pragma once
#include <optional>
#include <string>
#include <vector>

#include "divergence/grid.h"
#include "divergence/plan.h"
#include "divergence/reducer.h"
#include "divergence/student.h"
#include "divergence/tiles.h"

namespace divlens {

/// One panel of the result: a metric and, with --group, a group or the difference of two.
struct ResultPanel {
  const MetricUse* metric = nullptr;  ///< null for scalar cells; points into the plan
  std::string group;                  ///< "known", "known − fictional", or empty
  int64_t count = 1;                  ///< entries reduced into each cell
  size_t channel = 0;                 ///< of the values
  size_t panel = 0;                   ///< index into plan.panels
  std::optional<size_t> minus;        ///< with --minus: the panel that is subtracted
  size_t dump = 0;                    ///< which of several dumps it is of
};

/// Entries that a bootstrap resamples at most: lavapipe 22.3 ends loops after 65,535 trips.
inline constexpr size_t kMostResampled = 60000;
/// Resamples of a bootstrap interval.
inline constexpr uint32_t kResamples = 2000;

/// Panels metric by metric, each with its groups, or with the differences to the group of --minus.
std::vector<ResultPanel> resultPanels(const Plan& plan);

/// The grids of a result: estimates and, with --ci, the ends of the interval.
struct PanelGrids {
  Grid grid;
  std::optional<Grid> lower, upper;
};

/// Reduces a block's values to the cells of each panel. Intervals are percentile bootstraps over the entries that are
/// reduced last: the same resamples for every cell, with a fixed seed (Efron 1979); or Student's.
class PanelReducer {
 public:
  PanelReducer(const gpu::Context& context, const Plan& plan);
  /// `values[channel · channelStride + cell · entries + entry]` → the block's cells in `grids`.
  void reduce(const Block& block, const gpu::Buffer& values, uint64_t channelStride,
              const std::vector<ResultPanel>& panels, PanelGrids& grids);
  Reducer& reducer() { return reducer_; }

 private:
  /// Values that only the last stage has still to reduce.
  struct Prepared {
    gpu::Buffer own;  ///< empty: `values` are they
    const gpu::Buffer* values = nullptr;
    uint64_t first = 0;
    uint64_t entries = 1;
    std::optional<Reduction> last;
  };
  Prepared prepare(const Block& block, const gpu::Buffer& values, uint64_t first, const PlanPanel& panel);
  gpu::Buffer estimate(const Prepared& prepared, uint64_t cells);
  gpu::Buffer resample(const Prepared& prepared, uint64_t firstCell, uint64_t cells);
  void subtract(const gpu::Buffer& from, const gpu::Buffer& what, uint64_t count);
  std::vector<MeanError> meanErrors(const Prepared& prepared, uint64_t cells);
  void studentInterval(const Block& block, const Prepared& a, const Prepared* b, PanelGrids& grids, int64_t panel);
  /// Of a group of one: NaN.
  void noInterval(const Block& block, PanelGrids& grids, int64_t panel);
  void interval(const Block& block, const Prepared& a, const Prepared* b, PanelGrids& grids, int64_t panel);
  void dispatch(const char* shader, std::initializer_list<const gpu::Buffer*> buffers, const kernels::ReducePush& push,
                uint64_t invocations);

  const gpu::Context& context_;
  const Plan& plan_;
  Reducer reducer_;
};

}  // namespace divlens
