#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace divlens {

/// The candidate nearest to `word` by edit distance (case aside), or that `word` begins; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
/// ", did you mean 'jsd'?", or "" when nothing is near: the end of a message about an unknown name.
std::string didYouMean(std::string_view word, const std::vector<std::string>& candidates);
/// "a, b, c", with the middle left out of long lists.
std::string listed(const std::vector<std::string>& names);

}  // namespace divlens
