#include "divergence/checkpoint.h"

#include <utility>

#include "gpu/barrier.h"

namespace divlens {

BlockKeeper::BlockKeeper(const gpu::Context& context, const gpu::Buffer& values, uint64_t count, Share share,
                         Checkpoint* checkpoint)
    : context_(context), values_(values), count_(count), share_(std::move(share)), checkpoint_(checkpoint) {}

uint64_t BlockKeeper::begin(size_t block) {
  if (checkpoint_ && block < checkpoint_->blocks.size()) {
    const BlockValues& kept = checkpoint_->blocks[block];
    gpu::upload(context_, values_, 0, std::as_bytes(std::span(kept.bits)));
    return kept.pairs;
  }
  // What other processes compute must be zero here; and a checkpoint of bytes that were never written is not the same
  // twice.
  if (share_.ranks > 1 || checkpoint_) {
    context_.runOnce([&](VkCommandBuffer commands) {
      gpu::barrier(commands, gpu::kAnyRead, gpu::kTransferWrite);
      vkCmdFillBuffer(commands, values_.handle(), 0, count_ * 4, 0);
      gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeReadWrite);
    });
  }
  return 0;
}

void BlockKeeper::keep(size_t block, uint64_t pairs) {
  checkpoint_->blocks.resize(block + 1);
  BlockValues& kept = checkpoint_->blocks[block];
  kept.bits.resize(count_);
  gpu::download(context_, values_, 0, std::as_writable_bytes(std::span(kept.bits)));
  kept.pairs = pairs;
}

void BlockKeeper::advance(size_t block, uint64_t pairs) {
  if (!checkpoint_ || std::chrono::steady_clock::now() - saved_ < checkpoint_->every) return;
  keep(block, pairs);
  checkpoint_->save();
  saved_ = std::chrono::steady_clock::now();
}

void BlockKeeper::rescue(size_t block, uint64_t pairs) noexcept {
  if (!checkpoint_) return;
  try {
    keep(block, pairs);
    checkpoint_->save();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the first failure is the one to report, and a lost device gives
                   // nothing back
  }
}

void BlockKeeper::finish(size_t block, uint64_t pairs) {
  if (checkpoint_) keep(block, pairs);
  if (share_.ranks == 1) return;
  std::vector<uint32_t> bits(count_);
  gpu::download(context_, values_, 0, std::as_writable_bytes(std::span(bits)));
  share_.combine(bits);
  if (share_.rank == 0) gpu::upload(context_, values_, 0, std::as_bytes(std::span(bits)));
}

}  // namespace divlens
