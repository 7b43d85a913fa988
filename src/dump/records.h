#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dump/bytes.h"

namespace divlens {

/// One line of a table, taken apart.
struct Record {
  std::vector<std::string> cells;
  size_t line = 0;  ///< of its first character, from 1
};

/// Splits a text into records after RFC 4180: quoted cells may hold separators, line ends and doubled quotes. What
/// breaks the rules is Error(BadInput) with the line.
class RecordReader {
 public:
  RecordReader(std::string_view text, char separator, const std::string& file)
      : text_(text), separator_(separator), file_(file) {}
  /// The next record; false at the end.
  bool next(Record& record);

 private:
  bool atLineEnd();
  std::string cell();
  void quoted(std::string& out);

  std::string_view text_;
  char separator_;
  const std::string& file_;
  size_t at_ = 0;
  size_t line_ = 1;
};

/// The whole text of a table without a byte order mark; Error(BadInput) where it is too large or not UTF-8.
std::string readText(const ByteSource& source);

}  // namespace divlens
