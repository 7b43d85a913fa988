#pragma once
#include <memory>
#include <string>
#include <vector>

#include "app/session.h"
#include "figure/atomic_file.h"

namespace divlens {

/// The grid's cells, panel by panel, as read back from the device.
using Cells = std::vector<std::vector<float>>;
Cells readCells(const Session& session, const Grid& grid);

/// .npy, version 1: float32 [rows, columns], or [panels, rows, columns]; with --ci a leading 3: estimate, lower, upper.
std::string npyText(const Session& session, const Cells& cells);
/// .csv (',') or .tsv ('\t'), RFC 4180 with '\n': labels of the columns, then one line a row.
std::string tableText(const Session& session, const Cells& cells, char separator);
/// .json with metric, direction, unit, reference, axes, panels, counts, device, inputs and command.
std::string jsonText(const Session& session, const Cells& cells, const Settings& settings);
/// Shortest digits that read back the same float; "inf", "-inf", "nan".
std::string shortest(float value);

}  // namespace divlens
