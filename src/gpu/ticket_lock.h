#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace divlens::gpu {

/// A lock that threads get in the order in which they ask: a thread that computes without pause must not starve the one
/// that draws.
class TicketLock {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    const uint64_t ticket = next_++;
    turn_.wait(lock, [&] { return serving_ == ticket; });
  }
  void unlock() {
    {
      const std::lock_guard lock(mutex_);
      ++serving_;
    }
    turn_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  uint64_t next_ = 0, serving_ = 0;
};

}  // namespace divlens::gpu
