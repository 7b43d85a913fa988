#pragma once
#include <string>

#include "divergence/plan.h"

namespace divlens {

/// Reads --vocab-mask (token ids: text separated by white space or commas, a JSON list, or an integer .npy) into
/// plan.allowedBits; Error(Usage) where the file cannot be read as such or leaves nothing.
void applyVocabMask(Plan& plan, const std::string& path);
/// Reads the mask tensor that the cells' metadata name into plan.mask; Error(BadInput) where its axes do not fit.
void applyCellMask(Plan& plan, const Dump& dump);

}  // namespace divlens
