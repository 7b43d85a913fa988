#include "embedded.h"

#define EMBED(number, name, path)                        \
  extern "C" const std::byte kDivlensEmbedded##number[]; \
  extern "C" const std::byte kDivlensEmbedded##number##End[];
#include "embedded_files.h"
#undef EMBED

namespace divlens {
namespace {

struct File {
  std::string_view name;
  const std::byte* begin;
  const std::byte* end;
};

/// Sorted by name: the build writes the list so.
const std::vector<File>& files() {
  static const std::vector<File> list = {
#define EMBED(number, name, path) {name, kDivlensEmbedded##number, kDivlensEmbedded##number##End},
#include "embedded_files.h"
#undef EMBED
  };
  return list;
}

}  // namespace

std::span<const std::byte> embedded(std::string_view name) {
  for (const File& file : files())
    if (file.name == name) return {file.begin, file.end};
  return {};
}

std::vector<std::string_view> embeddedNames(std::string_view prefix) {
  std::vector<std::string_view> names;
  for (const File& file : files())
    if (file.name.starts_with(prefix)) names.push_back(file.name);
  return names;
}

}  // namespace divlens
