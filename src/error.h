#pragma once
#include <stdexcept>
#include <string>

namespace divlens {

/// Exit codes of the executable; the numbers are part of the command line's contract.
enum class Exit : int {
  Done = 0,
  Failure = 1,
  Usage = 2,
  BadInput = 3,
  NoDevice = 4,
  Budget = 5,
  Output = 6,
  Interrupted = 130,
  Terminated = 143,
};

/// The one exception type: thrown anywhere, caught once in main. The message says what, where and what to do.
class Error : public std::runtime_error {
 public:
  /// What another attempt may help against.
  enum class Cause { Other, DeviceLost, OutOfMemory, Incomplete };
  Error(Exit code, const std::string& message, Cause cause = Cause::Other)
      : std::runtime_error(message), code_(code), cause_(cause) {}
  Exit code() const { return code_; }
  Cause cause() const { return cause_; }

 private:
  Exit code_;
  Cause cause_;
};

}  // namespace divlens
