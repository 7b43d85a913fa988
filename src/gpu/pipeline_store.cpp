#include "gpu/pipeline_store.h"

namespace divlens::gpu {
namespace {

constexpr size_t kMostKept = 64;

}  // namespace

std::shared_ptr<const MadePipeline> PipelineStore::get(
    const std::string& key, const std::function<std::shared_ptr<const MadePipeline>()>& make) {
  const std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(key); found != kept_.end()) {
    found->second.used = ++uses_;
    return found->second.pipeline;
  }
  std::shared_ptr<const MadePipeline> made = make();
  if (kept_.size() >= kMostKept) dropOldest();
  kept_[key] = {made, ++uses_};
  return made;
}

// Those in use stay with their users.
void PipelineStore::dropOldest() {
  auto oldest = kept_.begin();
  for (auto it = kept_.begin(); it != kept_.end(); ++it)
    if (it->second.used < oldest->second.used) oldest = it;
  kept_.erase(oldest);
}

}  // namespace divlens::gpu
