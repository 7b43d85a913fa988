#include "app/bench_viewer.h"

#include <fmt/format.h>
#include <imgui.h>
#include <imgui_impl_vulkan.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <vector>

#include "divergence/grid_write.h"
#include "figure/imgui_backend.h"
#include "figure/layout.h"
#include "figure/list_painter.h"
#include "gpu/graphics.h"

namespace divlens {
namespace {

constexpr int kWidth = 1280, kHeight = 720;
constexpr double kScreenDpi = 96;

/// Every cell another number between 0 and 1, the same in each run.
std::vector<float> noise(int64_t count) {
  uint32_t state = 1;
  std::vector<float> cells(static_cast<size_t>(count));
  for (float& cell : cells) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    cell = float(state >> 8) * 0x1p-24f;
  }
  return cells;
}

/// What a window has, without the window.
class Bench {
 public:
  Bench(const gpu::Context& context, const Grid& grid)
      : context_(context),
        target_(context, kWidth, kHeight),
        heatmap_(context, target_.renderPass()),
        texts_(context, target_.renderPass(), shaper_),
        pool_(context, kMaxHeatmapDraws, kHeatmapBindings),
        reducer_(context),
        pyramid_(reducer_, grid),
        views_(reducer_) {
    options_.dpi = kScreenDpi;
    content_.rows = {.name = "layer", .count = grid.rows()};
    content_.columns = {.name = "token", .count = grid.columns()};
    ColorScale& scale = content_.scales.front();
    scale.norm = makeNorm(options_, {.cells = 2, .min = 0, .max = 1, .minPositive = 0.1, .percentiles = {}});
    scale.colors = cellColors(options_, "viridis");
    tables_.emplace(context, content_.scales);
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = ImVec2(kWidth, kHeight);
    io.DeltaTime = 1.0f / 60.0f;
    backend_.start(context, target_.renderPass(), 2);
  }

  /// One frame, from layout to the last pixel; milliseconds.
  double frame(double begin, double end) {
    const auto start = std::chrono::steady_clock::now();
    content_.columns.begin = begin;
    content_.columns.end = end;
    content_.rows.end = double(content_.rows.count);
    const Layout layout = layoutFigure(options_, content_, shaper_, {kWidth, kHeight});
    pool_.reset();
    ImGui_ImplVulkan_NewFrame();
    ImGui::NewFrame();
    texts_.begin(0);
    ListPainter painter({&heatmap_, texts_, target_.extent(), pool_});
    const HeatmapCells cells{views_, *tables_};
    painter.paint(*ImGui::GetBackgroundDrawList(), layout.list, &cells);
    texts_.finish();
    ImGui::Render();
    context_.runOnce([&](VkCommandBuffer commands) {
      painter.useCommands(commands);
      views_.prepare(commands, heatmapAreas(layout.list), pyramid_);
      target_.begin(commands, {1, 1, 1, 1});
      ImGui_ImplVulkan_RenderDrawData(ImGui::GetDrawData(), commands);
      target_.end(commands);
    });
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  const gpu::Context& context_;
  gpu::OffscreenTarget target_;
  TextShaper shaper_;
  ImGuiBackend backend_;
  HeatmapPass heatmap_;
  TextPass texts_;
  gpu::DescriptorPool pool_;
  CellReducer reducer_;
  GridPyramid pyramid_;
  CellViews views_;
  FigureOptions options_;
  FigureContent content_;
  std::optional<ScaleTables> tables_;
};

}  // namespace

ViewerTimes timeViewer(const gpu::Context& context, int64_t rows, int64_t columns, int frames) {
  const Grid grid(context, 1, rows, columns);
  writeCells(context, grid, 0, noise(rows * columns));
  Bench bench(context, grid);
  ViewerTimes times{.device = context.info().name,
                    .rows = rows,
                    .columns = columns,
                    .width = kWidth,
                    .height = kHeight,
                    .frames = frames};
  const auto all = double(columns);
  times.first = bench.frame(0, all);
  bench.frame(0, all / 2);
  std::vector<double> each, processor;
  for (int i = 0; i < frames; ++i) {
    // There and back, never twice the same part.
    const double share = 0.5 * (i % 50) / 50 + 1e-4 * i;
    const std::clock_t before = std::clock();
    each.push_back(bench.frame(all * share, all * (share + 0.49)));
    processor.push_back(1e3 * double(std::clock() - before) / CLOCKS_PER_SEC);
  }
  std::sort(each.begin(), each.end());
  std::sort(processor.begin(), processor.end());
  times.median = each[each.size() / 2];
  times.processor = processor[processor.size() / 2];
  times.slowest = each.back();
  return times;
}

std::string viewerText(const ViewerTimes& t) {
  return fmt::format(
      "moving about {} × {} cells at {} × {}, {} frames on {}: median {:.1f} ms ({:.1f} ms of processor time), slowest "
      "{:.1f} "
      "ms; the first frame, which prepares the levels, {:.0f} ms",
      t.rows, t.columns, t.width, t.height, t.frames, t.device, t.median, t.processor, t.slowest, t.first);
}

}  // namespace divlens
