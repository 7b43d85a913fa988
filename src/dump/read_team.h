#pragma once
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "dump/rows.h"

namespace divlens {

/// Threads that read rows together: one alone copies from the page cache at a fifth of what memory and a link to a
/// device can take.
class ReadTeam {
 public:
  /// `threads` work, the caller of read() among them.
  explicit ReadTeam(size_t threads);
  ~ReadTeam();
  ReadTeam(const ReadTeam&) = delete;
  ReadTeam& operator=(const ReadTeam&) = delete;
  /// As RowReader::read, by all threads; rethrows what the first of them to fail threw. One call at a time.
  void read(const RowReader& reader, std::span<const int64_t> rows, std::byte* out);
  /// As many as the processor runs at a time, at most 16.
  static size_t usual();

 private:
  void serve(const std::stop_token& stop);
  /// Takes parts of the work until none is left.
  void work(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::function<void(size_t)> part_;
  size_t next_ = 0, parts_ = 0, running_ = 0;
  std::exception_ptr error_;
  std::vector<std::jthread> threads_;
};

}  // namespace divlens
