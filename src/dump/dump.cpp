#include "dump/dump.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/metadata.h"

namespace divlens {
namespace {

struct Guess {
  size_t rank;
  Kind kind;  // Unknown: nobody said
  std::array<const char*, 3> names;
  Kind meaning;
};

// Where nobody names the axes. Four axes or more are never guessed.
constexpr std::array<Guess, 10> kGuesses = {{
    {3, Kind::Unknown, {"layer", "token", "vocab"}, Kind::Logits},
    {3, Kind::Logits, {"layer", "token", "vocab"}, Kind::Logits},
    {3, Kind::LogProbs, {"layer", "token", "vocab"}, Kind::LogProbs},
    {3, Kind::Probs, {"layer", "token", "vocab"}, Kind::Probs},
    {3, Kind::Hidden, {"layer", "token", "hidden"}, Kind::Hidden},
    {2, Kind::Unknown, {"row", "column"}, Kind::Scalar},
    {2, Kind::Scalar, {"row", "column"}, Kind::Scalar},
    {2, Kind::Logits, {"token", "vocab"}, Kind::Logits},
    {2, Kind::LogProbs, {"token", "vocab"}, Kind::LogProbs},
    {2, Kind::Probs, {"token", "vocab"}, Kind::Probs},
}};

// Labels describe the entries at a place, and stay there when the axis is renamed.
void rename(Tensor& tensor, const std::vector<std::string>& names) {
  tensor.axes.resize(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    tensor.axes[i].name = names[i];
    tensor.axes[i].length = tensor.shape[i];
  }
}

void checkNames(const Tensor& tensor, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& axisName : names) text += (text.empty() ? "" : ",") + escaped(axisName);
  if (names.size() != tensor.shape.size()) {
    throw Error(Exit::Usage, fmt::format("--axes {}: {} name{}, tensor '{}' has {} axes, shape {}", text, names.size(),
                                         names.size() == 1 ? "" : "s", escaped(tensor.name), tensor.shape.size(),
                                         shapeText(tensor.shape)));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) throw Error(Exit::Usage, fmt::format("--axes {}: name {} is empty", text, i + 1));
    if (std::find(names.begin(), names.begin() + static_cast<ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<ptrdiff_t>(i)) {
      throw Error(Exit::Usage, fmt::format("--axes {}: the name '{}' appears twice", text, escaped(names[i])));
    }
  }
}

void guess(Tensor& tensor, std::optional<Kind> kind) {
  const size_t rank = tensor.shape.size();
  for (const Guess& row : kGuesses) {
    if (row.rank != rank || row.kind != kind.value_or(tensor.kind)) continue;
    rename(tensor, std::vector<std::string>(row.names.begin(), row.names.begin() + static_cast<ptrdiff_t>(rank)));
    tensor.kind = row.meaning;
    tensor.axesGuessed = true;
    return;
  }
  badTensor(tensor,
            fmt::format("shape {} needs axes: name {} with --axes, for example --axes {}, and say what the last "
                        "one holds with --kind",
                        shapeText(tensor.shape), rank == 1 ? "it" : fmt::format("all {}", rank),
                        rank == 1 ? "token" : "example,layer,token,vocab"));
}

}  // namespace

const Tensor* Dump::find(std::string_view tensorName) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return tensor.name == tensorName; });
  return found == tensors.end() ? nullptr : &*found;
}

DumpName splitDumpName(const std::string& text) {
  struct stat status{};
  const size_t colon = text.find_last_of(':');
  if (colon == std::string::npos || ::stat(text.c_str(), &status) == 0) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

void nameAxes(Tensor& tensor, const std::vector<std::string>& axes, std::optional<Kind> kind) {
  if (tensor.shape.empty()) badTensor(tensor, "a single number without axes is no grid (rank 0, needs axes)");
  if (tensor.elements() == 0) {
    badTensor(tensor, fmt::format("no cells: shape {} needs axes with entries", shapeText(tensor.shape)));
  }
  if (!axes.empty()) {
    checkNames(tensor, axes);
    rename(tensor, axes);
    tensor.axesGuessed = false;
    if (!kind && tensor.kind == Kind::Unknown) tensor.kind = kindOfAxes(tensor.axes);
  } else if (tensor.axes.empty()) {
    guess(tensor, kind);
  }
  if (kind) tensor.kind = *kind;
}

}  // namespace divlens
