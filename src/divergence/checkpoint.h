#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "gpu/buffer.h"

namespace divlens {

/// Several processes that compute one result together: each its part of every block, the first one what comes after.
struct Share {
  int rank = 0, ranks = 1;
  /// Makes `bits` of the first process the bitwise or of all processes'; every process calls it.
  std::function<void(std::span<uint32_t> bits)> combine;
};

/// A block's values so far: float bits as they lie on the device, and how many of this process's pairs they hold.
struct BlockValues {
  uint64_t pairs = 0;
  std::vector<uint32_t> bits;
};

/// What is finished, so that a run that was cut can go on; `save` keeps it somewhere.
struct Checkpoint {
  std::vector<BlockValues> blocks;  ///< the last one may be unfinished
  std::function<void()> save;
  std::chrono::milliseconds every{20'000};
};

/// The values of the block that is computed: restored from a checkpoint, kept in it, combined with those of others.
class BlockKeeper {
 public:
  /// `checkpoint` may be null. `values` are `count` floats.
  BlockKeeper(const gpu::Context& context, const gpu::Buffer& values, uint64_t count, Share share,
              Checkpoint* checkpoint);
  /// Prepares `values` for a block; returns how many of this process's pairs they hold already.
  uint64_t begin(size_t block);
  /// After some pairs: keeps them where it is time to.
  void advance(size_t block, uint64_t pairs);
  /// After a failure: keeps what there is. Says nothing where that fails too.
  void rescue(size_t block, uint64_t pairs) noexcept;
  /// After all pairs; then the first process holds the values of all.
  void finish(size_t block, uint64_t pairs);

 private:
  void keep(size_t block, uint64_t pairs);

  const gpu::Context& context_;
  const gpu::Buffer& values_;
  uint64_t count_;
  Share share_;
  Checkpoint* checkpoint_;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace divlens
