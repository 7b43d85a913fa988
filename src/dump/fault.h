#pragma once
#include <string>
#include <string_view>

#include "error.h"

namespace divlens {

/// Throws Error(BadInput) with the message "FILE: TEXT"; the file's name is escaped.
[[noreturn]] void badInput(std::string_view file, std::string_view text);

}  // namespace divlens
