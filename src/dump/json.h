#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "dump/bytes.h"

namespace divlens {

/// Parses a JSON document; text that is not JSON, nests too deep or repeats a key is Error(BadInput) that names
/// `where`.
nlohmann::json parseJson(std::string_view text, const std::string& where);
/// The whole text of a small file; Error(BadInput) over 100 MB.
std::string readDocument(const ByteSource& source);
nlohmann::json readJson(const ByteSource& source);

}  // namespace divlens
