#include "suggest.h"

#include <fmt/format.h>

#include <algorithm>

namespace divlens {
namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost 1.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    before.swap(previous);
    previous.swap(current);
  }
  return previous[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string wanted = lowered(word);
  const size_t farthest = std::max<size_t>(1, wanted.size() / 3);
  std::string best;
  size_t bestDistance = farthest + 1;
  for (const std::string& candidate : candidates) {
    const size_t gap = std::max(candidate.size(), wanted.size()) - std::min(candidate.size(), wanted.size());
    if (gap > farthest) continue;  // also keeps names of a megabyte out of the quadratic part
    const size_t distance = editDistance(wanted, lowered(candidate));
    if (distance < bestDistance && distance < std::max<size_t>(wanted.size(), 1)) {
      bestDistance = distance;
      best = candidate;
    }
  }
  if (bestDistance <= 1 || wanted.size() < 3) return best;
  for (const std::string& candidate : candidates) {  // a name cut short is likelier than two slips
    if (lowered(candidate).starts_with(wanted)) return candidate;
  }
  return best;
}

std::string didYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string guess = nearest(word, candidates);
  return guess.empty() ? "" : fmt::format(", did you mean '{}'?", guess);
}

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kShown = 24;
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names.size() > kShown && i == kShown - 2) {
      out += fmt::format(", … ({} more)", names.size() - kShown + 1);
      i = names.size() - 1;
    }
    out += (out.empty() ? "" : ", ") + names[i];
  }
  return out;
}

}  // namespace divlens
