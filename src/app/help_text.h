#pragma once
#include <string>

#include "app/options.h"

namespace divlens {

/// `divlens --help`: the commands and what they share.
std::string programHelp();
/// `divlens COMMAND --help`: the options of its sections, the metrics and the colormaps.
std::string commandHelp(const Command& command, const HelpLists& lists);

}  // namespace divlens
