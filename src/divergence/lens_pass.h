#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "divergence/plan.h"
#include "divergence/row_stats.h"
#include "divergence/tuned_pass.h"
#include "dump/rows.h"
#include "gpu/pipeline.h"
#include "shaders/lens.h"

namespace divlens {

/// Rows of hidden states that lie in a buffer, as RowReader left them.
struct HiddenRows {
  const Tensor* tensor = nullptr;
  gpu::BufferRange rows;
  std::span<const int64_t> numbers;  ///< which rows of their tensor
};

/// Turns hidden states into logits on the device, in float32, through the plan's lens. The unembedding stays there if
/// it is small; else it passes through in pieces, once for each tile of rows.
class LensPass {
 public:
  /// Either format may be missing: that side holds no hidden states. `maxRows`: of both sides in one tile.
  LensPass(const gpu::Context& context, const Plan& plan, std::optional<SideFormat> cells,
           std::optional<SideFormat> reference, size_t maxRows, uint64_t maxGpuMemory);
  /// Submits what writes the cells' logits to the start of `logits` and the reference's from `referenceOffset` bytes
  /// on. What is submitted later may read them after a barrier; the hidden rows must stay until then.
  void run(const HiddenRows& cells, const HiddenRows& reference, const gpu::Buffer& logits, uint64_t referenceOffset);
  /// Bytes that a row takes in a tile: of its logits, or of what they are made from where that is more.
  static uint64_t rowBytes(const Plan& plan, const RowReader& reader);
  /// The format of the logits: rows of `vocab` floats.
  static SideFormat logitsFormat(int64_t vocab);
  /// True where the dump says that the final norm is in that row already.
  static bool normed(const Tensor& tensor, int64_t row);

 private:
  /// Some entries of the unembedding.
  struct Piece {
    int64_t first = 0, entries = 0;
    gpu::Buffer upload, device;
    gpu::TexelView texels;
    const gpu::Buffer& matrix() const { return device ? device : upload; }
  };
  void makeBuffers(size_t maxRows);
  void makePieces(uint64_t maxGpuMemory);
  Piece makePiece(int64_t entries) const;
  void read(Piece& piece) const;
  void recordRows(VkCommandBuffer commands, const HiddenRows& rows, bool reference, uint32_t firstRow, uint32_t norm);
  void recordNorm(VkCommandBuffer commands, const gpu::ComputePipeline& pass, gpu::BufferRange rows,
                  kernels::LensRowsPush push);
  void translate(const HiddenRows& cells, const HiddenRows& reference);
  void recordPiece(VkCommandBuffer commands, gpu::Submission& submission, const Piece& piece, kernels::LensPush push,
                   const gpu::Buffer& logits) const;

  const gpu::Context& context_;
  const Plan& plan_;
  std::optional<SideFormat> cells_, reference_;
  RowReader matrix_;
  uint32_t lanes_;
  bool texels_, resident_ = false;
  int64_t entriesAtOnce_ = 0;
  gpu::ComputePipeline matrixPass_;
  std::unique_ptr<gpu::ComputePipeline> cellRows_, referenceRows_, translatedRows_;
  std::unique_ptr<TunedPass> tuned_;  ///< with --tuned-lens
  gpu::Buffer weights_, headBias_, normed_, ready_;
  gpu::TexelView readyTexels_;
  std::vector<Piece> pieces_;
  gpu::Submission submissions_[2];
};

}  // namespace divlens
