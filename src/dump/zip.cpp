// The layout is that of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local headers) to 4.3.16 (end record) and 4.5.3
// (ZIP64); only what np.savez and other writers of .npz use is taken.
#include "dump/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_set>

#include "dump/checked.h"
#include "dump/convert.h"
#include "dump/escape.h"
#include "dump/fault.h"

namespace divlens {
namespace {

constexpr uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50,
                   kEnd64Magic = 0x06064b50, kLocator64Magic = 0x07064b50;
constexpr size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr size_t kLongestComment = 65535;
constexpr uint64_t kLargestDirectory = 100'000'000;
constexpr uint32_t kElsewhere = 0xFFFFFFFF;  // the number stands in the ZIP64 field
constexpr uint16_t kElsewhere16 = 0xFFFF;
constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kStored = 0, kDeflated = 8;
constexpr uint16_t kEncrypted = 1 | 1 << 6 | 1 << 13, kSizesFollow = 1 << 3;
// Deflate's best: a match of 258 bytes takes two bits.
constexpr uint64_t kBestRatio = 1032;

struct Method {
  uint16_t number;
  const char* name;
};
constexpr Method kMethods[] = {{6, "implode"}, {9, "deflate64"}, {12, "bzip2"}, {14, "lzma"}, {93, "zstd"}, {95, "xz"}};

/// A header's bytes, read field by field at given places.
class Fields {
 public:
  Fields(const ByteSource& source, uint64_t offset, size_t bytes) : bytes_(bytes) { source.read(offset, bytes_); }
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {}
  uint16_t u16(size_t at) const { return loaded<uint16_t>(bytes_.data() + at); }
  uint32_t u32(size_t at) const { return loaded<uint32_t>(bytes_.data() + at); }
  uint64_t u64(size_t at) const { return loaded<uint64_t>(bytes_.data() + at); }
  std::string text(size_t at, size_t length) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, length};
  }
  std::span<const std::byte> part(size_t at, size_t length) const { return std::span(bytes_).subspan(at, length); }

 private:
  std::vector<std::byte> bytes_;
};

/// What a header says of a member's size and place before ZIP64 is looked at, and after it.
struct Sizes {
  uint64_t bytes, packedBytes, offset;
};

class Archive {
 public:
  explicit Archive(const ByteSource& source) : source_(source) {}

  std::vector<ZipMember> members() {
    findDirectory();
    const Fields directory(source_, directoryOffset_, static_cast<size_t>(directoryBytes_));
    std::vector<ZipMember> members;
    std::unordered_set<std::string> names;
    uint64_t at = 0;
    for (uint64_t i = 0; i < count_; ++i) {
      if (directoryBytes_ - at < kCentralBytes || directory.u32(at) != kCentralMagic) {
        bad(directoryOffset_ + at, fmt::format("the central directory ends after {} of {} members", i, count_));
      }
      const uint64_t length =
          kCentralBytes + directory.u16(at + 28) + uint64_t{directory.u16(at + 30)} + directory.u16(at + 32);
      if (directoryBytes_ - at < length) bad(directoryOffset_ + at, "the central directory is cut off");
      ZipMember member = memberAt(Fields(directory.part(at, length)), directoryOffset_ + at);
      at += length;
      if (!names.insert(member.name).second) bad(at, fmt::format("two members are named '{}'", escaped(member.name)));
      if (!member.name.ends_with('/')) members.push_back(std::move(member));
    }
    if (at != directoryBytes_) bad(directoryOffset_ + at, "the central directory has more members than it says");
    checkOverlaps();
    return members;
  }

 private:
  /// Bytes of the archive that a member takes, its local header included.
  struct Extent {
    uint64_t begin, end;
    std::string name;
  };

  [[noreturn]] void bad(uint64_t offset, const std::string& text) const {
    badInput(source_.name(), fmt::format("broken zip archive at byte {}: {}", offset, text));
  }

  /// The end record stands last, with a comment of up to 64 KiB behind it.
  uint64_t findEnd() const {
    const uint64_t size = source_.size();
    const auto tail = static_cast<size_t>(std::min<uint64_t>(size, kEndBytes + kLongestComment));
    if (tail >= kEndBytes) {
      const Fields fields(source_, size - tail, tail);
      for (size_t at = tail - kEndBytes + 1; at-- > 0;) {
        if (fields.u32(at) == kEndMagic && at + kEndBytes + fields.u16(at + 20) == tail) return size - tail + at;
      }
    }
    incompleteInput(
        source_.name(),
        fmt::format("incomplete archive: no end record in its last {} bytes; it was cut off while it was written "
                    "or copied: write it again",
                    tail));
  }

  void findDirectory() {
    const uint64_t end = findEnd();
    const Fields fields(source_, end, kEndBytes);
    if (fields.u16(4) != 0 || fields.u16(6) != 0) bad(end, "it is one part of several");
    count_ = fields.u16(10);
    directoryBytes_ = fields.u32(12);
    directoryOffset_ = fields.u32(16);
    uint64_t directoryEnd = end;
    const bool elsewhere = count_ == kElsewhere16 || directoryBytes_ == kElsewhere || directoryOffset_ == kElsewhere;
    if (const auto end64 = findEnd64(end)) {
      directoryEnd = *end64;
      readEnd64(*end64, fields);
    } else if (elsewhere && (directoryBytes_ == kElsewhere || directoryOffset_ == kElsewhere)) {
      bad(end, "its sizes are said to be in a ZIP64 record, and there is none");
    }
    const auto stop = checkedAdd(directoryOffset_, directoryBytes_);
    if (!stop || *stop != directoryEnd) {
      bad(end, fmt::format("the central directory is said to be {} bytes at byte {}, but should end at byte {}",
                           directoryBytes_, directoryOffset_, directoryEnd));
    }
    if (directoryBytes_ > kLargestDirectory) {
      bad(directoryOffset_,
          fmt::format("the central directory has {} bytes, the limit is {}", directoryBytes_, kLargestDirectory));
    }
    if (count_ > directoryBytes_ / kCentralBytes) {
      bad(end, fmt::format("{} members cannot stand in a central directory of {} bytes", count_, directoryBytes_));
    }
  }

  std::optional<uint64_t> findEnd64(uint64_t end) const {
    if (end < kLocator64Bytes) return std::nullopt;
    const Fields locator(source_, end - kLocator64Bytes, kLocator64Bytes);
    if (locator.u32(0) != kLocator64Magic) return std::nullopt;
    const uint64_t offset = locator.u64(8);
    const uint64_t limit = end - kLocator64Bytes;
    if (locator.u32(4) != 0 || locator.u32(16) > 1) bad(limit, "it is one part of several");
    if (limit < kEnd64Bytes || offset != limit - kEnd64Bytes) {
      bad(limit, fmt::format("the ZIP64 end record is said to be at byte {}, not right before byte {}", offset, limit));
    }
    return offset;
  }

  void readEnd64(uint64_t offset, const Fields& end) {
    const Fields fields(source_, offset, kEnd64Bytes);
    if (fields.u32(0) != kEnd64Magic || fields.u64(4) != kEnd64Bytes - 12) bad(offset, "no ZIP64 end record");
    if (fields.u32(16) != 0 || fields.u32(20) != 0 || fields.u64(24) != fields.u64(32)) {
      bad(offset, "it is one part of several");
    }
    const auto agree = [&](uint64_t small, uint64_t sentinel, uint64_t large) {
      return small == sentinel || small == large;
    };
    if (!agree(count_, kElsewhere16, fields.u64(32)) || !agree(directoryBytes_, kElsewhere, fields.u64(40)) ||
        !agree(directoryOffset_, kElsewhere, fields.u64(48)) || end.u16(8) != end.u16(10)) {
      bad(offset, "the ZIP64 end record and the end record do not agree");
    }
    count_ = fields.u64(32);
    directoryBytes_ = fields.u64(40);
    directoryOffset_ = fields.u64(48);
  }

  /// Replaces what a header calls "elsewhere" by the numbers of its ZIP64 field.
  void widen(std::span<const std::byte> extra, uint64_t headerOffset, Sizes& sizes) const {
    const bool wanted = sizes.bytes == kElsewhere || sizes.packedBytes == kElsewhere || sizes.offset == kElsewhere;
    const Fields fields(extra);
    for (size_t at = 0; wanted && at + 4 <= extra.size();) {
      const size_t length = fields.u16(at + 2);
      if (length > extra.size() - at - 4) break;
      if (fields.u16(at) != kZip64Field) {
        at += 4 + length;
        continue;
      }
      size_t place = at + 4;
      for (uint64_t* value : {&sizes.bytes, &sizes.packedBytes, &sizes.offset}) {
        if (*value != kElsewhere) continue;
        if (place + 8 > at + 4 + length) bad(headerOffset, "its ZIP64 field is too short");
        *value = fields.u64(place);
        place += 8;
      }
      return;
    }
    if (wanted) bad(headerOffset, "its sizes are said to be in a ZIP64 field, and there is none");
  }

  ZipMember memberAt(const Fields& central, uint64_t centralOffset) {
    ZipMember member;
    const size_t nameLength = central.u16(28);
    member.name = central.text(kCentralBytes, nameLength);
    const auto wrong = [&](const std::string& text) {
      bad(centralOffset, fmt::format("member '{}' {}", escaped(member.name), text));
    };
    const uint16_t flags = central.u16(8), method = central.u16(10);
    if (flags & kEncrypted) wrong("is encrypted");
    if (method != kStored && method != kDeflated) {
      const auto known = std::find_if(std::begin(kMethods), std::end(kMethods),
                                      [method](const Method& m) { return m.number == method; });
      wrong(fmt::format("is compressed with method {}{}; np.savez and np.savez_compressed write what is read", method,
                        known == std::end(kMethods) ? "" : fmt::format(" ({})", known->name)));
    }
    if (central.u16(34) != 0 && central.u16(34) != kElsewhere16) wrong("stands in another part of the archive");
    Sizes sizes{central.u32(24), central.u32(20), central.u32(42)};
    widen(central.part(kCentralBytes + nameLength, central.u16(30)), centralOffset, sizes);
    member.deflated = method == kDeflated;
    member.crc = central.u32(16);
    member.bytes = sizes.bytes;
    member.packedBytes = sizes.packedBytes;
    if (!member.deflated && member.bytes != member.packedBytes) {
      wrong(fmt::format("is stored, but has {} bytes packed and {} unpacked", member.packedBytes, member.bytes));
    }
    if (member.deflated && member.bytes / kBestRatio > member.packedBytes) {
      wrong(fmt::format("claims {} bytes out of {}, more than deflate can hold", member.bytes, member.packedBytes));
    }
    matchLocal(member, sizes.offset, flags, method);
    return member;
  }

  /// Checks the local header at `offset` against the central one, and finds where the packed bytes begin.
  void matchLocal(ZipMember& member, uint64_t offset, uint16_t flags, uint16_t method) {
    if (offset > directoryOffset_ || directoryOffset_ - offset < kLocalBytes) {
      bad(offset, fmt::format("member '{}' is said to begin there, behind the members", escaped(member.name)));
    }
    const Fields local(source_, offset, kLocalBytes);
    if (local.u32(0) != kLocalMagic) bad(offset, fmt::format("no header of member '{}'", escaped(member.name)));
    const size_t nameLength = local.u16(26), extraLength = local.u16(28);
    const uint64_t room = directoryOffset_ - offset - kLocalBytes;
    if (nameLength + extraLength > room) bad(offset, fmt::format("member '{}' is cut off", escaped(member.name)));
    const Fields rest(source_, offset + kLocalBytes, nameLength + extraLength);
    Sizes sizes{local.u32(22), local.u32(18), 0};
    widen(rest.part(nameLength, extraLength), offset, sizes);
    // A writer that could not go back left zeros there, and the numbers behind the data.
    const bool later = (flags & kSizesFollow) != 0 && sizes.bytes == 0 && sizes.packedBytes == 0;
    const bool sizesAgree = later || (sizes.bytes == member.bytes && sizes.packedBytes == member.packedBytes);
    const bool sumAgrees = local.u32(14) == member.crc || ((flags & kSizesFollow) != 0 && local.u32(14) == 0);
    const char* differs = rest.text(0, nameLength) != member.name           ? "name"
                          : local.u16(6) != flags || local.u16(8) != method ? "method"
                          : !sumAgrees                                      ? "check sum"
                          : !sizesAgree                                     ? "sizes"
                                                                            : nullptr;
    if (differs != nullptr) {
      bad(offset, fmt::format("the header of member '{}' does not agree with the central directory: another {}",
                              escaped(member.name), differs));
    }
    member.offset = offset + kLocalBytes + nameLength + extraLength;
    if (member.packedBytes > directoryOffset_ - member.offset) {
      bad(offset, fmt::format("member '{}' has {} bytes, but {} lie before the central directory", escaped(member.name),
                              member.packedBytes, directoryOffset_ - member.offset));
    }
    extents_.push_back({offset, member.offset + member.packedBytes, member.name});
  }

  void checkOverlaps() {
    std::sort(extents_.begin(), extents_.end(), [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
    for (size_t i = 1; i < extents_.size(); ++i) {
      if (extents_[i].begin >= extents_[i - 1].end) continue;
      bad(extents_[i].begin,
          fmt::format("members '{}' and '{}' overlap", escaped(extents_[i - 1].name), escaped(extents_[i].name)));
    }
  }

  const ByteSource& source_;
  uint64_t directoryOffset_ = 0, directoryBytes_ = 0, count_ = 0;
  std::vector<Extent> extents_;
};

}  // namespace

std::vector<ZipMember> readZip(const ByteSource& source) { return Archive(source).members(); }

}  // namespace divlens
