#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "dump/bytes.h"
#include "dump/zip.h"

namespace divlens {

/// The unpacked bytes of one member. A stored one is read where it lies in the archive; a deflated one is inflated
/// once, into a file without a name in TMPDIR. The first read compares the whole member's check sum: Error(BadInput)
/// where it differs, Error(Budget) where TMPDIR has no room; `cancel` (may be null), once set, ends it with
/// Error(Interrupted).
std::shared_ptr<const ByteSource> openMember(std::shared_ptr<const ByteSource> archive, const ZipMember& member,
                                             const std::atomic<int>* cancel);
/// The first `bytes` unpacked bytes of a member (fewer where it is shorter), unchecked.
std::vector<std::byte> beginningOf(const std::shared_ptr<const ByteSource>& archive, const ZipMember& member,
                                   uint64_t bytes);

}  // namespace divlens
