#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dump/bytes.h"

namespace divlens {

enum class DType : uint8_t { F64, F32, F16, BF16, I8, U8, I16, U16, I32, U32, I64, U64, Bool, Unsupported };

/// One row of the dtype table (dtype.cpp): everything that differs between element types.
struct DTypeInfo {
  DType dtype;
  const char* name;  ///< safetensors name, "F16"
  uint32_t bytes;
  bool floating;
};
const DTypeInfo& info(DType dtype);
/// The type of a safetensors name ("BF16"); Unsupported for any other text.
DType dtypeFromName(std::string_view text);

/// What the last axis of a tensor holds; Scalar means nothing: every element is a cell. Weights: a
/// cell is a whole tensor of a stack.
enum class Kind : uint8_t { Unknown, Logits, LogProbs, Probs, Hidden, Scalar, TopK, Weights };
const char* name(Kind kind);
std::optional<Kind> kindFromName(std::string_view text);
/// True for kinds whose last axis is a distribution over a vocabulary: logits, log-probs, probs.
bool holdsDistribution(Kind kind);

/// A named axis. labels, coordinates and groups are empty or have `length` entries; labels may repeat.
struct Axis {
  std::string name;
  int64_t length = 0;
  std::vector<std::string> labels;
  std::vector<double> coordinates;
  std::vector<std::string> groups;
  /// Label of an entry, or its position as text where there are none.
  std::string label(int64_t position) const;
};

struct TensorStack;

/// A typed array inside a dump; only its description is in memory, the bytes stay in `source`.
struct Tensor {
  std::string name;
  DType dtype = DType::Unsupported;
  std::string dtypeName;  ///< as the file says it, for messages about unsupported ones
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  ///< in elements, one for each axis (Fortran order: ascending)
  std::vector<Axis> axes;        ///< one for each entry of shape once named, else empty
  Kind kind = Kind::Unknown;
  bool axesGuessed = false;  ///< true when the names came from the guess by rank
  std::string mask;          ///< name of the BOOL or U8 tensor that masks cells, from the metadata key `mask`
  std::string ids;           ///< kind topk: name of the integer tensor of the entries' ids, from the metadata key `ids`
  /// Hidden states that the final norm is in already, from the metadata key `normed`: one entry for all, or one for
  /// each entry of the axis `layer`; empty: unknown.
  std::vector<bool> normed;
  std::shared_ptr<const ByteSource> source;
  uint64_t offset = 0;         ///< of element 0 in `source`
  uint64_t unreadBytes = 0;    ///< of a dtype that is not read, where the file says how many it has
  int64_t availableRows = -1;  ///< with --partial: rows of the leading axis that the file really holds; -1: all
  std::shared_ptr<const TensorStack> stack;  ///< of what stands side by side here (dump/stack.h); else null
  int64_t elements() const;
  int axisIndex(std::string_view axisName) const;  ///< -1 when there is none
};

/// "[33, 12, 256]", for messages.
std::string shapeText(std::span<const int64_t> shape);
/// Strides in elements of an array without gaps; the shape's product must fit 63 bits.
std::vector<int64_t> stridesInC(std::span<const int64_t> shape);
std::vector<int64_t> stridesInFortran(std::span<const int64_t> shape);
/// Throws Error(BadInput) "FILE: tensor 'NAME': TEXT".
[[noreturn]] void badTensor(const Tensor& tensor, std::string_view text);

}  // namespace divlens
