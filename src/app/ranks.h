#pragma once
#include <cstdint>
#include <span>

#include "error.h"

namespace divlens {

/// This process's place among those that mpirun or srun started to share the work. Alone, and without MPI at all, where
/// none did; Error(Usage) where this divlens cannot take part.
class Ranks {
 public:
  Ranks();
  /// Whether this divlens was built with MPI.
  static bool available();
  /// Waits for the others, unless an exception is under way: then abandonRanks() is what must follow.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }
  int count() const { return count_; }
  int localRank() const { return localRank_; }  ///< among those on this machine
  /// See Share::combine; Error(Terminated, Interrupted) where a signal comes while the others are waited for.
  void combine(std::span<uint32_t> bits) const;

 private:
  bool started_ = false;
  int rank_ = 0, count_ = 1, localRank_ = 0;
};

/// Whether this process is to report an error that ends it: one that is not the first leaves the first time to report
/// the same, and is silent where the job ended meanwhile (all but one, when it was told to stop).
bool speaksFor(Exit code);
/// After an error: ends all processes of the job with this exit code; returns where there are none.
void abandonRanks(int code);

}  // namespace divlens
