#include "dump/zip_member.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <thread>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/temporary.h"

namespace divlens {
namespace {

constexpr size_t kChunk = size_t{1} << 20;
constexpr uint64_t kShare = uint64_t{64} << 20;  // of the bytes that one thread checks at a time
constexpr unsigned kMostThreads = 8;

/// What both kinds of members have in common.
class Member : public ByteSource {
 public:
  Member(std::shared_ptr<const ByteSource> archive, const ZipMember& member, const std::atomic<int>* cancel)
      : archive_(std::move(archive)),
        member_(member),
        cancel_(cancel),
        name_(fmt::format("{}, member {}", archive_->name(), member.name)) {}
  uint64_t size() const override { return member_.bytes; }
  const std::string& name() const override { return name_; }

 protected:
  void requireInside(uint64_t offset, size_t bytes) const {
    if (offset > size() || bytes > size() - offset) {
      badInput(name_, fmt::format("ends at byte {}, before byte {} + {}", size(), offset, bytes));
    }
  }
  void requireSum(uint32_t sum) const {
    if (sum == member_.crc) return;
    badInput(name_, fmt::format("damaged: its check sum is {:08x}, the archive says {:08x}; write or copy it again",
                                sum, member_.crc));
  }
  void throwIfCancelled() const {
    const int signal = cancel_ ? cancel_->load() : 0;
    if (signal != 0)
      throw Error(signal == 15 ? Exit::Terminated : Exit::Interrupted, "interrupted; nothing was written");
  }

  /// Packed bytes from `offset` of the member on.
  void readPacked(uint64_t offset, std::span<std::byte> out) const { archive_->read(member_.offset + offset, out); }
  uint64_t packedBytes() const { return member_.packedBytes; }

 private:
  std::shared_ptr<const ByteSource> archive_;
  ZipMember member_;
  const std::atomic<int>* cancel_;
  std::string name_;
};

uint32_t sumOf(uint32_t sum, std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<z_size_t>(bytes.size())));
}

class StoredMember final : public Member {
 public:
  using Member::Member;

  void read(uint64_t offset, std::span<std::byte> out) const override {
    requireInside(offset, out.size());
    std::call_once(checked_, [this] { check(); });
    readPacked(offset, out);
  }

 private:
  uint32_t sumOfPart(uint64_t begin, uint64_t end) const {
    std::vector<std::byte> chunk(kChunk);
    uint32_t sum = sumOf(0, {});
    while (begin < end) {
      const auto part = std::span(chunk).first(static_cast<size_t>(std::min<uint64_t>(kChunk, end - begin)));
      throwIfCancelled();
      readPacked(begin, part);
      sum = sumOf(sum, part);
      begin += part.size();
    }
    return sum;
  }

  /// Several threads take neighbouring shares, whose sums are put together in order.
  void check() const {
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
    uint32_t sum = sumOf(0, {});
    for (uint64_t begin = 0; begin < size();) {
      struct Share {
        uint64_t begin, end;
        uint32_t sum = 0;
        std::exception_ptr error;
      };
      std::vector<Share> shares;
      for (unsigned i = 0; i < threads && begin < size(); ++i, begin = shares.back().end) {
        shares.push_back({begin, std::min(begin + kShare, size()), 0, nullptr});
      }
      {
        std::vector<std::jthread> workers;
        for (Share& share : shares) {
          workers.emplace_back([this, &share] {
            try {
              share.sum = sumOfPart(share.begin, share.end);
            } catch (...) {
              share.error = std::current_exception();
            }
          });
        }
      }
      for (const Share& share : shares) {
        if (share.error) std::rethrow_exception(share.error);
        sum = static_cast<uint32_t>(crc32_combine(sum, share.sum, static_cast<z_off_t>(share.end - share.begin)));
      }
    }
    requireSum(sum);
  }

  mutable std::once_flag checked_;
};

class DeflatedMember final : public Member {
 public:
  using Member::Member;

  void read(uint64_t offset, std::span<std::byte> out) const override {
    requireInside(offset, out.size());
    std::call_once(inflated_, [this] { inflateAll(); });
    file_->read(offset, out);
  }

  std::vector<std::byte> beginning(uint64_t wanted) const {
    std::vector<std::byte> bytes;
    inflate(std::min(wanted, size()),
            [&](std::span<const std::byte> more) { bytes.insert(bytes.end(), more.begin(), more.end()); });
    bytes.resize(static_cast<size_t>(std::min(wanted, size())));
    return bytes;
  }

 private:
  void inflateAll() const {
    const uint64_t room = temporaryRoom();
    if (room < size()) {
      throw Error(Exit::Budget,
                  fmt::format("{}: takes {} bytes when inflated, {} has room for {}; set TMPDIR to a folder "
                              "with more, or save the arrays with np.savez, which is read in place",
                              escapedPath(name()), size(), temporaryFolder(), room));
    }
    auto file = std::make_unique<TemporaryFile>(size());
    uint64_t at = 0;
    uint32_t sum = sumOf(0, {});
    inflate(size(), [&](std::span<const std::byte> bytes) {
      sum = sumOf(sum, bytes);
      const bool zeros = bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
      if (!zeros) file->write(at, bytes);  // the file is sparse: what compresses without end takes no room
      at += bytes.size();
    });
    requireSum(sum);
    file_ = std::move(file);
  }

  /// Gives the first `wanted` unpacked bytes (or some more) to `take`, chunk by chunk. Where that is all of them, the
  /// stream must end there, and with the member's packed bytes.
  void inflate(uint64_t wanted, const std::function<void(std::span<const std::byte>)>& take) const {
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, inflateEnd);
    const auto chunk = static_cast<size_t>(std::min<uint64_t>(kChunk, std::max<uint64_t>(wanted, 1)));
    std::vector<std::byte> in(std::min<uint64_t>(chunk, std::max<uint64_t>(packedBytes(), 1))), out(chunk);
    uint64_t packed = 0, unpacked = 0;
    const bool all = wanted == size();
    int state = Z_OK;
    while (state != Z_STREAM_END && (all || unpacked < wanted)) {
      throwIfCancelled();
      if (stream.avail_in == 0 && packed < packedBytes()) {
        const auto part =
            std::span(in).first(static_cast<size_t>(std::min<uint64_t>(in.size(), packedBytes() - packed)));
        readPacked(packed, part);
        packed += part.size();
        stream.next_in = reinterpret_cast<Bytef*>(part.data());
        stream.avail_in = static_cast<uInt>(part.size());
      }
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      state = ::inflate(&stream, Z_NO_FLUSH);
      const size_t got = out.size() - stream.avail_out;
      if (state != Z_OK && state != Z_STREAM_END) {
        const bool ends = state == Z_BUF_ERROR;
        badInput(name(), ends ? "its compressed data end too early"
                              : fmt::format("broken compressed data{}{}", stream.msg ? ": " : "",
                                            stream.msg ? stream.msg : ""));
      }
      if (got > size() - unpacked)
        badInput(name(), fmt::format("inflates to more than the {} bytes it claims", size()));
      unpacked += got;
      if (got > 0) take(std::span(out).first(got));
    }
    if (all && unpacked != size()) {
      badInput(name(), fmt::format("inflates to {} bytes, the archive says {}", unpacked, size()));
    }
    if (all && (stream.avail_in != 0 || packed != packedBytes())) {
      badInput(name(), "its compressed data end before its packed bytes do");
    }
  }

  mutable std::once_flag inflated_;
  mutable std::unique_ptr<TemporaryFile> file_;
};

}  // namespace

std::shared_ptr<const ByteSource> openMember(std::shared_ptr<const ByteSource> archive, const ZipMember& member,
                                             const std::atomic<int>* cancel) {
  if (member.deflated) return std::make_shared<DeflatedMember>(std::move(archive), member, cancel);
  return std::make_shared<StoredMember>(std::move(archive), member, cancel);
}

std::vector<std::byte> beginningOf(const std::shared_ptr<const ByteSource>& archive, const ZipMember& member,
                                   uint64_t bytes) {
  if (member.deflated) return DeflatedMember(archive, member, nullptr).beginning(bytes);
  std::vector<std::byte> out(static_cast<size_t>(std::min(bytes, member.bytes)));
  archive->read(member.offset, out);
  return out;
}

}  // namespace divlens
