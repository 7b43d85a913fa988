#include "divergence/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "dump/escape.h"
#include "error.h"
#include "suggest.h"

namespace divlens {
namespace {

/// What the messages of one option speak of.
struct Context {
  const Axis& axis;
  std::string_view option;
};

[[noreturn]] void fail(const Context& context, const std::string& text) {
  throw Error(Exit::Usage, fmt::format("{}: axis '{}' {}", context.option, escaped(context.axis.name), text));
}

bool looksLikeInteger(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The number, or nothing when it does not fit 64 bits; for text that looks like an integer.
std::optional<int64_t> integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

/// The parts of START:STOP[:STEP], or nothing when `text` is no slice.
std::optional<std::vector<std::string_view>> sliceParts(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t start = 0;;) {
    const size_t colon = text.find(':', start);
    parts.push_back(text.substr(start, colon - start));
    if (!parts.back().empty() && !looksLikeInteger(parts.back())) return std::nullopt;
    if (colon == std::string_view::npos) break;
    start = colon + 1;
  }
  if (parts.size() != 2 && parts.size() != 3) return std::nullopt;
  return parts;
}

/// One end of a slice as Python clips it: into [low, high], negative values counting from the end.
int64_t clippedEnd(std::string_view part, int64_t length, int64_t whenEmpty, int64_t low, int64_t high) {
  if (part.empty()) return whenEmpty;
  const std::optional<int64_t> value = integer(part);
  if (!value) return part.starts_with('-') ? low : high;
  return std::clamp(*value < 0 ? *value + length : *value, low, high);
}

void appendSlice(const Context& context, const std::vector<std::string_view>& parts, std::vector<int64_t>& out) {
  const int64_t length = context.axis.length;
  int64_t step = 1;
  if (parts.size() == 3 && !parts[2].empty()) {
    // A step beyond the axis takes one entry, whatever its size.
    const int64_t limit = length + 1;
    step = std::clamp(integer(parts[2]).value_or(parts[2].starts_with('-') ? -limit : limit), -limit, limit);
  }
  if (step == 0) fail(context, "cannot be sliced with step 0");
  const int64_t low = step > 0 ? 0 : -1;
  const int64_t high = step > 0 ? length : length - 1;
  const int64_t start = clippedEnd(parts[0], length, step > 0 ? low : high, low, high);
  const int64_t stop = clippedEnd(parts[1], length, step > 0 ? high : low, low, high);
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) out.push_back(i);
}

void appendPosition(const Context& context, std::string_view text, std::vector<int64_t>& out) {
  const int64_t length = context.axis.length;
  const std::optional<int64_t> value = integer(text);
  if (value && *value >= -length && *value < length) {
    out.push_back(*value < 0 ? *value + length : *value);
    return;
  }
  const auto& labels = context.axis.labels;
  const bool isLabel = std::find(labels.begin(), labels.end(), text) != labels.end();
  fail(context, fmt::format("has {} entries, position {} is out of range{}", length, text,
                            isLabel ? fmt::format("; for the entry labelled '{0}' say {1}=label:{0}", text,
                                                  escaped(context.axis.name))
                                    : ""));
}

std::vector<std::string> distinct(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const std::string& text : texts) {
    const std::string shown = escaped(text);
    if (std::find(out.begin(), out.end(), shown) == out.end()) out.push_back(shown);
    if (out.size() == 1000) break;  // enough to suggest from
  }
  return out;
}

/// Appends all positions where `texts` (labels or groups of the axis) is `wanted`.
void appendMatches(const Context& context, const std::vector<std::string>& texts, std::string_view wanted,
                   const char* what, std::vector<int64_t>& out) {
  const size_t before = out.size();
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i] == wanted) out.push_back(static_cast<int64_t>(i));
  }
  if (out.size() > before) return;
  if (texts.empty()) {
    fail(context, fmt::format("has no {}s, so '{}' names nothing; positions go from 0 to {}", what, escaped(wanted),
                              context.axis.length - 1));
  }
  const std::vector<std::string> known = distinct(texts);
  const std::string guess = didYouMean(escaped(wanted), known);
  fail(context, fmt::format("has no {} '{}'{} its {}s: {}", what, escaped(wanted), guess.empty() ? ";" : guess, what,
                            listed(known)));
}

void appendItem(const Context& context, std::string_view item, std::vector<int64_t>& out) {
  if (looksLikeInteger(item)) return appendPosition(context, item, out);
  if (const auto parts = sliceParts(item)) return appendSlice(context, *parts, out);
  appendMatches(context, context.axis.labels, item, "label", out);
}

}  // namespace

std::pair<std::string, std::string> splitAssignment(const std::string& text, std::string_view option,
                                                    std::string_view form) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw Error(Exit::Usage, fmt::format("{} '{}': expected {}", option, escaped(text), form));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

size_t axisNamed(const Tensor& tensor, size_t count, std::string_view name, std::string_view option) {
  const int index = tensor.axisIndex(name);
  if (index >= 0 && static_cast<size_t>(index) < count) return static_cast<size_t>(index);
  if (index >= 0) {
    throw Error(Exit::Usage,
                fmt::format("{}: axis '{}' holds the distribution and cannot be used here; --vocab N limits "
                            "its entries",
                            option, escaped(name)));
  }
  std::vector<std::string> known;
  for (size_t i = 0; i < count; ++i) known.push_back(escaped(tensor.axes[i].name));
  const std::string guess = didYouMean(escaped(name), known);
  throw Error(Exit::Usage, fmt::format("{}: tensor '{}' has no axis '{}'{} its axes: {}", option, escaped(tensor.name),
                                       escaped(name), guess.empty() ? ";" : guess, listed(known)));
}

std::vector<int64_t> selectedPositions(const Axis& axis, std::string_view spec, std::string_view option) {
  const Context context{axis, option};
  std::vector<int64_t> out;
  constexpr std::string_view kLabel = "label:", kGroup = "group:";
  if (spec.starts_with(kLabel)) {
    appendMatches(context, axis.labels, spec.substr(kLabel.size()), "label", out);
  } else if (spec.starts_with(kGroup)) {
    appendMatches(context, axis.groups, spec.substr(kGroup.size()), "group", out);
  } else {
    for (size_t start = 0; start <= spec.size();) {
      const size_t comma = std::min(spec.find(',', start), spec.size());
      appendItem(context, spec.substr(start, comma - start), out);
      start = comma + 1;
    }
  }
  if (out.empty()) {
    fail(context, fmt::format("has {} entries, and '{}' leaves none of them", axis.length, escaped(spec)));
  }
  return out;
}

}  // namespace divlens
