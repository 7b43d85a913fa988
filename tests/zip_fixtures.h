#pragma once
// A zip archive written byte by byte, with the places of its records, so that a test can falsify any field.
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace divlens::test {

struct ZipPart {
  std::string name;
  std::string body;  ///< unpacked
  bool deflate = false;
};

struct Zip {
  std::string bytes;
  std::vector<size_t> local, central;  ///< places of the headers
  size_t end = 0;                      ///< of the end record

  template <typename T>
  Zip& put(size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return *this;
  }
};

inline std::string deflated(const std::string& body) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("zlib");
  std::string out(deflateBound(&stream, uLong(body.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = uInt(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  const int state = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (state != Z_STREAM_END) throw std::runtime_error("zlib");
  return out;
}

inline uint32_t crcOf(const std::string& body) {
  return uint32_t(crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size())));
}

template <typename... T>
std::string packed(T... values) {
  std::string out;
  (out.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
  return out;
}

/// What a central (or, without `place`, a local) header says.
struct ZipHeader {
  std::string name;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t packedBytes = 0, bytes = 0;
  bool zip64 = false;
};

inline std::string localHeader(const ZipHeader& h) {
  const std::string extra = h.zip64 ? packed(uint16_t(1), uint16_t(16), h.bytes, h.packedBytes) : std::string();
  const uint32_t elsewhere = 0xFFFFFFFF;
  return packed(uint32_t(0x04034b50), uint16_t(h.zip64 ? 45 : 20), uint16_t(0), h.method, uint32_t(0), h.crc,
                h.zip64 ? elsewhere : uint32_t(h.packedBytes), h.zip64 ? elsewhere : uint32_t(h.bytes),
                uint16_t(h.name.size()), uint16_t(extra.size())) +
         h.name + extra;
}

inline std::string centralHeader(const ZipHeader& h, uint64_t place) {
  const std::string extra = h.zip64 ? packed(uint16_t(1), uint16_t(24), h.bytes, h.packedBytes, place) : std::string();
  const uint32_t elsewhere = 0xFFFFFFFF;
  return packed(uint32_t(0x02014b50), uint16_t(45), uint16_t(h.zip64 ? 45 : 20), uint16_t(0), h.method, uint32_t(0),
                h.crc, h.zip64 ? elsewhere : uint32_t(h.packedBytes), h.zip64 ? elsewhere : uint32_t(h.bytes),
                uint16_t(h.name.size()), uint16_t(extra.size()), uint16_t(0), uint16_t(0), uint16_t(0), uint32_t(0),
                h.zip64 ? elsewhere : uint32_t(place)) +
         h.name + extra;
}

/// The records after the central directory of `count` members; with `zip64` also those of ZIP64.
inline std::string endRecords(uint64_t count, uint64_t directory, uint64_t directoryBytes, bool zip64) {
  std::string out;
  if (zip64) {
    out += packed(uint32_t(0x06064b50), uint64_t(44), uint16_t(45), uint16_t(45), uint32_t(0), uint32_t(0), count,
                  count, directoryBytes, directory);
    out += packed(uint32_t(0x07064b50), uint32_t(0), directory + directoryBytes, uint32_t(1));
  }
  const auto small = uint16_t(count > 0xFFFF ? 0xFFFF : count);
  return out + packed(uint32_t(0x06054b50), uint16_t(0), uint16_t(0), small, small,
                      zip64 ? 0xFFFFFFFF : uint32_t(directoryBytes), zip64 ? 0xFFFFFFFF : uint32_t(directory),
                      uint16_t(0));
}

inline Zip zipOf(const std::vector<ZipPart>& parts, bool zip64 = false) {
  Zip zip;
  std::string directory;
  for (const ZipPart& part : parts) {
    const std::string body = part.deflate ? deflated(part.body) : part.body;
    const ZipHeader header{part.name, uint16_t(part.deflate ? 8 : 0), crcOf(part.body), body.size(), part.body.size(),
                           zip64};
    zip.local.push_back(zip.bytes.size());
    zip.central.push_back(directory.size());
    directory += centralHeader(header, zip.bytes.size());
    zip.bytes += localHeader(header) + body;
  }
  const size_t begin = zip.bytes.size();
  for (size_t& place : zip.central) place += begin;
  zip.bytes += directory + endRecords(parts.size(), begin, directory.size(), zip64 || parts.size() > 0xFFFF);
  zip.end = zip.bytes.size() - 22;
  return zip;
}

}  // namespace divlens::test
