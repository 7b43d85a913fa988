#pragma once
#include <string>

#include "app/session.h"
#include "divergence/checkpoint.h"

namespace divlens {

/// The file of --resume: what a run that was cut had computed, and what it computed it from.
class ResumeFile {
 public:
  /// Reads the file if there is one; Error(Usage) where it is no checkpoint, or one of other inputs, options or
  /// devices; Error(Output) where it cannot be written.
  ResumeFile(const Settings& settings, const Session& session);
  /// Removes a file in which nothing was kept.
  ~ResumeFile();
  ResumeFile(const ResumeFile&) = delete;
  ResumeFile& operator=(const ResumeFile&) = delete;

  Checkpoint& checkpoint() { return checkpoint_; }
  bool found() const { return found_; }  ///< the run goes on from an earlier one
  const std::string& path() const { return path_; }
  /// True where something was computed, by this run or an earlier one.
  bool anything() const;

 private:
  void load();
  void save() const;

  std::string path_;
  std::string origin_;  ///< JSON: what the values depend on
  uint64_t words_;      ///< of a block's values
  bool found_ = false;
  Checkpoint checkpoint_;
};

}  // namespace divlens
