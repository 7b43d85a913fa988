#pragma once
#include <string>
#include <string_view>

#include "dump/dump.h"

namespace divlens {

/// Applies a `divlens` JSON document (axes, kinds, labels, coordinates, groups, title, source) to the tensors of
/// `dump`. `where` names the document in messages; a wrong length, an unknown axis or tensor or a repeated name is
/// Error(BadInput) that names the key. With `single` one entry under "tensors" applies to the only tensor, whatever its
/// name.
void applyMetadata(Dump& dump, std::string_view json, const std::string& where, bool single);

/// What the last axis holds where nobody says it: logits on `vocab`, hidden states on `hidden`, else scalars.
Kind kindOfAxes(const std::vector<Axis>& axes);

}  // namespace divlens
