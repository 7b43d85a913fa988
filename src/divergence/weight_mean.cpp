#include "divergence/weight_mean.h"

#include <fmt/format.h>

#include <algorithm>

#include "divergence/plan_tensor.h"
#include "divergence/weight_cells.h"
#include "dump/rows.h"
#include "dump/stack.h"
#include "dump/temporary.h"
#include "error.h"

namespace divlens {
namespace {

constexpr int64_t kPiece = int64_t{1} << 18;

/// Elements [first, first + out.size()) of a cell as floats.
void readCell(const CellReader& cells, const Tensor& tensor, int64_t cell, int64_t first, std::span<float> out) {
  const bool whole = tensor.kind == Kind::Weights;
  readElements(whole ? cells.part(cell) : tensor, whole ? first : cell * tensor.shape.back() + first, out);
}

}  // namespace

Plan withMeanCells(const Plan& plan) {
  const CellReader cells(plan.cells);
  const int64_t count = plan.reference.meanCount, stride = plan.reference.meanStride;
  int64_t total = 1;
  for (size_t i = 0; i < leadingAxes(plan.cells, plan.kind); ++i) total *= plan.cells.shape[i];
  auto stack = std::make_shared<TensorStack>();
  stack->partOf.assign(size_t(total), -1);
  uint64_t offset = 0;
  std::vector<std::vector<int64_t>> members;
  for (int64_t cell = 0; cell < total; ++cell) {
    if (cell / stride % count != 0) continue;  // the first along the axis stands for all
    std::vector<int64_t> present;
    for (int64_t k = 0; k < count; ++k)
      if (cells.exists(cell + k * stride)) present.push_back(cell + k * stride);
    if (present.empty()) continue;
    for (const int64_t other : present) {
      if (plan.kind != Kind::Weights || cells.part(other).shape == cells.part(present.front()).shape) continue;
      throw Error(Exit::BadInput, fmt::format("--reference {}: shapes differ along the axis: {} and {}",
                                              plan.reference.text, cells.name(present.front()), cells.name(other)));
    }
    Tensor mean = plan.kind == Kind::Weights ? cells.part(present.front()) : plan.cells;
    if (plan.kind != Kind::Weights) mean.shape = {plan.cells.shape.back()};
    mean.name = "mean";
    mean.dtype = DType::F32;
    mean.strides = stridesInC(mean.shape);
    mean.axes.clear();
    mean.offset = offset;
    offset += uint64_t(mean.elements()) * sizeof(float);
    stack->partOf[size_t(cell)] = int64_t(stack->parts.size());
    stack->parts.push_back(std::move(mean));
    members.push_back(std::move(present));
  }
  auto file = std::make_shared<TemporaryFile>(std::max<uint64_t>(offset, 1));
  std::vector<double> sums;
  std::vector<float> piece;
  for (size_t part = 0; part < stack->parts.size(); ++part) {
    Tensor& mean = stack->parts[part];
    mean.source = file;
    for (int64_t first = 0; first < mean.elements(); first += kPiece) {
      const auto size = size_t(std::min(kPiece, mean.elements() - first));
      sums.assign(size, 0.0);
      piece.resize(size);
      for (const int64_t member : members[part]) {
        readCell(cells, plan.cells, member, first, piece);
        for (size_t i = 0; i < size; ++i) sums[i] += double(piece[i]);
      }
      for (size_t i = 0; i < size; ++i) piece[i] = float(sums[i] / double(members[part].size()));
      file->write(mean.offset + uint64_t(first) * sizeof(float), std::as_bytes(std::span(piece)));
    }
  }
  Plan out = plan;
  Tensor& tensor = out.reference.tensor;
  tensor.kind = Kind::Weights;
  tensor.stack = std::move(stack);
  out.reference.kind = ReferenceKind::Rows;
  out.reference.rowKind = Kind::Weights;
  return out;
}

}  // namespace divlens
