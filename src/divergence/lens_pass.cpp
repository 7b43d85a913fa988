#include "divergence/lens_pass.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "divergence/plan_tensor.h"
#include "error.h"
#include "gpu/barrier.h"

namespace divlens {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint32_t kRowLanes = 8;  // rows are few: many small workgroups
// Of the unembedding: what stays on a processor, and what is read at once where it does not stay.
constexpr uint64_t kMostResident = 128 * kMiB;
constexpr uint64_t kPieceBytes = 32 * kMiB;

/// All elements as floats; `otherwise` where there is no tensor.
std::vector<float> floatsOf(const std::optional<Tensor>& tensor, int64_t count, float otherwise) {
  std::vector<float> out(size_t(count), otherwise);
  if (tensor) readElements(*tensor, 0, out);
  return out;
}

gpu::Buffer filled(const gpu::Context& context, const std::vector<float>& values, const char* name) {
  return gpu::makeFilledBuffer(context, std::as_bytes(std::span(values)), name);
}

gpu::Buffer normWeights(const gpu::Context& context, const Lens& lens) {
  std::vector<float> weights = floatsOf(lens.weight, lens.hidden(), lens.addsOne ? 0.0f : 1.0f);
  if (lens.addsOne)
    for (float& weight : weights) weight += 1;
  const std::vector<float> bias = floatsOf(lens.bias, lens.hidden(), 0);
  weights.insert(weights.end(), bias.begin(), bias.end());
  return filled(context, weights, "final norm");
}

uint32_t normOf(const Lens& lens) {
  switch (lens.norm) {
    case Lens::Norm::Rms:
      return kernels::kRmsNorm;
    case Lens::Norm::Layer:
      return kernels::kLayerNorm;
    case Lens::Norm::None:
      break;
  }
  return kernels::kNoNorm;
}

uint64_t paddedWidth(const Lens& lens) {
  return (uint64_t(lens.hidden()) + kernels::kLensBlock - 1) / kernels::kLensBlock * kernels::kLensBlock;
}

uint32_t groupsOf(uint64_t count, uint64_t size) { return uint32_t((count + size - 1) / size); }

}  // namespace

SideFormat LensPass::logitsFormat(int64_t vocab) {
  return {kernels::kF32, kernels::kLogits, uint32_t((vocab + 3) / 4)};
}

uint64_t LensPass::rowBytes(const Plan& plan, const RowReader& reader) {
  return std::max({uint64_t(logitsFormat(plan.vocab).rowVectors) * 16, uint64_t(reader.rowBytes()),
                   paddedWidth(*plan.lens) * sizeof(float)});
}

bool LensPass::normed(const Tensor& tensor, int64_t row) {
  if (tensor.normed.size() <= 1) return !tensor.normed.empty() && tensor.normed.front();
  const auto layer = size_t(tensor.axisIndex("layer"));
  const std::vector<int64_t> strides = leadingStrides(tensor, tensor.shape.size() - 1);
  return tensor.normed[size_t(row / strides[layer] % tensor.shape[layer])];
}

LensPass::LensPass(const gpu::Context& context, const Plan& plan, std::optional<SideFormat> cells,
                   std::optional<SideFormat> reference, size_t maxRows, uint64_t maxGpuMemory)
    : context_(context),
      plan_(plan),
      cells_(cells),
      reference_(reference),
      matrix_(plan.lens->unembedding, plan.lens->hidden(), true),
      lanes_(context.isCpu() ? 8 : 128),
      texels_(context.isCpu()),
      matrixPass_(context, texels_ ? "lens_texels.comp" : "lens.comp", 4, uint32_t(sizeof(kernels::LensPush)),
                  std::array{lanes_, formatOf(matrix_, Kind::Unknown, 1).dtype}, {}, texels_ ? 2u : 0u),
      weights_(normWeights(context, *plan.lens)),
      headBias_(filled(context, floatsOf(plan.lens->headBias, plan.lens->vocab(), 0), "head's bias")),
      submissions_{{context, 3, 4}, {context, 3, 4}} {
  const auto rowsPass = [&](const SideFormat& format) {
    return std::make_unique<gpu::ComputePipeline>(context, "lens_rows.comp", 4, uint32_t(sizeof(kernels::LensRowsPush)),
                                                  std::array{kRowLanes, format.dtype});
  };
  if (cells_) cellRows_ = rowsPass(*cells_);
  if (reference_) referenceRows_ = rowsPass(*reference_);
  if (!plan.lens->translators.empty()) {
    translatedRows_ = rowsPass(SideFormat{kernels::kF32, kernels::kLogits, 0});
    tuned_ = std::make_unique<TunedPass>(context, *plan.lens, maxRows);
  }
  makeBuffers(maxRows);
  makePieces(maxGpuMemory);
}

void LensPass::makeBuffers(size_t maxRows) {
  const uint64_t bytes = maxRows * paddedWidth(*plan_.lens) * sizeof(float);
  if (bytes > context_.maxBufferBytes())
    throw Error(Exit::Budget, "hidden states of one tile do not fit a buffer; give a smaller --max-gpu-mem");
  normed_ = gpu::Buffer(context_, maxRows * sizeof(uint32_t), gpu::Memory::Upload, "rows that are normed");
  ready_ = gpu::Buffer(context_, bytes, gpu::Memory::Device, "hidden states");
  if (texels_) readyTexels_ = gpu::TexelView(context_, ready_, 0, bytes);
}

LensPass::Piece LensPass::makePiece(int64_t entries) const {
  const uint64_t bytes = uint64_t(entries) * matrix_.rowBytes();
  Piece piece;
  piece.entries = entries;
  if (context_.unifiedMemory()) {
    piece.upload = gpu::Buffer(context_, bytes, gpu::Memory::Device, "unembedding");
    if (!piece.upload.mapped()) piece.upload = gpu::Buffer(context_, bytes, gpu::Memory::Upload, "unembedding");
  } else {
    piece.device = gpu::Buffer(context_, bytes, gpu::Memory::Device, "unembedding");
    if (!resident_) piece.upload = gpu::Buffer(context_, bytes, gpu::Memory::Upload, "unembedding");
  }
  if (texels_) piece.texels = gpu::TexelView(context_, piece.matrix(), 0, bytes);
  return piece;
}

void LensPass::makePieces(uint64_t maxGpuMemory) {
  const int64_t vocab = plan_.vocab;
  const uint64_t all = uint64_t(vocab) * matrix_.rowBytes();
  const uint64_t memory = maxGpuMemory ? maxGpuMemory : context_.info().memory;
  resident_ = all <= (context_.isCpu() ? std::min(kMostResident, memory / 2) : memory / 2);
  const uint64_t most = std::min(kPieceBytes, context_.maxBufferBytes());
  entriesAtOnce_ = std::clamp<int64_t>(int64_t(most / matrix_.rowBytes()), 1, vocab);
  if (!resident_) {
    for (int i = 0; i < 2; ++i) pieces_.push_back(makePiece(entriesAtOnce_));
    return;
  }
  for (int64_t first = 0; first < vocab; first += entriesAtOnce_) {
    pieces_.push_back(makePiece(std::min(entriesAtOnce_, vocab - first)));
    pieces_.back().first = first;
    read(pieces_.back());
  }
}

void LensPass::read(Piece& piece) const {
  std::vector<int64_t> rows(size_t(piece.entries));
  std::iota(rows.begin(), rows.end(), piece.first);
  if (piece.upload) return matrix_.read(rows, piece.upload.mapped());
  std::vector<std::byte> bytes(rows.size() * matrix_.rowBytes());
  matrix_.read(rows, bytes.data());
  gpu::upload(context_, piece.device, 0, bytes);
}

void LensPass::recordNorm(VkCommandBuffer commands, const gpu::ComputePipeline& pass, gpu::BufferRange rows,
                          kernels::LensRowsPush push) {
  push.width = uint32_t(plan_.lens->hidden());
  push.epsilon = float(plan_.lens->epsilon);
  const gpu::BufferRange buffers[] = {rows, {&weights_}, {&normed_}, {&ready_}};
  pass.dispatch(commands, submissions_[0].descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                groupsOf(push.rows, kRowLanes));
}

void LensPass::recordRows(VkCommandBuffer commands, const HiddenRows& rows, bool reference, uint32_t firstRow,
                          uint32_t norm) {
  if (rows.numbers.empty()) return;
  const auto flags = reinterpret_cast<uint32_t*>(normed_.mapped()) + firstRow;
  for (size_t i = 0; i < rows.numbers.size(); ++i) flags[i] = normed(*rows.tensor, rows.numbers[i]) ? 1 : 0;
  recordNorm(commands, reference ? *referenceRows_ : *cellRows_, rows.rows,
             {.rows = uint32_t(rows.numbers.size()),
              .rowVectors = (reference ? *reference_ : *cells_).rowVectors,
              .width = 0,
              .firstRow = firstRow,
              .norm = norm,
              .epsilon = 0});
}

void LensPass::translate(const HiddenRows& cells, const HiddenRows& reference) {
  std::vector<int64_t> translators;
  for (const HiddenRows* side : {&cells, &reference})
    for (const int64_t row : side->numbers)  // what is normed is the model's own last state
      translators.push_back(normed(*side->tensor, row) ? -1 : translatorOf(*plan_.lens, *side->tensor, row));
  const VkCommandBuffer commands = submissions_[0].begin();
  gpu::barrier(commands, gpu::kAnyAccess, gpu::kComputeReadWrite);
  recordRows(commands, cells, false, 0, kernels::kNoNorm);
  recordRows(commands, reference, true, uint32_t(cells.numbers.size()), kernels::kNoNorm);
  submissions_[0].submit();
  tuned_->run(ready_, readyTexels_.handle(), translators);
}

void LensPass::recordPiece(VkCommandBuffer commands, gpu::Submission& submission, const Piece& piece,
                           kernels::LensPush push, const gpu::Buffer& logits) const {
  push.firstEntry = uint32_t(piece.first);
  push.entries = uint32_t(piece.entries);
  gpu::BufferRange ready{&ready_}, matrix{&piece.matrix()};
  if (texels_) ready.texels = readyTexels_.handle();
  if (texels_) matrix.texels = piece.texels.handle();
  const gpu::BufferRange buffers[] = {ready, matrix, {&headBias_}, {&logits}};
  matrixPass_.dispatch(commands, submission.descriptors(), buffers, std::as_bytes(std::span(&push, 1)),
                       groupsOf(push.rows, kernels::kLensRows) *
                           groupsOf(uint64_t(piece.entries), uint64_t(lanes_) * kernels::kLensEntries));
}

void LensPass::run(const HiddenRows& cells, const HiddenRows& reference, const gpu::Buffer& logits,
                   uint64_t referenceOffset) {
  const auto cellRows = uint32_t(cells.numbers.size()), rows = cellRows + uint32_t(reference.numbers.size());
  if (rows == 0) return;
  if (tuned_) translate(cells, reference);
  const kernels::LensPush push{.rows = rows,
                               .firstRow = 0,
                               .cells = cellRows,
                               .referenceStart = uint32_t(referenceOffset / sizeof(float)),
                               .rowFloats = logitsFormat(plan_.vocab).rowVectors * 4,
                               .blocks = uint32_t(paddedWidth(*plan_.lens) / kernels::kLensBlock),
                               .matrixVectors = uint32_t(matrix_.rowBytes() / 16),
                               .firstEntry = 0,
                               .entries = 0,
                               .vocab = uint32_t(plan_.vocab),
                               .scale = float(plan_.lens->scale),
                               .softcap = float(plan_.lens->softcap)};
  size_t number = 0;
  for (int64_t first = 0; first < plan_.vocab; first += entriesAtOnce_, ++number) {
    gpu::Submission& submission = submissions_[number % 2];
    const VkCommandBuffer commands = submission.begin();
    Piece& piece = resident_ ? pieces_[number] : pieces_[number % 2];
    if (!resident_) {  // what read this piece last was submitted with the same submission, which is done
      piece.first = first;
      piece.entries = std::min(entriesAtOnce_, plan_.vocab - first);
      read(piece);
    }
    gpu::barrier(commands, gpu::kComputeReadWrite, gpu::kComputeReadWrite);
    if (number == 0) {
      if (tuned_) {
        recordNorm(commands, *translatedRows_, {&tuned_->rows()},
                   {.rows = rows,
                    .rowVectors = uint32_t(paddedWidth(*plan_.lens) / 4),
                    .width = 0,
                    .firstRow = 0,
                    .norm = normOf(*plan_.lens),
                    .epsilon = 0});
      } else {
        recordRows(commands, cells, false, 0, normOf(*plan_.lens));
        recordRows(commands, reference, true, cellRows, normOf(*plan_.lens));
      }
      gpu::barrier(commands, gpu::kComputeWrite, gpu::kComputeRead);
    }
    if (piece.device && piece.upload) {
      const VkBufferCopy region{.size = uint64_t(piece.entries) * matrix_.rowBytes()};
      vkCmdCopyBuffer(commands, piece.upload.handle(), piece.device.handle(), 1, &region);
      gpu::barrier(commands, gpu::kTransferWrite, gpu::kComputeRead);
    }
    recordPiece(commands, submission, piece, push, logits);
    submission.submit();
  }
}

}  // namespace divlens
