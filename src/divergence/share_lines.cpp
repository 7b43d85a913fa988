#include "divergence/share_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

namespace divlens {
namespace {

constexpr size_t kShown = 4;
constexpr size_t kWords = 512;  // of one process: a count, then lines that each end in a zero

}  // namespace

std::string Lines::text() const {
  const size_t shown = std::min(first.size(), kShown);
  std::string out = fmt::format("{}", fmt::join(first.begin(), first.begin() + ptrdiff_t(shown), "; "));
  if (count > shown) out += fmt::format(" and {} more", count - shown);
  return out;
}

Lines gathered(const Share& share, const std::vector<std::string>& own) {
  if (share.ranks == 1) return {own.size(), own};
  std::vector<uint32_t> words(kWords * size_t(share.ranks), 0);
  const auto textOf = [&](size_t rank) { return reinterpret_cast<char*>(words.data() + kWords * rank + 1); };
  words[kWords * size_t(share.rank)] = uint32_t(own.size());
  size_t used = 0;
  for (const std::string& line : own) {
    if (used + line.size() + 1 > (kWords - 1) * 4) break;
    std::memcpy(textOf(size_t(share.rank)) + used, line.data(), line.size());
    used += line.size() + 1;
  }
  share.combine(words);
  Lines out;
  for (size_t rank = 0; rank < size_t(share.ranks); ++rank) {
    out.count += words[kWords * rank];
    for (size_t at = 0; at < (kWords - 1) * 4 && textOf(rank)[at] != 0; at += out.first.back().size() + 1)
      out.first.emplace_back(textOf(rank) + at);
  }
  return out;
}

}  // namespace divlens
