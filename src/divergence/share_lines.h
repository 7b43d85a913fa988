#pragma once
#include <string>
#include <vector>

#include "divergence/checkpoint.h"

namespace divlens {

/// Some of many lines.
struct Lines {
  size_t count = 0;  ///< of all
  std::vector<std::string> first;
  std::string text() const;  ///< the first few, and how many there are more
};

/// The first process gets the lines of all, in their order, as far as a message needs them; the others keep their own.
/// Every process calls it.
Lines gathered(const Share& share, const std::vector<std::string>& own);

}  // namespace divlens
