#include "dump/stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "dump/checked.h"
#include "dump/escape.h"
#include "dump/fault.h"
#include "suggest.h"

namespace divlens {
namespace {

constexpr size_t kShown = 4;
constexpr uint64_t kMostCells = uint64_t{1} << 28;

/// Parts of equal size that lie anywhere, as if they were one file.
class StackSource final : public ByteSource {
 public:
  struct Segment {
    std::shared_ptr<const ByteSource> source;  ///< null: a hole
    uint64_t offset = 0;
  };
  StackSource(std::vector<Segment> segments, uint64_t segmentBytes, std::vector<std::byte> filler, std::string name)
      : segments_(std::move(segments)),
        segmentBytes_(segmentBytes),
        filler_(std::move(filler)),
        name_(std::move(name)) {}
  uint64_t size() const override { return segments_.size() * segmentBytes_; }
  const std::string& name() const override { return name_; }

  void read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size() || out.size() > size() - offset) {
      badInput(name_, fmt::format("the stack ends at byte {}, before byte {} + {}", size(), offset, out.size()));
    }
    while (!out.empty()) {
      const Segment& segment = segments_[offset / segmentBytes_];
      const uint64_t inside = offset % segmentBytes_;
      const std::span<std::byte> part = out.first(std::min<uint64_t>(out.size(), segmentBytes_ - inside));
      if (segment.source) {
        segment.source->read(segment.offset + inside, part);
      } else {
        for (size_t i = 0; i < part.size(); ++i) part[i] = filler_[(inside + i) % filler_.size()];
      }
      out = out.subspan(part.size());
      offset += part.size();
    }
  }

 private:
  std::vector<Segment> segments_;
  uint64_t segmentBytes_;
  std::vector<std::byte> filler_;
  std::string name_;
};

template <typename T>
std::vector<std::byte> bytesOf(T value) {
  std::vector<std::byte> out(sizeof value);
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

/// One element of a hole: NaN, or −1 where there is none.
std::vector<std::byte> fillerOf(DType dtype) {
  switch (dtype) {
    case DType::F64:
      return bytesOf(uint64_t{0x7FF8000000000000});
    case DType::F32:
      return bytesOf(uint32_t{0x7FC00000});
    case DType::F16:
      return bytesOf(uint16_t{0x7E00});
    case DType::BF16:
      return bytesOf(uint16_t{0x7FC0});
    default:
      return std::vector<std::byte>(info(dtype).bytes, std::byte{0xFF});
  }
}

/// Where a label belongs on its axis.
struct Place {
  size_t group;  // numbers, then other text, then what each pattern lists
  std::vector<double> rank;
  size_t seen;
  bool operator<(const Place& other) const {
    if (group != other.group) return group < other.group;
    if (rank != other.rank) return rank < other.rank;
    return seen < other.seen;
  }
};

Axis axisOf(const std::string& name, size_t variable, const std::vector<StackEntry>& entries) {
  std::map<std::string, Place> places;
  for (const StackEntry& entry : entries) {
    const PatternValue& value = entry.values[variable];
    const size_t group = value.listed ? 2 + entry.pattern : value.rank.empty() ? 1 : 0;
    places.try_emplace(value.label, Place{group, value.rank, places.size()});
  }
  std::vector<std::pair<std::string, Place>> sorted(places.begin(), places.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  Axis axis{name, static_cast<int64_t>(sorted.size()), {}, {}, {}};
  for (const auto& [label, place] : sorted) {
    axis.labels.push_back(label);
    if (const std::optional<double> number = wholeNumber(label)) axis.coordinates.push_back(*number);
  }
  if (axis.coordinates.size() != axis.labels.size()) axis.coordinates.clear();
  return axis;
}

std::string first(const std::vector<std::string>& offenders, const char* separator = "; ") {
  std::string out;
  for (size_t i = 0; i < offenders.size() && i < kShown; ++i) out += (i == 0 ? "" : separator) + offenders[i];
  return offenders.size() > kShown ? fmt::format("{} and {} more", out, offenders.size() - kShown) : out;
}

/// Entries that differ from the first one in what `text` says of them.
template <typename Text>
std::vector<std::string> unlikeFirst(const std::vector<StackEntry>& entries, const Text& text) {
  std::vector<std::string> out;
  const std::string expected = text(entries.front().tensor);
  for (const StackEntry& entry : entries) {
    if (const std::string got = text(entry.tensor); got != expected)
      out.push_back(fmt::format("{} is {}", entry.where, got));
  }
  return out;
}

std::string layoutText(const Tensor& tensor) {
  std::string names;
  for (const Axis& axis : tensor.axes) names += (names.empty() ? "" : ", ") + escaped(axis.name);
  return fmt::format("{}{}{}", shapeText(tensor.shape), names.empty() ? "" : fmt::format(" ({})", names),
                     tensor.strides == stridesInC(tensor.shape) ? "" : " in Fortran order");
}

void checkEqual(const std::vector<StackEntry>& entries) {
  const StackEntry& lead = entries.front();
  const auto fail = [&](const std::vector<std::string>& offenders, const std::string& leadText) {
    if (offenders.empty()) return;
    throw Error(
        Exit::BadInput,
        fmt::format("tensors must agree to be stacked: {} is {}, but {}; leave the others out of the pattern, or "
                    "take statistics of whole tensors with --kind weights",
                    lead.where, leadText, first(offenders)));
  };
  fail(unlikeFirst(entries, layoutText), layoutText(lead.tensor));
  const auto dtypeText = [](const Tensor& tensor) { return tensor.dtypeName; };
  fail(unlikeFirst(entries, dtypeText), dtypeText(lead.tensor));
}

std::shared_ptr<TensorStack> stackOf(const StackLayout& layout, const std::vector<StackEntry>& entries) {
  auto stack = std::make_shared<TensorStack>();
  for (const StackEntry& entry : entries) stack->parts.push_back(entry.tensor);
  stack->partOf = layout.entryOf;
  stack->holes = layout.holes;
  return stack;
}

void setAxes(Tensor& tensor, std::vector<Axis> axes) {
  tensor.axes = std::move(axes);
  tensor.shape.clear();
  for (const Axis& axis : tensor.axes) tensor.shape.push_back(axis.length);
  tensor.strides = stridesInC(tensor.shape);
}

/// The labels of an axis that several stacks have: numbers in their order, else one that a stack lacks stands behind
/// the one that it follows in another.
Axis united(size_t axis, const std::vector<StackEntry>& entries) {
  Axis out = entries.front().tensor.axes[axis];
  const size_t known = out.labels.size();
  for (const StackEntry& entry : entries) {
    auto behind = out.labels.begin();
    for (const std::string& label : entry.tensor.axes[axis].labels) {
      auto at = std::find(out.labels.begin(), out.labels.end(), label);
      if (at == out.labels.end()) at = out.labels.insert(behind, label);
      behind = at + 1;
    }
  }
  if (out.labels.size() == known) return out;
  out.length = static_cast<int64_t>(out.labels.size());
  out.coordinates.clear();
  std::vector<std::pair<double, std::string>> numbered;
  for (const std::string& label : out.labels)
    if (const auto number = wholeNumber(label)) numbered.emplace_back(*number, label);
  if (numbered.size() != out.labels.size()) return out;
  std::sort(numbered.begin(), numbered.end());
  for (size_t i = 0; i < numbered.size(); ++i) {
    out.coordinates.push_back(numbered[i].first);
    out.labels[i] = numbered[i].second;
  }
  return out;
}

/// For each combination of `axes` that of a stack's own axes with the same labels; -1 where it lacks one.
std::vector<int64_t> placesIn(const Tensor& own, const std::vector<Axis>& axes) {
  std::vector<int64_t> out = {0};
  for (size_t i = 0; i < axes.size(); ++i) {
    std::map<std::string_view, int64_t> known;
    for (const std::string& label : own.axes[i].labels) known.emplace(label, int64_t(known.size()));
    std::vector<int64_t> places, next;
    for (const std::string& label : axes[i].labels) {
      const auto at = known.find(label);
      places.push_back(at == known.end() ? -1 : at->second);
    }
    for (const int64_t outer : out)
      for (const int64_t place : places) next.push_back(outer < 0 || place < 0 ? -1 : outer * own.shape[i] + place);
    out = std::move(next);
  }
  return out;
}

/// Stacks whose cells are whole tensors, side by side: the inner axes are the same, their labels those of all.
Tensor joinStacks(const std::string& name, const StackLayout& layout, const std::vector<StackEntry>& entries) {
  const auto innerText = [](const Tensor& tensor) {
    std::string out;
    for (const Axis& axis : tensor.axes) out += (out.empty() ? "" : " × ") + axis.name;
    return out;
  };
  if (const auto offenders = unlikeFirst(entries, innerText); !offenders.empty()) {
    throw Error(Exit::BadInput,
                fmt::format("checkpoints must agree to be stacked: {} is {}, but {}", entries.front().where,
                            innerText(entries.front().tensor), first(offenders)));
  }
  Tensor out = entries.front().tensor;
  out.name = name;
  auto stack = std::make_shared<TensorStack>();
  stack->patterns = out.stack->patterns;
  stack->preset = out.stack->preset;
  std::vector<Axis> inner;
  for (size_t i = 0; i < out.axes.size(); ++i) inner.push_back(united(i, entries));
  uint64_t cells = 1;
  for (const Axis& axis : inner) cells = checkedMultiply(cells, axis.labels.size()).value_or(kMostCells + 1);
  if (checkedMultiply(cells, layout.entryOf.size()).value_or(kMostCells + 1) > kMostCells)
    throw Error(Exit::Budget, fmt::format("the checkpoints make more than {} cells together", kMostCells));
  for (const int64_t entry : layout.entryOf) {
    if (entry < 0) {
      stack->partOf.insert(stack->partOf.end(), cells, -1);
      continue;
    }
    const Tensor& tensor = entries[static_cast<size_t>(entry)].tensor;
    const TensorStack& own = *tensor.stack;
    const auto base = static_cast<int64_t>(stack->parts.size());
    stack->parts.insert(stack->parts.end(), own.parts.begin(), own.parts.end());
    for (const int64_t place : placesIn(tensor, inner)) {
      const int64_t part = place < 0 ? -1 : own.partOf[static_cast<size_t>(place)];
      stack->partOf.push_back(part < 0 ? -1 : base + part);
    }
  }
  stack->holes = std::count(stack->partOf.begin(), stack->partOf.end(), -1);
  std::vector<Axis> axes = layout.axes;
  axes.insert(axes.end(), inner.begin(), inner.end());
  setAxes(out, std::move(axes));
  out.stack = std::move(stack);
  return out;
}

}  // namespace

StackLayout layOut(const std::vector<std::string>& variables, const std::vector<StackEntry>& entries) {
  StackLayout layout;
  uint64_t cells = 1;
  for (size_t v = 0; v < variables.size(); ++v) {
    layout.axes.push_back(axisOf(variables[v], v, entries));
    cells = checkedMultiply(cells, static_cast<uint64_t>(layout.axes.back().length)).value_or(kMostCells + 1);
    if (cells > kMostCells) {
      throw Error(Exit::Budget, fmt::format("the pattern's variables make more than {} cells", kMostCells));
    }
  }
  layout.entryOf.assign(cells, -1);
  std::vector<std::map<std::string, size_t>> positions(variables.size());
  for (size_t v = 0; v < variables.size(); ++v) {
    for (size_t i = 0; i < layout.axes[v].labels.size(); ++i) positions[v][layout.axes[v].labels[i]] = i;
  }
  std::vector<std::string> twice;
  for (size_t i = 0; i < entries.size(); ++i) {
    size_t cell = 0;
    for (size_t v = 0; v < variables.size(); ++v) {
      cell = cell * layout.axes[v].labels.size() + positions[v].at(entries[i].values[v].label);
    }
    if (layout.entryOf[cell] >= 0) {
      twice.push_back(
          fmt::format("{} and {}", entries[static_cast<size_t>(layout.entryOf[cell])].where, entries[i].where));
    }
    layout.entryOf[cell] = static_cast<int64_t>(i);
  }
  if (!twice.empty()) {
    throw Error(
        Exit::Usage,
        fmt::format("the patterns find {} cell{} twice: {}; tell them apart by a variable of their own, such as "
                    "{{component:q,k}}",
                    twice.size(), twice.size() == 1 ? "" : "s", first(twice)));
  }
  layout.holes = std::count(layout.entryOf.begin(), layout.entryOf.end(), -1);
  return layout;
}

Tensor stackEqual(const std::string& name, const StackLayout& layout, const std::vector<StackEntry>& entries) {
  checkEqual(entries);
  const Tensor& part = entries.front().tensor;
  if (part.dtype == DType::Unsupported) {
    throw Error(Exit::BadInput, fmt::format("{}: elements of type '{}' cannot be read; F64, F32, F16 and BF16 are",
                                            entries.front().where, escaped(part.dtypeName)));
  }
  const uint64_t bytes = static_cast<uint64_t>(part.elements()) * info(part.dtype).bytes;
  if (bytes == 0) throw Error(Exit::BadInput, entries.front().where + " has no elements");
  std::vector<StackSource::Segment> segments;
  for (const int64_t entry : layout.entryOf) {
    if (entry < 0) {
      segments.emplace_back();
    } else {
      const Tensor& tensor = entries[static_cast<size_t>(entry)].tensor;
      segments.push_back({tensor.source, tensor.offset});
    }
  }
  Tensor out = part;
  out.name = name;
  out.source = std::make_shared<StackSource>(std::move(segments), bytes, fillerOf(part.dtype), part.source->name());
  out.offset = 0;
  out.stack = stackOf(layout, entries);
  std::vector<int64_t> shape, strides(layout.axes.size(), part.elements());
  for (const Axis& axis : layout.axes) shape.push_back(axis.length);
  for (size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  out.shape.insert(out.shape.begin(), shape.begin(), shape.end());
  out.strides.insert(out.strides.begin(), strides.begin(), strides.end());
  if (!part.axes.empty()) out.axes.insert(out.axes.begin(), layout.axes.begin(), layout.axes.end());
  return out;
}

Tensor stackWhole(const std::string& name, const StackLayout& layout, const std::vector<StackEntry>& entries) {
  if (entries.front().tensor.kind == Kind::Weights) return joinStacks(name, layout, entries);
  Tensor out = entries.front().tensor;
  out.name = name;
  out.kind = Kind::Weights;
  out.stack = stackOf(layout, entries);
  setAxes(out, layout.axes);
  return out;
}

}  // namespace divlens
