#include "dump/safetensors_header.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "dump/escape.h"
#include "dump/fault.h"

namespace divlens {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kLargestExact = uint64_t{1} << 53;  // what every JSON implementation can hold
constexpr size_t kDeepest = 64;
constexpr size_t kMostAxes = 64;

// A header can hold 100,000 tensors or a million brackets: events instead of a tree, so that repeated keys are seen,
// nothing recurses, and memory stays near the size of what is kept.
class HeaderEvents final : public nlohmann::json_sax<Json> {
 public:
  HeaderEvents(SafetensorsHeader& header, const std::string& file) : header_(header), file_(file) {}

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("a boolean"); }
  bool number_integer(number_integer_t number) override { return value(fmt::format("{}", number)); }
  bool number_float(number_float_t, const string_t& text) override { return value(escaped(text)); }
  bool binary(binary_t&) override { return value("bytes"); }

  bool number_unsigned(number_unsigned_t number) override {
    if (place_ != Place::Shape && place_ != Place::Offsets) return value(fmt::format("{}", number));
    if (number > kLargestExact) bad(fmt::format("{} in '{}' is over 2^53", number, field_));
    if (place_ == Place::Shape) {
      if (entry().shape.size() == kMostAxes) bad(fmt::format("more than {} axes", kMostAxes));
      entry().shape.push_back(static_cast<int64_t>(number));
    } else if (++offsets_ <= 2) {
      (offsets_ == 1 ? entry().begin : entry().end) = number;
    }
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::Metadata) {
      header_.metadata.emplace_back(field_, std::move(text));
    } else if (place_ == Place::Entry && field_ == "dtype") {
      entry().dtype = std::move(text);
    } else {
      value(fmt::format("\"{}\"", escaped(text)));
    }
    return true;
  }

  bool start_object(size_t) override {
    deeper();
    if (place_ == Place::Before) {
      place_ = Place::Top;
    } else if (place_ == Place::Top) {
      place_ = inMetadata_ ? Place::Metadata : Place::Entry;
      fields_.clear();
    } else {
      value("an object");
    }
    return true;
  }

  bool key(string_t& text) override {
    if (skipped()) return true;
    if (place_ == Place::Top) {
      if (!names_.insert(text).second) {
        badInput(file_, fmt::format("tensor '{}' appears twice in the header", escaped(text)));
      }
      inMetadata_ = text == "__metadata__";
      if (!inMetadata_) header_.entries.emplace_back().name = std::move(text);
      return true;
    }
    if (!fields_.insert(text).second) bad(fmt::format("key '{}' appears twice", escaped(text)));
    field_ = std::move(text);
    offsets_ = 0;
    return true;
  }

  bool end_object() override {
    const bool nested = skipped();
    --depth_;
    if (nested) return true;
    if (place_ == Place::Entry) {
      for (const char* needed : {"dtype", "shape", "data_offsets"}) {
        if (!fields_.contains(needed)) bad(fmt::format("key '{}' is missing", needed));
      }
    }
    if (place_ == Place::Entry || place_ == Place::Metadata) place_ = Place::Top;
    return true;
  }

  bool start_array(size_t) override {
    deeper();
    if (place_ == Place::Entry && depth_ == 3 && field_ == "shape") {
      place_ = Place::Shape;
    } else if (place_ == Place::Entry && depth_ == 3 && field_ == "data_offsets") {
      place_ = Place::Offsets;
    } else {
      value("an array");
    }
    return true;
  }

  bool end_array() override {
    --depth_;
    if (place_ == Place::Offsets && offsets_ != 2) {
      bad(fmt::format("'data_offsets' has {} entries, expected 2", offsets_));
    }
    if (place_ == Place::Offsets || place_ == Place::Shape) place_ = Place::Entry;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    // nlohmann counts from 1, and the text starts at byte 8 of the file.
    badInput(file_, fmt::format("the header is not valid JSON at byte {}", position + 7));
  }

 private:
  enum class Place { Before, Top, Metadata, Entry, Shape, Offsets };

  SafetensorsEntry& entry() { return header_.entries.back(); }

  // Inside the value of a key that the format does not know, which is passed over.
  bool skipped() const { return place_ == Place::Entry && depth_ > 2; }

  void deeper() {
    if (++depth_ > kDeepest) badInput(file_, fmt::format("the header is nested deeper than {} levels", kDeepest));
  }

  [[noreturn]] void bad(const std::string& text) const {
    if (inMetadata_) badInput(file_, fmt::format("__metadata__: {}", text));
    badInput(file_, fmt::format("tensor '{}': {}", escaped(header_.entries.back().name), text));
  }

  // Any value that stands where it does not belong; only unknown keys of a tensor may hold it.
  bool value(const std::string& found) {
    switch (place_) {
      case Place::Before:
        badInput(file_, "the header is not a JSON object");
      case Place::Top:
        bad(fmt::format("expected an object, found {}", found));
      case Place::Metadata:
        bad(fmt::format("key '{}' must be a text, found {}", escaped(field_), found));
      case Place::Shape:
      case Place::Offsets:
        bad(fmt::format("'{}' holds {}, expected whole numbers from 0 to 2^53", field_, found));
      case Place::Entry:
        break;
    }
    const bool known = field_ == "dtype" || field_ == "shape" || field_ == "data_offsets";
    if (known) bad(fmt::format("key '{}' cannot be {}", field_, found));
    return true;
  }

  SafetensorsHeader& header_;
  const std::string& file_;
  Place place_ = Place::Before;
  size_t depth_ = 0;
  bool inMetadata_ = false;
  int offsets_ = 0;
  std::string field_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> fields_;
};

}  // namespace

SafetensorsHeader parseSafetensorsHeader(std::string_view text, const std::string& file) {
  SafetensorsHeader header;
  HeaderEvents events(header, file);
  Json::sax_parse(text.begin(), text.end(), &events);
  return header;
}

}  // namespace divlens
