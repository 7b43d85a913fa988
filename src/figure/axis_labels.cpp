#include "figure/axis_labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "figure/label_text.h"

namespace divlens {
namespace {

constexpr float kLineHeight = 1.17f;                   // of the font's em, with hardly any room between lines
constexpr float kLetterWidth = 0.5f;                   // narrower than any label
constexpr size_t kMeasured = 512;                      // more labels than this are judged by the longest
constexpr size_t kMostOfDump = 32, kMostChosen = 200;  // characters of a label

std::optional<double> numberOf(const std::string& label) {
  double number = 0;
  const char* const end = label.data() + label.size();
  const auto result = std::from_chars(label.data(), end, number);
  return result.ec == std::errc() && result.ptr == end ? std::optional(number) : std::nullopt;
}

bool isNumber(const std::string& label) { return numberOf(label).has_value(); }

}  // namespace

AxisLabels::AxisLabels(const FigureAxis& axis, const Options& options, TextShaper& shaper, float sizePx)
    : axis_(axis),
      choice_(parseTickChoice(options.choice, options.choiceOption, axis.count)),
      shaper_(shaper),
      size_(sizePx) {
  if (!options.format.empty()) format_.emplace(options.format, options.formatOption, NumberFormat::Of::Labels);
  const bool all = !(axis.end > axis.begin);
  begin_ = all ? 0 : axis.begin;
  end_ = all ? static_cast<double>(std::max<int64_t>(axis.count, 1)) : axis.end;
  first_ = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(begin_ - 0.5)));
  last_ = std::min(axis.count, static_cast<int64_t>(std::floor(end_ - 0.5)) + 1);
  if (!axis.edges.empty()) {
    while (first_ > 0 && centre(first_ - 1) >= begin_) --first_;
    while (first_ < axis.count && centre(first_) < begin_) ++first_;
    last_ = first_;
    while (last_ < axis.count && centre(last_) <= end_) ++last_;
  }
  const auto& labels = choice_.kind == TickChoice::Kind::List ? choice_.labels : axis.labels;
  numeric_ = std::all_of(labels.begin(), labels.end(), isNumber);
  byteLevel_ = choice_.kind != TickChoice::Kind::List && looksByteLevel(labels);
}

std::string AxisLabels::label(int64_t entry) const {
  const auto i = static_cast<size_t>(entry);
  if (choice_.kind == TickChoice::Kind::List) return choice_.labels[i];
  return i < axis_.labels.size() ? axis_.labels[i] : std::to_string(entry);
}

std::string AxisLabels::text(int64_t entry, size_t mostCharacters) const {
  const std::string label = this->label(entry);
  const auto number = format_ ? numberOf(label) : std::nullopt;
  if (number && format_->writes(*number)) return withMinusSign((*format_)(*number));
  return displayLabel(label, byteLevel_, mostCharacters);
}

// Words that were chosen for the figure may be longer than those of a dump.
std::string AxisLabels::text(int64_t entry) const {
  return text(entry, choice_.kind == TickChoice::Kind::List ? kMostChosen : kMostOfDump);
}

// Widest of all visible labels, or of the ones with most bytes where there are many.
float AxisLabels::measuredLongest() {
  if (longest_ >= 0) return longest_;
  std::vector<int64_t> candidates;
  const bool positions = axis_.labels.empty() && choice_.kind != TickChoice::Kind::List;
  for (int64_t i = positions ? last_ - 1 : first_; i < last_; ++i) candidates.push_back(i);
  const auto bytes = [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    return choice_.kind == TickChoice::Kind::List ? choice_.labels[at].size()
           : at < axis_.labels.size()             ? axis_.labels[at].size()
                                                  : std::to_string(i).size();
  };
  if (candidates.size() > (numeric_ ? 8 : kMeasured)) {
    const auto middle = candidates.begin() + (numeric_ ? 8 : static_cast<std::ptrdiff_t>(kMeasured));
    std::nth_element(candidates.begin(), middle, candidates.end(),
                     [&](int64_t a, int64_t b) { return bytes(a) > bytes(b); });
    candidates.erase(middle, candidates.end());
  }
  longest_ = 0;
  for (const int64_t i : candidates) longest_ = std::max(longest_, shaper_.measure(text(i), size_).width);
  return longest_;
}

// Where cells differ in size, each label that has room after the one before it and before the last.
std::vector<int64_t> AxisLabels::thinned(double pitch, double extent) const {
  if (axis_.edges.empty()) return thinnedEntries(first_, last_, pitch, extent);
  std::vector<int64_t> kept;
  for (int64_t i = first_; i + 1 < last_; ++i) {
    const bool free = kept.empty() || (centre(i) - centre(kept.back())) * pitch >= extent;
    if (free && (centre(last_ - 1) - centre(i)) * pitch >= extent) kept.push_back(i);
  }
  if (first_ < last_) kept.push_back(last_ - 1);
  return kept;
}

bool AxisLabels::collide(const std::vector<int64_t>& entries, double pitch, double extent) const {
  for (size_t i = 1; i < entries.size(); ++i)
    if ((centre(entries[i]) - centre(entries[i - 1])) * pitch < extent) return true;
  return false;
}

std::vector<int64_t> AxisLabels::entries(double pitch, double extent) const {
  if (choice_.kind == TickChoice::Kind::None) return {};
  if (choice_.kind == TickChoice::Kind::Stride) {
    const bool many = static_cast<double>(choice_.stride) * pitch < extent / 2;
    auto wanted = many ? std::vector<int64_t>{} : stridedEntries(first_, last_, choice_.stride, choice_.last);
    // "N,last": the last one wins over a neighbour that it would touch.
    if (choice_.last && wanted.size() > 2 && static_cast<double>(choice_.stride) * pitch >= extent)
      while (wanted.size() > 2 && static_cast<double>(wanted.back() - wanted[wanted.size() - 2]) * pitch < extent)
        wanted.erase(wanted.end() - 2);
    if (!many) return wanted;
  }
  return thinned(pitch, extent);
}

AxisLabels::Placement AxisLabels::place(double pitch, double extent, bool rotated) {
  Placement placement;
  placement.rotated = rotated;
  std::vector<int64_t> chosen = entries(pitch, extent);
  const bool asked = choice_.kind == TickChoice::Kind::Stride || choice_.kind == TickChoice::Kind::List;
  if (collide(chosen, pitch, extent)) chosen = thinned(pitch, extent);
  if (choice_.kind == TickChoice::Kind::Stride)
    placement.thinned = chosen.size() + 1 < static_cast<size_t>((last_ - first_) / choice_.stride);
  else if (asked)
    placement.thinned = std::cmp_less(chosen.size(), last_ - first_);
  for (const int64_t entry : chosen) {
    Tick tick{entry, text(entry), 0};
    tick.width = shaper_.measure(tick.text, size_).width;
    placement.longest = std::max(placement.longest, tick.width);
    placement.cut = placement.cut || tick.text != text(entry, std::string::npos);
    placement.ticks.push_back(std::move(tick));
  }
  return placement;
}

AxisLabels::Placement AxisLabels::down(float length) {
  return place(length / (end_ - begin_), kLineHeight * size_, false);
}

AxisLabels::Placement AxisLabels::across(float length) {
  const double pitch = length / (end_ - begin_);
  if (choice_.kind == TickChoice::Kind::None) return {};
  const double gap = 0.6 * size_, line = kLineHeight * size_;
  const double stride = choice_.kind == TickChoice::Kind::Stride ? static_cast<double>(choice_.stride) : 1;
  const bool hopeless = !numeric_ && stride * pitch < kLetterWidth * size_;
  if (!hopeless) {
    const double extent = measuredLongest() + gap;
    const bool fits = stride * pitch >= extent || last_ - first_ <= 1;
    if (fits || (numeric_ && choice_.kind != TickChoice::Kind::Stride)) return place(pitch, extent, false);
  }
  return place(pitch, line, true);
}

}  // namespace divlens
