#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace divlens {

/// What the dict literal of a .npy file says.
struct NpyHeader {
  std::string descr;  ///< "<f4"
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Parses the Python dict literal with exactly the keys descr, fortran_order and shape; nothing is evaluated.
/// `start` is the byte of the file at which the text begins; Error(BadInput) names `file` and the byte.
NpyHeader parseNpyHeader(std::string_view text, uint64_t start, const std::string& file);

}  // namespace divlens
