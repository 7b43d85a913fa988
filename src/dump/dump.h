#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "dump/tensor.h"

namespace divlens {

struct OpenOptions {
  bool lenient = false;               ///< holes and trailing bytes in a safetensors file warn instead of failing
  bool partial = false;               ///< a truncated .npy is read as far as its rows go
  bool follow = false;                ///< a file that ends too early is waited for while it grows
  std::vector<std::string> patterns;  ///< --pattern: presets or patterns of names that are put side by side
  std::string stack;                  ///< --stack: pattern of the files of a folder
  bool wholeTensors = false;          ///< --kind weights: each stacked tensor is one cell
  /// --rows, --columns and --value, where a table lists a cell a line: its columns with the two labels and the value.
  std::string rows, columns, value;
  std::vector<std::string> outer;    ///< names of further axes, of which such a table may have columns
  std::optional<std::string> dtype;  ///< --dtype: how to read raw |V2 elements ("bf16")
  /// Set by a signal handler: reading that must go through much of a file first ends with Error(Interrupted).
  const std::atomic<int>* cancel = nullptr;
};

/// One file, or several that belong together, opened: headers only.
struct Dump {
  std::string path;    ///< as the user gave it
  std::string format;  ///< "npy", "safetensors", "csv" ...
  uint64_t bytes = 0;  ///< size of all files
  std::vector<Tensor> tensors;
  std::string preferred;  ///< name of the tensor that is drawn where none is asked for; empty: none stands out
  std::string title;
  std::string source;
  std::vector<std::string> notes;     ///< for stderr: wrong extension, what is left out ...
  std::vector<std::string> warnings;  ///< bytes or sizes that do not fit, forgiven; not by --strict
  const Tensor* find(std::string_view tensorName) const;
};

/// Splits "PATH:TENSOR": the whole string if such a file exists, else at the last colon. The tensor may be empty.
struct DumpName {
  std::string path;
  std::string tensor;
};
DumpName splitDumpName(const std::string& text);

/// Opens `path` by its content (formats.cpp holds the list of formats); Error(BadInput) names file, offset, expected
/// and actual. Axes come from the file's `divlens` metadata or the sidecar FILE.divlens.json; tensors that neither
/// names stay unnamed.
Dump openDump(const std::string& path, const OpenOptions& options = {});

/// Names the axes of one tensor from the command line (--axes, --kind), which wins over the file's own names; where
/// nothing names them, guesses by rank (3-D: layer, token, vocab of logits; 2-D: a scalar table row × column) and sets
/// axesGuessed; Error(BadInput) asks for --axes otherwise. A count that does not fit the rank is Error(Usage).
void nameAxes(Tensor& tensor, const std::vector<std::string>& axes, std::optional<Kind> kind);

}  // namespace divlens
