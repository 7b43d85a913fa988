#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "gpu/pipeline.h"

namespace divlens::gpu {

/// A compute pipeline and its layout.
struct MadePipeline {
  MadePipeline(const Context& context, uint32_t bindings, uint32_t pushBytes, uint32_t texelBindings)
      : device(context.device()), layout(context, bindings, pushBytes, VK_SHADER_STAGE_COMPUTE_BIT, texelBindings) {}
  ~MadePipeline() { vkDestroyPipeline(device, handle, nullptr); }
  MadePipeline(const MadePipeline&) = delete;
  MadePipeline& operator=(const MadePipeline&) = delete;

  VkDevice device;
  PipelineLayout layout;
  VkPipeline handle = VK_NULL_HANDLE;
};

/// Compute pipelines by what they were made from. The last ones stay when nobody uses them any more, since a driver may
/// compile for half a second: a window makes the same few over and over. Threads may share it.
class PipelineStore {
 public:
  /// The pipeline of `key`; `make` is called where there is none.
  std::shared_ptr<const MadePipeline> get(const std::string& key,
                                          const std::function<std::shared_ptr<const MadePipeline>()>& make);

 private:
  struct Kept {
    std::shared_ptr<const MadePipeline> pipeline;
    uint64_t used = 0;
  };
  void dropOldest();

  std::mutex mutex_;
  std::map<std::string, Kept> kept_;
  uint64_t uses_ = 0;
};

}  // namespace divlens::gpu
