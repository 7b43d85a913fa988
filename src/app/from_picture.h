#pragma once
#include <string>

namespace divlens {

/// The command that made a .png, .pdf or .svg of divlens, from its metadata: one line for a shell, paths by their names
/// only. Error(BadInput) where the file is no such picture.
std::string commandOfPicture(const std::string& path);

}  // namespace divlens
