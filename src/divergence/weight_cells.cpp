#include "divergence/weight_cells.h"

#include <fmt/format.h>

#include <algorithm>

#include "divergence/stages.h"
#include "dump/escape.h"
#include "dump/gather.h"
#include "dump/rows.h"
#include "dump/stack.h"
#include "error.h"

namespace divlens {
namespace {

constexpr size_t kShown = 4;

Block wholeGrid(const Plan& plan) {
  return {0, int64_t(plan.rows.positions.size()), 0, int64_t(plan.columns.positions.size())};
}

bool hasReference(const Plan& plan) {
  return plan.reference.kind == ReferenceKind::Rows || plan.reference.kind == ReferenceKind::Shifted;
}

}  // namespace

bool usesStatistics(const Plan& plan) {
  return plan.kind == Kind::Weights || (!plan.metrics.empty() && plan.metrics.front().metric->statistic);
}

CellReader::CellReader(const Tensor& tensor) : tensor_(tensor) {
  if (whole()) return;
  const RowGather gather(tensor_);
  rowLength_ = gather.rowLength();
  contiguous_ = gather.contiguous();
}

bool CellReader::exists(int64_t cell) const { return !whole() || tensor_.stack->partOf[size_t(cell)] >= 0; }

const Tensor& CellReader::part(int64_t cell) const {
  return whole() ? tensor_.stack->parts[size_t(tensor_.stack->partOf[size_t(cell)])] : tensor_;
}

int64_t CellReader::elements(int64_t cell) const {
  if (!exists(cell)) return 0;
  return whole() ? part(cell).elements() : rowLength_;
}

std::pair<int64_t, int64_t> CellReader::matrix(int64_t cell) const {
  const int64_t count = elements(cell);
  if (!whole() || count == 0 || part(cell).shape.size() < 2) return {1, count};
  const int64_t rows = part(cell).shape.front();
  return {rows, count / rows};
}

DType CellReader::deviceDType(int64_t cell) const {
  const Tensor& tensor = part(cell);
  const bool plain = whole() ? tensor.strides == stridesInC(tensor.shape) : contiguous_;
  return !plain || tensor.dtype == DType::F64 ? DType::F32 : tensor.dtype;
}

uint64_t CellReader::bytes(int64_t cell) const {
  return exists(cell) ? uint64_t(elements(cell)) * info(part(cell).dtype).bytes : 0;
}

void CellReader::read(int64_t cell, int64_t first, int64_t count, std::byte* out) const {
  const Tensor& tensor = part(cell);
  const int64_t start = whole() ? first : cell * rowLength_ + first;
  if (deviceDType(cell) != tensor.dtype || tensor.strides != stridesInC(tensor.shape)) {
    if (deviceDType(cell) == DType::F32)
      return readElements(tensor, start, {reinterpret_cast<float*>(out), size_t(count)});
    const uint64_t offset = RowGather(tensor).rowOffset(cell) + uint64_t(first) * info(tensor.dtype).bytes;
    return tensor.source->read(offset, {out, size_t(count) * info(tensor.dtype).bytes});
  }
  tensor.source->read(tensor.offset + uint64_t(start) * info(tensor.dtype).bytes,
                      {out, size_t(count) * info(tensor.dtype).bytes});
}

std::vector<double> CellReader::exact(int64_t cell) const {
  const Tensor& tensor = part(cell);
  std::vector<double> out, row;
  if (!whole()) {
    readRow(tensor, cell, rowLength_, out);
    return out;
  }
  const int64_t length = tensor.shape.empty() ? 1 : tensor.shape.back();
  for (int64_t r = 0; r < tensor.elements() / length; ++r) {
    readRow(tensor, r, length, row);
    out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

std::string CellReader::name(int64_t cell) const {
  const Tensor& tensor = part(cell);
  return fmt::format("tensor '{}' {}", escaped(tensor.name), shapeText(tensor.shape));
}

std::vector<WeightItem> weightItems(const Plan& plan, const Block& block, const EntryLayout& layout) {
  const bool masks = !plan.mask.values.empty(), compares = hasReference(plan);
  std::vector<WeightItem> items{{0, plan.reference.base, 0, 0}};
  std::vector<int64_t> mask{0};
  size_t axes = 0;
  const auto add = [&](const PlanAxis& axis, int64_t first, int64_t count, int64_t slotStride) {
    const int64_t maskStride = masks ? plan.mask.strides.at(axes++) : 0;
    const bool shifted =
        plan.reference.kind == ReferenceKind::Shifted && !axis.synthetic && axis.name == plan.reference.shiftAxis;
    std::vector<WeightItem> next;
    std::vector<int64_t> nextMask;
    for (size_t i = 0; i < items.size(); ++i) {
      for (int64_t k = 0; k < count; ++k) {
        const int64_t position = axis.positions[size_t(first + k)];
        WeightItem item = items[i];
        item.cell += position * axis.cellStride;
        item.reference += position * axis.referenceStride;
        item.slot += uint32_t(k * slotStride);
        const int64_t neighbour = position + plan.reference.shift;
        if (shifted && (neighbour < 0 || neighbour >= axis.length)) item.missing = 1;
        next.push_back(item);
        nextMask.push_back(mask[i] + position * maskStride);
      }
    }
    items = std::move(next);
    mask = std::move(nextMask);
  };
  add(plan.rows, block.firstRow, block.rows, block.columns * layout.entries);
  add(plan.columns, block.firstColumn, block.columns, layout.entries);
  for (size_t i = 0; i < plan.reduced.size(); ++i)
    add(plan.reduced[i], 0, int64_t(plan.reduced[i].positions.size()), layout.strides[i]);
  const CellReader cells(plan.cells);
  std::optional<CellReader> references;
  if (compares) references.emplace(plan.reference.tensor);
  for (size_t i = 0; i < items.size(); ++i) {
    WeightItem& item = items[i];
    if (!compares) item.reference = -1;
    if (item.missing == 0 && (!cells.exists(item.cell) || (compares && !references->exists(item.reference))))
      item.missing = 1;
    if (masks && plan.mask.values.at(size_t(mask[i])) != 0) item.missing = 2;
  }
  return items;
}

namespace {

void checkType(const CellReader& cells, int64_t cell) {
  const Tensor& tensor = cells.part(cell);
  if (info(tensor.dtype).floating && tensor.dtype != DType::Unsupported) return;
  const std::string type = tensor.dtype == DType::Unsupported ? tensor.dtypeName : info(tensor.dtype).name;
  throw Error(Exit::BadInput,
              fmt::format("{}: {} holds {}, of which no statistics are taken; F64, F32, F16 and BF16 are read (a "
                          "quantised checkpoint must be converted first)",
                          escapedPath(tensor.source->name()), cells.name(cell), escaped(type)));
}

}  // namespace

void checkCells(const Plan& plan) {
  if (!usesStatistics(plan)) return;
  const CellReader cells(plan.cells);
  std::optional<CellReader> references;
  if (hasReference(plan)) references.emplace(plan.reference.tensor);
  std::vector<std::string> offenders;
  for (const WeightItem& item : weightItems(plan, wholeGrid(plan), entryLayout(plan))) {
    if (item.missing != 0) continue;
    checkType(cells, item.cell);
    if (references) checkType(*references, item.reference);
    if (cells.elements(item.cell) > int64_t{UINT32_MAX})
      throw Error(Exit::Budget, fmt::format("{} has more than 2^32 elements", cells.name(item.cell)));
    if (!references || plan.kind != Kind::Weights) continue;
    if (cells.part(item.cell).shape != references->part(item.reference).shape)
      offenders.push_back(fmt::format("{} against {}", cells.name(item.cell), references->name(item.reference)));
  }
  if (offenders.empty()) return;
  std::string text;
  for (size_t i = 0; i < std::min(offenders.size(), kShown); ++i) text += (i == 0 ? "" : "; ") + offenders[i];
  throw Error(Exit::BadInput,
              fmt::format("{}: {} of the cells differ in shape from their reference '{}': {}",
                          escapedPath(plan.inputs.front().path), offenders.size(), escaped(plan.reference.text), text));
}

uint64_t weightBytes(const Plan& plan) {
  const CellReader cells(plan.cells);
  std::optional<CellReader> references;
  if (hasReference(plan)) references.emplace(plan.reference.tensor);
  uint64_t bytes = 0;
  for (const WeightItem& item : weightItems(plan, wholeGrid(plan), entryLayout(plan))) {
    if (item.missing != 0) continue;
    bytes += cells.bytes(item.cell) + (references ? references->bytes(item.reference) : 0);
  }
  return bytes;
}

}  // namespace divlens
