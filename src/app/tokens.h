#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "divergence/plan.h"

namespace divlens {

/// Texts of the vocabulary's entries; empty where nobody says them.
class TokenTexts {
 public:
  TokenTexts() = default;
  /// A tokenizer.json of Hugging Face's tokenizers: model.vocab (a map, or a list of pairs) and added_tokens.
  /// Error(BadInput) where it holds neither.
  static TokenTexts fromTokenizer(const std::string& path);
  explicit TokenTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  std::string text(int64_t id) const;
  size_t size() const { return texts_.size(); }

 private:
  std::vector<std::string> texts_;
};

/// From `tokenizer` where it is given, else the labels of the vocabulary's axis, else a tokenizer.json beside the dump.
TokenTexts tokenTexts(const Plan& plan, const std::string& tokenizer);

}  // namespace divlens
