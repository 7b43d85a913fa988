#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dump/bytes.h"

namespace divlens {

/// One file inside a zip archive, as its central directory and its local header agree on it.
struct ZipMember {
  std::string name;
  bool deflated = false;
  uint32_t crc = 0;
  uint64_t packedBytes = 0;  ///< in the archive
  uint64_t bytes = 0;        ///< unpacked
  uint64_t offset = 0;       ///< of the packed bytes in the archive
};

/// The members of a zip archive in the order of their places, ZIP64 included, folders left out. Central directory and
/// local headers must agree and members must not overlap; what does not, an encrypted member, a method other than
/// stored and deflated, or an archive without its end record is Error(BadInput).
std::vector<ZipMember> readZip(const ByteSource& source);

}  // namespace divlens
