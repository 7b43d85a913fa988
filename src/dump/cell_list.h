#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dump/records.h"
#include "dump/table.h"

namespace divlens {

/// True where the header has the columns that --rows and --columns name: then each line is a cell.
bool listsCells(const Record& header, const OpenOptions& options);
/// The table whose cells the lines below `header` list; columns that tell lines apart become axes, and `notes` says so.
/// Error(Usage) that lists the columns where the options' are not among them, Error(BadInput) for the lines.
Table tableOfList(std::string_view text, char separator, const std::string& file, const Record& header,
                  const OpenOptions& options, std::vector<std::string>& notes);

}  // namespace divlens
