#include "dump/npy_header.h"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>

#include "dump/escape.h"
#include "dump/fault.h"

namespace divlens {
namespace {

constexpr size_t kMostAxes = 64;  // numpy's own limit

class DictParser {
 public:
  DictParser(std::string_view text, uint64_t start, const std::string& file)
      : text_(text), start_(start), file_(file) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      bool& seen = key == "descr" ? descr : key == "fortran_order" ? order : key == "shape" ? shape : unknown(key);
      if (seen) bad(fmt::format("the key '{}' appears twice", key));
      seen = true;
      expect(':');
      if (key == "descr") header.descr = type();
      if (key == "fortran_order") header.fortranOrder = boolean();
      if (key == "shape") header.shape = lengths();
      if (accept(',')) continue;
      expect('}');
      break;
    }
    skipSpace();
    if (at_ != text_.size()) bad("text after the dictionary");
    if (!descr || !order || !shape) {
      bad(fmt::format("the key '{}' is missing", !descr ? "descr" : !order ? "fortran_order" : "shape"));
    }
    return header;
  }

 private:
  [[noreturn]] void bad(const std::string& text) const {
    badInput(file_, fmt::format("the npy header is malformed at byte {}: {}", start_ + at_, text));
  }

  [[noreturn]] bool& unknown(const std::string& key) const {
    bad(fmt::format("unexpected key '{}'; exactly descr, fortran_order and shape are known", escaped(key)));
  }

  void skipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  bool accept(char c) {
    skipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (accept(c)) return;
    const std::string found = at_ < text_.size() ? fmt::format("'{}'", escaped(text_.substr(at_), 12)) : "the end";
    bad(fmt::format("expected '{}', found {}", c, found));
  }

  bool acceptWord(std::string_view word) {
    skipSpace();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  std::string quoted() {
    skipSpace();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') expect('\'');
    const size_t end = text_.find(quote, at_ + 1);
    const std::string_view inside = text_.substr(at_ + 1, end == std::string_view::npos ? 0 : end - at_ - 1);
    if (end == std::string_view::npos || inside.find('\\') != std::string_view::npos) bad("a text that does not end");
    at_ = end + 1;
    return std::string(inside);
  }

  std::string type() {
    if (accept('[')) badInput(file_, "structured dtype (named fields): save one field, np.save(path, array['field'])");
    return quoted();
  }

  bool boolean() {
    if (acceptWord("True")) return true;
    if (acceptWord("False")) return false;
    bad("'fortran_order' must be True or False");
  }

  std::vector<int64_t> lengths() {
    std::vector<int64_t> shape;
    expect('(');
    while (!accept(')')) {
      skipSpace();
      int64_t length = 0;
      const char* end = text_.data() + text_.size();
      const auto [next, error] = std::from_chars(text_.data() + at_, end, length);
      if (error != std::errc() || length < 0) bad("'shape' must hold whole numbers from 0 to 2^63 - 1");
      if (shape.size() == kMostAxes) bad(fmt::format("more than {} axes", kMostAxes));
      at_ = static_cast<size_t>(next - text_.data());
      shape.push_back(length);
      if (accept(',')) continue;
      if (shape.size() == 1) expect(',');  // (3) is a number in Python, (3,) a tuple
      expect(')');
      break;
    }
    return shape;
  }

  std::string_view text_;
  uint64_t start_;
  const std::string& file_;
  size_t at_ = 0;
};

}  // namespace

NpyHeader parseNpyHeader(std::string_view text, uint64_t start, const std::string& file) {
  return DictParser(text, start, file).parse();
}

}  // namespace divlens
