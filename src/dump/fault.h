#pragma once
#include <string>
#include <string_view>

#include "error.h"

namespace divlens {

/// Throws Error(BadInput) with the message "FILE: TEXT"; the file's name is escaped.
[[noreturn]] void badInput(std::string_view file, std::string_view text);
/// The same of a file that ends too early: more of it may come (Error::Cause::Incomplete).
[[noreturn]] void incompleteInput(std::string_view file, std::string_view text);

}  // namespace divlens
