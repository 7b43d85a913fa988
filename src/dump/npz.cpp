#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"
#include "dump/npy_array.h"
#include "dump/zip_member.h"

namespace divlens {
namespace {

constexpr std::string_view kSuffix = ".npy";

Tensor tensorOfMember(const std::shared_ptr<const ByteSource>& archive, const ZipMember& member,
                      const OpenOptions& options) {
  auto source = openMember(archive, member, options.cancel);
  const auto beginning = memoryBytes(source->name(), beginningOf(archive, member, kNpyBeginning));
  const NpyArray array = readNpyArray(*beginning, options);
  const auto& shape = array.header.shape;
  const bool sized = array.refusal.empty() && std::find(shape.begin(), shape.end(), 0) == shape.end();
  const uint64_t present = member.bytes - array.dataOffset;
  if (const uint64_t needed = sized ? dataBytes(array, source->name()) : present; needed != present) {
    badInput(source->name(), fmt::format("shape {} of {} needs {} bytes of data, the member has {}", shapeText(shape),
                                         info(array.dtype).name, needed, present));
  }
  return tensorOf(array, member.name.substr(0, member.name.size() - kSuffix.size()), std::move(source));
}

}  // namespace

bool detectsZip(std::string_view head) { return head.starts_with("PK\x03\x04") || head.starts_with("PK\x05\x06"); }

Dump openNpz(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options) {
  Dump dump;
  dump.path = source->name();
  refuseTorchArchive(*source);
  const std::vector<ZipMember> members = readZip(*source);
  size_t others = 0;
  for (const ZipMember& member : members) {
    if (member.name.ends_with(kSuffix)) {
      dump.tensors.push_back(tensorOfMember(source, member, options));
    } else {
      ++others;
    }
  }
  if (dump.tensors.empty()) {
    badInput(dump.path, fmt::format("a zip archive without arrays (.npy): {} member{}; np.savez and "
                                    "np.savez_compressed write what is read",
                                    members.size(), members.size() == 1 ? "" : "s"));
  }
  if (others > 0) {
    dump.notes.push_back(fmt::format("{}: {} member{} not arrays (.npy) and left out", escapedPath(dump.path), others,
                                     others == 1 ? " is" : "s are"));
  }
  return dump;
}

}  // namespace divlens
