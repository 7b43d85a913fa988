#pragma once
#include <string>
#include <vector>

#include "app/options.h"

namespace divlens {

/// The command line as a picture may carry it: of paths the last names alone, in dumps, outputs and options that take
/// files; other words as they were given.
std::vector<std::string> wordsWithoutFolders(const std::vector<std::string>& arguments);
/// Arguments that repeat what made the picture of --from: its own without outputs, then those given beside --from.
std::vector<std::string> repeatedArguments(const Settings& given);
/// Files that are not where they are named are taken from the picture's folder, where they are there.
void findBesidePicture(Settings& settings, const std::string& picture);
/// Words of one line for a POSIX shell: quotes and backslashes, no expansions.
std::vector<std::string> shellWords(const std::string& line);

}  // namespace divlens
