#pragma once
#include <functional>

#include "gpu/commands.h"
#include "gpu/context.h"

namespace divlens::gpu {

/// Times recorded work: by the device's own timestamps on a GPU, from submission to its end on a processor, where that
/// costs nothing.
class Stopwatch {
 public:
  explicit Stopwatch(const Context& context);
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  /// Records `work` into `commands`, submits, waits; seconds that it took.
  double run(Commands& commands, const std::function<void(VkCommandBuffer)>& work) const;

 private:
  const Context& context_;
  VkQueryPool pool_ = VK_NULL_HANDLE;  ///< none: the host's clock is used
  uint64_t mask_ = 0;                  ///< bits of a timestamp that count
};

}  // namespace divlens::gpu
