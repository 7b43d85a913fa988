#include "dump/read_team.h"

#include <algorithm>

namespace divlens {
namespace {

// Bytes that a thread takes at a time: little, since at the end of a tile the others wait for it.
constexpr size_t kPart = size_t{256} << 10;

}  // namespace

size_t ReadTeam::usual() { return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 16); }

ReadTeam::ReadTeam(size_t threads) {
  for (size_t i = 1; i < threads; ++i) threads_.emplace_back([this](const std::stop_token& stop) { serve(stop); });
}

ReadTeam::~ReadTeam() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void ReadTeam::read(const RowReader& reader, std::span<const int64_t> rows, std::byte* out) {
  const size_t rowsAtOnce = std::max<size_t>(1, kPart / reader.rowBytes());
  // Entries that lie apart in the file are gathered for all rows at once.
  if (threads_.empty() || rows.size() <= rowsAtOnce || !reader.contiguous()) return reader.read(rows, out);
  std::unique_lock lock(mutex_);
  part_ = [&](size_t part) {
    const size_t first = part * rowsAtOnce;
    reader.read(rows.subspan(first, std::min(rowsAtOnce, rows.size() - first)), out + first * reader.rowBytes());
  };
  next_ = 0;
  parts_ = (rows.size() + rowsAtOnce - 1) / rowsAtOnce;
  error_ = nullptr;
  changed_.notify_all();
  work(lock);
  changed_.wait(lock, [&] { return running_ == 0; });
  parts_ = next_ = 0;
  if (error_) std::rethrow_exception(error_);
}

void ReadTeam::work(std::unique_lock<std::mutex>& lock) {
  while (next_ < parts_) {
    const size_t part = next_++;
    ++running_;
    lock.unlock();
    std::exception_ptr error;
    try {
      part_(part);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    --running_;
    if (error) {
      if (!error_) error_ = error;
      next_ = parts_;
    }
  }
  if (running_ == 0) changed_.notify_all();
}

void ReadTeam::serve(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return next_ < parts_; })) work(lock);
}

}  // namespace divlens
