#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

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

/// Compute pipelines by what they were made from, made by threads of the store: a driver may compile for half a second,
/// and a run needs several. The last ones stay when nobody uses them any more, since a window makes the same few over
/// and over. Threads may share it.
class PipelineStore {
 public:
  using Future = std::shared_future<std::shared_ptr<const MadePipeline>>;

  PipelineStore() = default;
  ~PipelineStore();
  PipelineStore(const PipelineStore&) = delete;
  PipelineStore& operator=(const PipelineStore&) = delete;
  /// The pipeline of `key`; `make` is called, in another thread, where there is none.
  Future get(const std::string& key, std::function<std::shared_ptr<const MadePipeline>()> make);

 private:
  struct Kept {
    Future pipeline;
    uint64_t used = 0;
  };
  void dropOldest();
  void serve(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Kept> kept_;
  std::deque<std::packaged_task<std::shared_ptr<const MadePipeline>()>> wanted_;
  uint64_t uses_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace divlens::gpu
