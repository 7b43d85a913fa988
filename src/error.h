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
  Error(Exit code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

}  // namespace divlens
