#include "app/tokens.h"

#include <filesystem>

#include "dump/fault.h"
#include "dump/json.h"

namespace divlens {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// Ids beyond any vocabulary: a file that names one is not a tokenizer.
constexpr int64_t kMostIds = int64_t{1} << 24;

class Builder {
 public:
  explicit Builder(const std::string& path) : path_(path) {}

  void add(const Json& id, const Json& text) {
    if (!id.is_number_integer() || !text.is_string() || id.get<int64_t>() < 0 || id.get<int64_t>() >= kMostIds)
      badInput(path_, "model.vocab and added_tokens must pair texts with ids");
    const auto at = size_t(id.get<int64_t>());
    if (at >= texts_.size()) texts_.resize(at + 1);
    texts_[at] = text.get<std::string>();
  }

  std::vector<std::string> take() {
    if (texts_.empty()) badInput(path_, "is no tokenizer.json: it has neither model.vocab nor added_tokens");
    return std::move(texts_);
  }

 private:
  const std::string& path_;
  std::vector<std::string> texts_;
};

const Json& member(const Json& json, const char* key) {
  static const Json none;
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() ? *found : none;
}

}  // namespace

TokenTexts TokenTexts::fromTokenizer(const std::string& path) {
  const Json json = readJson(*openFile(path));
  Builder builder(path);
  const Json& vocab = member(member(json, "model"), "vocab");
  if (vocab.is_object())
    for (const auto& [text, id] : vocab.items()) builder.add(id, text);
  if (vocab.is_array())  // Unigram: [text, score], the id is the position
    for (size_t i = 0; i < vocab.size(); ++i)
      builder.add(i, vocab[i].is_array() && !vocab[i].empty() ? vocab[i][0] : vocab[i]);
  const Json& added = member(json, "added_tokens");
  if (added.is_array())
    for (const Json& token : added) builder.add(member(token, "id"), member(token, "content"));
  return TokenTexts(builder.take());
}

std::string TokenTexts::text(int64_t id) const {
  return id >= 0 && size_t(id) < texts_.size() ? texts_[size_t(id)] : std::string();
}

TokenTexts tokenTexts(const Plan& plan, const std::string& tokenizer) {
  if (!tokenizer.empty()) return TokenTexts::fromTokenizer(tokenizer);
  if (!plan.cells.axes.empty() && !plan.cells.axes.back().labels.empty())
    return TokenTexts(plan.cells.axes.back().labels);
  const fs::path dump = plan.inputs.at(0).path;
  const fs::path beside = (fs::is_directory(dump) ? dump : dump.parent_path()) / "tokenizer.json";
  std::error_code ignored;
  return fs::is_regular_file(beside, ignored) ? TokenTexts::fromTokenizer(beside.string()) : TokenTexts();
}

}  // namespace divlens
