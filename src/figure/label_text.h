#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace divlens {

/// True when labels are tokens in the byte-level alphabet of GPT-2's tokenizer (they hold Ġ, Ċ, ĉ or other stand-ins
/// for bytes): only then are they decoded, so that "Café" and "Subj." stay as they are.
bool looksByteLevel(const std::vector<std::string>& labels);

/// A label as it is drawn. A leading space (Ġ, ▁ or a real one) is drawn as "·", a line feed as "↵", a tab as "⇥";
/// byte-level text is decoded to UTF-8; bytes that are none become \xNN; control, zero-width and bidi control
/// characters \uNNNN; more than `maxCharacters` characters are elided in the middle with "…"; an empty label is "∅".
std::string displayLabel(std::string_view label, bool byteLevel, size_t maxCharacters = 32);

/// The text with "…" in place of its middle where it has more than `maxCharacters` characters; clusters stay whole.
std::string elideMiddle(std::string_view text, size_t maxCharacters);

/// displayLabel for all labels of one axis.
std::vector<std::string> displayLabels(const std::vector<std::string>& labels, size_t maxCharacters = 32);

}  // namespace divlens
