#include "dump/records.h"

#include <fmt/format.h>

#include <algorithm>

#include "dump/escape.h"
#include "dump/fault.h"

namespace divlens {
namespace {

constexpr uint64_t kLargestTable = uint64_t{1} << 30;

}  // namespace

bool RecordReader::next(Record& record) {
  if (at_ >= text_.size()) return false;
  record.cells.clear();
  record.line = line_;
  while (true) {
    record.cells.push_back(cell());
    if (at_ >= text_.size()) return true;
    if (text_[at_++] == separator_) {
      if (at_ < text_.size()) continue;
      record.cells.emplace_back();  // a separator at the very end opens one more empty cell
      return true;
    }
    ++line_;
    return true;
  }
}

bool RecordReader::atLineEnd() {
  if (text_.substr(at_).starts_with("\r\n")) ++at_;
  return text_[at_] == '\n';
}

std::string RecordReader::cell() {
  std::string out;
  if (at_ < text_.size() && text_[at_] == '"') {
    quoted(out);
    if (at_ < text_.size() && text_[at_] != separator_ && !atLineEnd()) {
      badInput(file_, fmt::format("line {}: text after the closing quote of a cell", line_));
    }
    return out;
  }
  while (at_ < text_.size() && text_[at_] != separator_ && !atLineEnd()) out += text_[at_++];
  return out;
}

void RecordReader::quoted(std::string& out) {
  const size_t opened = line_;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '\n') ++line_;
    if (text_[at_] != '"') {
      out += text_[at_];
    } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      out += text_[at_++];
    } else {
      ++at_;
      return;
    }
  }
  badInput(file_, fmt::format("line {}: a quoted cell that does not end", opened));
}

std::string readText(const ByteSource& source) {
  if (source.size() > kLargestTable) {
    badInput(source.name(), fmt::format("{} bytes are too many for a text table (limit {}); save it as .npy",
                                        source.size(), kLargestTable));
  }
  std::string text(source.size(), '\0');
  source.read(0, std::as_writable_bytes(std::span(text)));
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    badInput(source.name(), "UTF-16 text: save the table as UTF-8");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (text.find('\n') == std::string::npos) std::replace(text.begin(), text.end(), '\r', '\n');  // of old Macs
  return text;
}

}  // namespace divlens
