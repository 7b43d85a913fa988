#include "figure/cell_views.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "figure/pixel_spans.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr uint32_t kMostSets = 4096;
// Cells that a pixel may hold before levels are worth their making.
constexpr int64_t kFewCells = 64;
// Rows that keep the lanes of a processor busy.
constexpr uint32_t kFewRows = 8;

bool sameArea(const HeatmapArea& a, const HeatmapArea& b) {
  const auto equal = [](const Rect& x, const Rect& y) { return x.w == y.w && x.h == y.h; };
  return equal(pixelRect(a.rect), pixelRect(b.rect)) && a.panel == b.panel && a.reduction == b.reduction &&
         a.originUpper == b.originUpper && a.rowBegin == b.rowBegin && a.rowEnd == b.rowEnd &&
         a.columnBegin == b.columnBegin && a.columnEnd == b.columnEnd && !a.edges && !b.edges;
}

PixelSpans spansOf(float pixels, double begin, double end, int64_t count, const std::vector<float>* edges) {
  return pixelSpans(std::max(1L, std::lround(pixels)), begin, end, count,
                    edges ? std::span(*edges) : std::span<const float>());
}

void upload(const gpu::Context& context, gpu::Buffer& buffer, const std::vector<uint32_t>& words, const char* name) {
  const size_t bytes = std::max<size_t>(16, words.size() * 4);
  if (buffer.bytes() < bytes) buffer = gpu::Buffer(context, bytes, gpu::Memory::Upload, name);
  std::memcpy(buffer.mapped(), words.data(), words.size() * 4);
}

/// Lists of nodes, span by span: `words` begin with where each span's list begins and where the last one ends.
class SegmentLists {
 public:
  /// `words` appends what the shader is to know of a node: its level and its number. Returns where the table of the
  /// spans' lists begins.
  template <typename Words>
  uint32_t add(std::span<const CellSpan> spans, int64_t first, int64_t count, uint32_t levels, const Words& words) {
    const size_t table = words_.size();
    words_.resize(table + spans.size() + 1);
    std::vector<uint32_t> segments;
    for (size_t i = 0; i < spans.size(); ++i) {
      words_[table + i] = uint32_t(words_.size());
      const CellSpan inside{std::max<int64_t>(spans[i].begin - first, 0), std::min(spans[i].end - first, count)};
      segments.clear();
      appendSegments(segments, inside, count, levels);
      for (const uint32_t s : segments) words(words_, s >> kSegmentBits, s & ((1u << kSegmentBits) - 1));
    }
    words_[table + spans.size()] = uint32_t(words_.size());
    return uint32_t(table);
  }
  const std::vector<uint32_t>& words() const { return words_; }

 private:
  std::vector<uint32_t> words_;
};

}  // namespace

Rect pixelRect(const Rect& rect) {
  const float x = std::round(rect.x), y = std::round(rect.y);
  return {x, y, std::round(rect.right()) - x, std::round(rect.bottom()) - y};
}

std::vector<HeatmapArea> heatmapAreas(const DisplayList& list) {
  std::vector<HeatmapArea> areas;
  for (const DisplayItem& item : list.items)
    if (const auto* area = std::get_if<HeatmapArea>(&item)) areas.push_back(*area);
  return areas;
}

void CellView::shape(const gpu::Context& context, int64_t rows, int64_t columns, const CellReduction& how) {
  const uint64_t rowBytes = uint64_t(columns) * 4 * nodeWords(how.how);
  const auto most = std::max<int64_t>(1, int64_t(context.maxBufferBytes() / rowBytes));
  rows_ = rows, columns_ = columns, how_ = how;
  bands_.resize(size_t((rows + most - 1) / most));
  for (size_t i = 0; i < bands_.size(); ++i) {
    Band& band = bands_[i];
    band.firstRow = int64_t(i) * most;
    band.rows = std::min(most, rows - band.firstRow);
    const uint64_t bytes = std::max<uint64_t>(16, uint64_t(band.rows) * rowBytes);
    if (band.cells.bytes() < bytes) band.cells = gpu::Buffer(context, bytes, gpu::Memory::Device, "view");
  }
}

CellViews::CellViews(CellReducer& reducer) : reducer_(reducer), pool_(reducer.context(), kMostSets, 4) {}

void CellViews::prepare(VkCommandBuffer commands, std::span<const HeatmapArea> areas, GridPyramid& pyramid) {
  pool_.reset();
  views_.resize(areas.size());
  for (size_t i = 0; i < areas.size(); ++i) {
    CellView& view = views_[i];
    if (view.version_ == pyramid.version() && sameArea(view.area_, areas[i])) continue;
    fill(commands, areas[i], pyramid, view);
    view.area_ = areas[i];
    view.version_ = pyramid.version();
  }
}

void CellViews::fill(VkCommandBuffer commands, const HeatmapArea& area, GridPyramid& pyramid, CellView& view) {
  const Grid& grid = pyramid.grid();
  const Rect rect = pixelRect(area.rect);
  const PixelSpans rows =
      spansOf(rect.h, area.rowBegin, area.rowEnd, grid.rows(), area.edges ? &area.edges->rows : nullptr);
  const PixelSpans columns =
      spansOf(rect.w, area.columnBegin, area.columnEnd, grid.columns(), area.edges ? &area.edges->columns : nullptr);
  std::vector<uint32_t> pixels = rows.index;
  if (!area.originUpper) std::reverse(pixels.begin(), pixels.end());
  pixels.insert(pixels.end(), columns.index.begin(), columns.index.end());
  upload(reducer_.context(), view.pixels_, pixels, "pixels");
  view.shape(reducer_.context(), int64_t(rows.spans.size()), int64_t(columns.spans.size()), area.reduction);

  const bool many = rows.longest() * columns.longest() > kFewCells;
  const std::vector<ChunkLevels>* levels =
      many ? &pyramid.levels(commands, pool_, area.panel, area.reduction) : nullptr;
  const std::vector<GridChunk>& chunks = grid.chunks(area.panel);
  SegmentLists lists;
  const LevelPlaces places(0, grid.columns());
  const uint32_t columnTable =
      lists.add(columns.spans, 0, grid.columns(), levels ? places.columnLevels() : 1,
                [&](std::vector<uint32_t>& out, uint32_t j, uint32_t at) { out.push_back(places.column(j) + at); });
  struct Step {
    size_t chunk, band;
    ViewPush push;
  };
  std::vector<Step> steps;
  for (size_t c = 0; c < chunks.size(); ++c) {
    const GridChunk& chunk = chunks[c];
    // Spans follow each other and grow: those of a chunk are a run.
    const auto first = std::partition_point(rows.spans.begin(), rows.spans.end(),
                                            [&](const CellSpan& span) { return span.end <= chunk.firstRow; });
    const auto past = std::partition_point(
        first, rows.spans.end(), [&](const CellSpan& span) { return span.begin < chunk.firstRow + chunk.rows; });
    for (size_t b = 0; b < view.bands_.size(); ++b) {
      const CellView::Band& band = view.bands_[b];
      const int64_t from = std::max<int64_t>(first - rows.spans.begin(), band.firstRow);
      const int64_t to = std::min<int64_t>(past - rows.spans.begin(), band.firstRow + band.rows);
      if (from >= to) continue;
      // Spans that began in an earlier chunk add to what stands there.
      const auto joined = std::partition_point(rows.spans.begin() + from, rows.spans.begin() + to,
                                               [&](const CellSpan& span) { return span.begin < chunk.firstRow; });
      const int64_t split = joined - rows.spans.begin();
      for (const auto& [begin, end] : {std::pair(from, split), std::pair(split, to)}) {
        if (begin >= end) continue;
        const auto spans = std::span(rows.spans).subspan(size_t(begin), size_t(end - begin));
        const LevelPlaces placed(chunk.rows, grid.columns());
        const uint32_t table =
            lists.add(spans, chunk.firstRow, chunk.rows, levels ? placed.rowLevels() : 1,
                      [&](std::vector<uint32_t>& out, uint32_t i, uint32_t at) {
                        const auto cells = uint32_t(grid.columns());
                        out.push_back(i == 0 ? at * cells : kNoCells);
                        out.push_back(uint32_t(placed.begin(i)) + at * placed.stride(i) - (i == 0 ? cells : 0));
                      });
        steps.push_back({c,
                         b,
                         {.rows = uint32_t(end - begin),
                          .columns = uint32_t(view.columns_),
                          .firstRow = uint32_t(begin - band.firstRow),
                          .rowSpans = table,
                          .columnSpans = columnTable,
                          .cellColumns = uint32_t(grid.columns()),
                          .join = begin < split ? 1u : 0u,
                          .hiddenOp = area.reduction.hidden.op,
                          .hiddenValue = area.reduction.hidden.value,
                          .center = area.reduction.center}});
      }
    }
  }
  upload(reducer_.context(), view.spans_, lists.words(), "spans");
  gpu::barrier(commands, gpu::kAnyAccess, gpu::kComputeReadWrite);
  for (const Step& step : steps) {
    const gpu::Buffer& cells = chunks[step.chunk].buffer;
    const gpu::BufferRange buffers[] = {
        {&cells}, {levels ? &(*levels)[step.chunk].nodes : &cells}, {&view.spans_}, {&view.bands_[step.band].cells}};
    reducer_.view(area.reduction.how, columns.longest() > rows.longest() && step.push.rows >= kFewRows)
        .dispatch(commands, pool_, buffers, std::as_bytes(std::span(&step.push, 1)),
                  CellReducer::groups(int64_t(step.push.rows) * step.push.columns));
    gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeReadWrite);
  }
  gpu::barrier(commands, gpu::kComputeWrite, {VK_PIPELINE_STAGE_FRAGMENT_SHADER_BIT, VK_ACCESS_SHADER_READ_BIT});
}

}  // namespace divlens
