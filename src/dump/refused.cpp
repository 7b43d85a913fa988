#include <fmt/format.h>

#include <algorithm>

#include "dump/fault.h"
#include "dump/formats.h"

namespace divlens {
namespace {

constexpr std::string_view kConversion =
    "it is never loaded here, since loading can run code; convert it where you trust it:\n"
    "    import torch\n"
    "    from safetensors.torch import save_file\n"
    "    tensors = torch.load(\"FILE\", map_location=\"cpu\", weights_only=True)\n"
    "    save_file({name: t.contiguous() for name, t in tensors.items()}, \"FILE.safetensors\")";

// The name of the first member: bytes 26 and 30 of its local header hold length and text.
std::string_view firstMember(std::string_view head) {
  if (head.size() < 30) return {};
  const size_t length = static_cast<uint8_t>(head[26]) | static_cast<size_t>(static_cast<uint8_t>(head[27])) << 8;
  return head.substr(30, length);
}

}  // namespace

bool detectsPickle(std::string_view head) {
  // PROTO, then a protocol from 2 to 5; torch.save of old wrote its own magic number as a pickle too.
  return head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
}

Dump refusePickle(const std::shared_ptr<const ByteSource>& source, const OpenOptions&) {
  badInput(source->name(), fmt::format("a pickle (.pt, .pth, .bin, .pkl): {}", kConversion));
}

void refuseTorchArchive(const ByteSource& source) {
  std::string head(std::min<uint64_t>(source.size(), kHeadBytes), '\0');
  source.read(0, std::as_writable_bytes(std::span(head)));
  const std::string_view member = firstMember(head);
  if (!member.ends_with(".pkl") && (member.find('/') == std::string_view::npos || member.ends_with(".npy"))) return;
  badInput(source.name(), fmt::format("a zip archive of a pickle, as torch.save writes it: {}", kConversion));
}

bool detectsLfsPointer(std::string_view head) { return head.starts_with("version https://git-lfs.github.com/spec/"); }

Dump refuseLfsPointer(const std::shared_ptr<const ByteSource>& source, const OpenOptions&) {
  badInput(source->name(), "a Git LFS pointer, not the data: run git lfs pull");
}

}  // namespace divlens
