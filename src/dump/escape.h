#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace divlens {

/// Text that is safe to print: control, bidirectional and zero-width characters and bytes that are not UTF-8 become
/// \xNN; what goes beyond `limit` characters is elided with "…".
std::string escaped(std::string_view text, size_t limit = 80);
/// The same for paths, which are elided only beyond what a file system allows.
std::string escapedPath(std::string_view path);
/// Text as it is, or escaped where it is not UTF-8.
std::string validUtf8(std::string_view text);
/// Position of the first byte that is not part of well-formed UTF-8, or npos.
size_t invalidUtf8(std::string_view text);

}  // namespace divlens
