#include "dump/json.h"

#include <fmt/format.h>

#include <unordered_set>
#include <vector>

#include "dump/escape.h"
#include "dump/fault.h"

namespace divlens {
namespace {

using Json = nlohmann::json;

constexpr size_t kDeepest = 32;
constexpr uint64_t kLargestDocument = 100'000'000;

// nlohmann keeps the last of two equal keys in silence; a repeated label list would be half of what the writer meant.
// Its parser with a callback would tell, but takes quadratic time; so the text is looked through once before it is
// parsed.
class StrictEvents final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictEvents(const std::string& where) : where_(where) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return deeper(); }
  bool end_object() override { return shallower(); }
  bool start_array(size_t) override { return deeper(); }
  bool end_array() override { return shallower(); }

  bool key(string_t& text) override {
    if (!keys_.back().insert(text).second) badInput(where_, fmt::format("key '{}' appears twice", escaped(text)));
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    badInput(where_, fmt::format("not valid JSON at byte {}", position == 0 ? 0 : position - 1));
  }

 private:
  bool deeper() {
    if (keys_.size() == kDeepest) badInput(where_, fmt::format("nested deeper than {} levels", kDeepest));
    keys_.emplace_back();
    return true;
  }

  bool shallower() {
    keys_.pop_back();
    return true;
  }

  const std::string& where_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open; arrays have none
};

}  // namespace

nlohmann::json parseJson(std::string_view text, const std::string& where) {
  StrictEvents events(where);
  Json::sax_parse(text.begin(), text.end(), &events);
  return Json::parse(text.begin(), text.end());
}

nlohmann::json readJson(const ByteSource& source) { return parseJson(readDocument(source), source.name()); }

std::string readDocument(const ByteSource& source) {
  if (source.size() > kLargestDocument) {
    badInput(source.name(), fmt::format("{} bytes, the limit is {}", source.size(), kLargestDocument));
  }
  std::string text(source.size(), '\0');
  source.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace divlens
