#pragma once
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "gpu/context.h"

namespace divlens {

/// Bytes a second on the way from files to the grid, and of each leg of it alone.
struct Transfers {
  double copy = 0;        ///< the processor within its memory, all cores (16 at most) at work
  double read = 0;        ///< page cache → memory from which the device's copies start, by as many threads
  double link = 0;        ///< that memory → the device; 0 where they are the same memory
  double cachedRead = 0;  ///< read and link by way of memory that the processor caches, where that is another
  double cachedLink = 0;
  double download = 0;  ///< device → memory that the processor reads
  double file = 0;      ///< page cache → grid: KL of F16
  double steady = 0;    ///< the same, less what a run takes to begin
  double begin = 0;     ///< seconds of that
  double submit = 0;    ///< seconds of a submission without commands that is waited for
  double weights = 0;   ///< page cache → rms of a checkpoint of BF16
  /// What bounds `file`.
  double slower() const { return link > 0 ? std::min(copy, link) : copy; }
};

/// Measures all of it with `bytes` at a time, with four times that for files.
Transfers measureTransfers(const gpu::Context& context, uint64_t bytes);
/// `weightsLimit`: bytes a second at which rows of BF16 can be read.
std::string transfersText(const Transfers& transfers, double weightsLimit);
void addTransfers(nlohmann::ordered_json& report, const Transfers& transfers, double weightsLimit);

}  // namespace divlens
