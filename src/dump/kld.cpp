// llama.cpp's file of log-probabilities, as llama-perplexity --kl-divergence-base writes it (tools/perplexity/
// perplexity.cpp): "_logits_", int32 n_ctx, n_vocab, n_chunk, the tokens int32[n_chunk][n_ctx], then for each chunk one
// row a token from n_ctx / 2 to n_ctx - 2: float scale, float smallest, uint16[n_vocab] (one more if that is odd),
// which mean the log-probability smallest + scale * u.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dump/checked.h"
#include "dump/convert.h"
#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"

namespace divlens {
namespace {

constexpr std::string_view kMagic = "_logits_";
constexpr uint64_t kHeaderBytes = 8 + 3 * 4;
constexpr size_t kRowHead = 8;
constexpr uint64_t kMostLabels = 1'000'000;
constexpr size_t kChunk = size_t{1} << 20;

struct Layout {
  uint64_t context = 0, vocab = 0, chunks = 0;
  uint64_t firstToken() const { return context / 2; }
  uint64_t tokens() const { return context - 1 - firstToken(); }  ///< rows a chunk
  uint64_t rowBytes() const { return kRowHead + (vocab + 1) / 2 * 4; }
  uint64_t rowsBegin() const { return kHeaderBytes + chunks * context * 4; }
};

/// The rows as floats, worked out as they are read.
class KldRows final : public ByteSource {
 public:
  KldRows(std::shared_ptr<const ByteSource> file, const Layout& layout, uint64_t rows)
      : file_(std::move(file)), layout_(layout), rows_(rows) {}
  uint64_t size() const override { return rows_ * layout_.vocab * sizeof(float); }
  const std::string& name() const override { return file_->name(); }

  void read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset % sizeof(float) != 0 || out.size() % sizeof(float) != 0 || offset > size() ||
        out.size() > size() - offset) {
      badInput(name(), fmt::format("no log-probabilities at byte {} + {}", offset, out.size()));
    }
    std::vector<std::byte> stored(std::min<uint64_t>(kChunk, layout_.rowBytes()));
    for (uint64_t entry = offset / sizeof(float); !out.empty();) {
      const uint64_t row = entry / layout_.vocab, first = entry % layout_.vocab;
      const auto count = std::min<uint64_t>(layout_.vocab - first, out.size() / sizeof(float));
      decode(row, first, out.first(static_cast<size_t>(count) * sizeof(float)), stored);
      out = out.subspan(static_cast<size_t>(count) * sizeof(float));
      entry += count;
    }
  }

 private:
  void decode(uint64_t row, uint64_t first, std::span<std::byte> out, std::vector<std::byte>& stored) const {
    const uint64_t begin = layout_.rowsBegin() + row * layout_.rowBytes();
    std::array<std::byte, kRowHead> head{};
    file_->read(begin, head);
    const auto scale = loaded<float>(head.data()), smallest = loaded<float>(head.data() + sizeof(float));
    if (!std::isfinite(scale) || !std::isfinite(smallest) || scale < 0) {
      badInput(name(),
               fmt::format("broken row at byte {}: scale {}, smallest log-probability {}", begin, scale, smallest));
    }
    while (!out.empty()) {
      const size_t count = std::min(out.size() / sizeof(float), stored.size() / 2);
      file_->read(begin + kRowHead + first * 2, std::span(stored).first(count * 2));
      for (size_t i = 0; i < count; ++i) {
        const float value = scale * static_cast<float>(loaded<uint16_t>(stored.data() + 2 * i)) + smallest;
        std::memcpy(out.data() + i * sizeof(float), &value, sizeof value);
      }
      out = out.subspan(count * sizeof(float));
      first += count;
    }
  }

  std::shared_ptr<const ByteSource> file_;
  Layout layout_;
  uint64_t rows_;
};

Layout readLayout(const ByteSource& source) {
  if (source.size() < kHeaderBytes)
    incompleteInput(source.name(), fmt::format("truncated kld file: {} bytes", source.size()));
  std::array<std::byte, kHeaderBytes> head{};
  source.read(0, head);
  const auto context = loaded<int32_t>(head.data() + 8), vocab = loaded<int32_t>(head.data() + 12),
             chunks = loaded<int32_t>(head.data() + 16);
  if (context < 3 || vocab < 1 || chunks < 1) {
    badInput(source.name(),
             fmt::format("the kld header at byte 8 says {} tokens a chunk, {} entries and {} chunks, which cannot be",
                         context, vocab, chunks));
  }
  return {static_cast<uint64_t>(context), static_cast<uint64_t>(vocab), static_cast<uint64_t>(chunks)};
}

/// Chunks whose rows are all there: llama.cpp does not notice when the disk is full.
uint64_t completeChunks(const ByteSource& source, const Layout& layout, const OpenOptions& options, Dump& dump) {
  const auto chunkBytes = checkedMultiply(layout.tokens(), layout.rowBytes());
  const auto rowsBytes = chunkBytes ? checkedMultiply(*chunkBytes, layout.chunks) : std::nullopt;
  const auto all = rowsBytes ? checkedAdd(*rowsBytes, layout.rowsBegin()) : std::nullopt;
  if (!all) badInput(source.name(), "the kld header claims more bytes than 64 bits count");
  if (source.size() >= *all) {
    if (source.size() > *all) {
      dump.notes.push_back(
          fmt::format("{}: {} trailing bytes are ignored", escapedPath(source.name()), source.size() - *all));
    }
    return layout.chunks;
  }
  const uint64_t complete = source.size() < layout.rowsBegin() ? 0 : (source.size() - layout.rowsBegin()) / *chunkBytes;
  const std::string lack =
      fmt::format("truncated: {} chunks of {} tokens over {} entries need {} bytes, the file has {}", layout.chunks,
                  layout.tokens(), layout.vocab, *all, source.size());
  if (complete == 0) badInput(source.name(), lack + "; not one complete chunk");
  if (!options.partial) {
    incompleteInput(source.name(),
                    fmt::format("{}; {} complete chunks are available, --partial uses them", lack, complete));
  }
  dump.notes.push_back(fmt::format("{}: {}; using {} chunks", escapedPath(source.name()), lack, complete));
  return complete;
}

Axis axisOf(const char* name, uint64_t length) {
  Axis axis;
  axis.name = name;
  axis.length = static_cast<int64_t>(length);
  return axis;
}

}  // namespace

bool detectsKld(std::string_view head) { return head.starts_with(kMagic); }

Dump openKld(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options) {
  Dump dump;
  dump.path = source->name();
  const Layout layout = readLayout(*source);
  const uint64_t chunks = completeChunks(*source, layout, options, dump);
  Axis chunk = axisOf("chunk", chunks), token = axisOf("token", layout.tokens());
  for (uint64_t i = 0; layout.tokens() <= kMostLabels && i < layout.tokens(); ++i)
    token.labels.push_back(fmt::format("{}", layout.firstToken() + i));

  Tensor rows;
  rows.name = "logprobs";
  rows.dtype = DType::F32;
  rows.dtypeName = info(rows.dtype).name;
  rows.shape = {chunk.length, token.length, static_cast<int64_t>(layout.vocab)};
  rows.strides = stridesInC(rows.shape);
  rows.axes = {chunk, token, axisOf("vocab", layout.vocab)};
  rows.kind = Kind::LogProbs;
  rows.source = std::make_shared<KldRows>(source, layout, chunks * layout.tokens());
  dump.tensors.push_back(std::move(rows));

  // The token that follows each row's: what the row is a prediction of.
  Tensor targets;
  targets.name = "targets";
  targets.dtype = DType::I32;
  targets.dtypeName = info(targets.dtype).name;
  targets.shape = {chunk.length, token.length};
  targets.strides = {static_cast<int64_t>(layout.context), 1};
  targets.axes = {std::move(chunk), std::move(token)};
  targets.kind = Kind::Scalar;
  targets.source = source;
  targets.offset = kHeaderBytes + (layout.firstToken() + 1) * 4;
  dump.tensors.push_back(std::move(targets));
  return dump;
}

}  // namespace divlens
