#include "gpu/pipeline_store.h"

#include <algorithm>
#include <chrono>

namespace divlens::gpu {
namespace {

constexpr size_t kMostKept = 64;
constexpr unsigned kMostThreads = 4;  // the kernels of a usual run

bool failed(const PipelineStore::Future& future) {
  if (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
  try {
    future.get();
    return false;
  } catch (...) {
    return true;
  }
}

}  // namespace

PipelineStore::~PipelineStore() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

PipelineStore::Future PipelineStore::get(const std::string& key,
                                         std::function<std::shared_ptr<const MadePipeline>()> make) {
  const std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(key); found != kept_.end() && !failed(found->second.pipeline)) {
    found->second.used = ++uses_;
    return found->second.pipeline;
  }
  std::packaged_task<std::shared_ptr<const MadePipeline>()> task(std::move(make));
  const Future made = task.get_future().share();
  if (kept_.size() >= kMostKept) dropOldest();
  kept_[key] = {made, ++uses_};
  wanted_.push_back(std::move(task));
  const size_t most = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  if (threads_.size() < std::min(most, wanted_.size()))
    threads_.emplace_back([this](const std::stop_token& stop) { serve(stop); });
  changed_.notify_one();
  return made;
}

// Those in use stay with their users.
void PipelineStore::dropOldest() {
  auto oldest = kept_.begin();
  for (auto it = kept_.begin(); it != kept_.end(); ++it)
    if (it->second.used < oldest->second.used) oldest = it;
  kept_.erase(oldest);
}

void PipelineStore::serve(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !wanted_.empty(); })) {
    auto task = std::move(wanted_.front());
    wanted_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace divlens::gpu
