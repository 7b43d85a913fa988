#pragma once
#include <span>

#include "divergence/plan.h"
#include "gpu/pipeline.h"

namespace divlens {

/// Which translator of a tuned lens serves a row of hidden states, by the number on its layer's label or, where labels
/// are no numbers, its position; -1: none, as of the last layer.
int64_t translatorOf(const Lens& lens, const Tensor& tensor, int64_t row);

/// The affine translators of a tuned lens on the device: h + A h + b for rows of floats. One translator is there at a
/// time.
class TunedPass {
 public:
  TunedPass(const gpu::Context& context, const Lens& lens, uint64_t maxRows);
  /// `ready` holds one row for each of `translators` (see translatorOf), as lens_rows.comp leaves them; submits what
  /// writes the translated ones.
  void run(const gpu::Buffer& ready, VkBufferView texels, std::span<const int64_t> translators);
  /// The translated rows, as far apart as those that were ready.
  const gpu::Buffer& rows() const { return rows_; }

 private:
  void load(int64_t translator);

  const gpu::Context& context_;
  const Lens& lens_;
  uint32_t lanes_;
  uint64_t rowFloats_, matrixFloats_;
  gpu::ComputePipeline pass_;
  gpu::Buffer matrix_, bias_, rows_;
  gpu::TexelView texels_;
  gpu::Submission submission_;
  int64_t loaded_ = -1;
};

}  // namespace divlens
