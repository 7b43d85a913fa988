#pragma once
#include <string>

#include "dump/dump.h"

namespace divlens {

/// One file, by its content; the single formats' own way in.
Dump openDumpFile(const std::string& path, const OpenOptions& options);

/// A folder: with --stack its files side by side, else the checkpoint or the only dump in it; Error(BadInput) that says
/// what is there otherwise.
Dump openFolder(const std::string& path, const OpenOptions& options);

/// Puts the tensors that options.patterns find side by side, as a new tensor at the front of the dump, which then is
/// the one that is drawn. Error(Usage) where a pattern finds nothing or cells are found twice.
void applyPatterns(Dump& dump, const OpenOptions& options);

/// Axes of a stack of tensors that have none: `outer`, then example, token and hidden (vocab where the name says logits
/// or probs) as far as the rank goes; three below an outer axis that is no layer are layer, token, vocab of logits
/// unless the name says hidden. A guess that is said aloud. None where the rank is too high.
void nameGuessed(Tensor& tensor, const std::vector<Axis>& outer, const std::string& name);

}  // namespace divlens
