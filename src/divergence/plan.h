#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "divergence/metrics.h"
#include "dump/dump.h"
#include "dump/lens.h"

namespace divlens {

/// The plan options of the command line, as text; the viewer's panel edits the same struct. Empty means: not given.
struct PlanOptions {
  std::string tensor;
  std::vector<std::string> axes;
  std::string kind;
  std::string rows;
  std::string columns;
  std::vector<std::string> select;  ///< "AXIS=SPEC", repeatable; the same axis twice joins
  std::vector<std::string> reduce;  ///< "AXIS=HOW"
  std::string group;
  std::string groupsFile;            ///< --groups: labels for an axis from a file
  std::string minus;                 ///< --minus: this group is subtracted from each other
  std::optional<double> confidence;  ///< --ci
  std::string ciMethod;              ///< bootstrap or t; empty: bootstrap
  std::string order;                 ///< mean-of-divergences or divergence-of-means; empty: the former
  std::string onset;                 ///< --onset: "<0.1"
  int64_t persist = 0;               ///< --persist: layers in a row; 0: to the end
  std::vector<std::string> metrics;
  std::string reference;
  std::string base;        ///< e, 2 or 10; empty: e
  std::string convention;  ///< whose definition of the metrics
  std::string vocabMask;   ///< file of the token ids that are compared
  double temperature = 1.0;
  std::optional<int64_t> vocab;
  std::string targets;    ///< integer tensor that holds the token ids of the reference `target`; default "targets"
  std::string lens;       ///< --lens: folder of the checkpoint that turns hidden states into logits
  std::string unembed;    ///< --unembed: FILE:TENSOR, a matrix that does
  std::string tunedLens;  ///< --tuned-lens: folder of the layers' translators
  std::string normed;     ///< --normed: "true" or "false" for all hidden states; empty: as the dump says
  OpenOptions open;       ///< how files named in the reference are opened
};

enum class Reduce { Mean, Median, Quantile, Min, Max, Std, Sem, Count };

/// One axis of the cells' tensor as the plan uses it. Strides count rows of the tensor (see RowReader), or elements
/// where the kind is scalar.
struct PlanAxis {
  std::string name;
  std::vector<int64_t> positions;   ///< in the dump, in the order of --select
  std::vector<std::string> labels;  ///< one for each position; empty where the dump has none
  std::vector<std::string> groups;  ///< the same
  std::vector<double> coordinates;  ///< one for each position; empty where the dump has none
  int64_t length = 0;               ///< of the whole axis in the dump
  bool synthetic = false;           ///< stands for no axis of the tensor: one entry
  int64_t cellStride = 0;
  int64_t referenceStride = 0;  ///< 0 where the reference lacks the axis (broadcast)
  Reduce how = Reduce::Mean;    ///< for reduced axes
  bool asked = false;           ///< by --reduce
  double quantile = 0.5;
  std::string label(size_t i) const;  ///< label of positions[i], or the position as text
};

enum class ReferenceKind { None, Rows, Shifted, Mean, Uniform, Target };

/// Where each cell's reference row is: base + Σ axis position · referenceStride in `tensor`. For Target the same counts
/// elements of the integer tensor. For Shifted the shift is already in `base`.
struct Reference {
  ReferenceKind kind = ReferenceKind::None;
  std::string text;              ///< canonical, for metadata: "layer=-1", "tensor:clean"
  std::string label;             ///< for the colorbar: "layer 27", "clean", "previous layer"
  Tensor tensor;                 ///< may be the cells' own
  Tensor ids;                    ///< kind topk: of the tensor's entries
  Kind rowKind = Kind::Unknown;  ///< what the reference's rows hold: logits may be compared with probs
  int64_t base = 0;
  std::string shiftAxis;   ///< Shifted: the axis along which the row before (-1) or after (+1) is taken
  int shift = 0;           ///< Shifted: cells whose neighbour does not exist are NaN
  bool tempered = false;   ///< the rows hold probabilities at the plan's temperature already
  int64_t meanStride = 0;  ///< Mean: rows base + k · meanStride, k in [0, meanCount), are averaged
  int64_t meanCount = 0;
};

/// One panel of the figure: some entries of the grouped axis, or everything.
struct PlanPanel {
  std::string label;            ///< the group's name; empty for the one ungrouped panel
  std::vector<size_t> entries;  ///< indices into positions of reduced[groupAxis]; empty without --group: all
};

/// A file that goes into the result, for metadata.
struct PlanInput {
  std::string path;  ///< as the user gave it
  uint64_t bytes = 0;
};

/// Cells that are left out of every statistic and drawn blank (padding): those where the mask tensor is not zero.
struct CellMask {
  std::vector<int64_t> values;   ///< all elements of the mask tensor, C order
  std::vector<int64_t> strides;  ///< for rows, columns, then each of the reduced axes; 0 where it lacks the axis
};

/// What will be computed: which rows of which tensor make which cell. Everything is checked; no rows have been read.
struct Plan {
  Tensor cells;
  Tensor ids;  ///< kind topk: of the cells' entries
  Kind kind = Kind::Unknown;
  PlanAxis rows;
  PlanAxis columns;               ///< one entry labelled "value" named "value" where only one axis is left
  std::vector<PlanAxis> reduced;  ///< in dump order; an axis selected to one entry and not shown is here too
  int groupAxis = -1;             ///< of --group: index into reduced; -1 without
  std::vector<PlanPanel> panels;  ///< at least one; groups in the order of first appearance
  Reference reference;
  std::optional<Lens> lens;           ///< through which hidden states are seen: then `kind` is Logits
  std::vector<MetricUse> metrics;     ///< empty: scalar cells as they are
  int64_t vocab = 0;                  ///< entries of the distribution that are read, from the first
  int64_t allowed = 0;                ///< entries that are compared: vocab less what --vocab-mask excludes
  std::vector<uint32_t> allowedBits;  ///< a bit for each entry that is compared; empty: all are
  std::optional<size_t> minus;  ///< with --minus: index into panels of the group that is subtracted from the others
  double confidence = 0;        ///< with --ci: of the interval, 0.95; 0: none
  bool studentT = false;        ///< the interval is Student's, not a bootstrap
  bool meansFirst = false;      ///< order divergence-of-means: of mean distributions, not the mean of divergences
  std::string onset;            ///< --onset as given, and --persist
  int64_t persist = 0;
  CellMask mask;  ///< empty values: nothing is masked
  double temperature = 1;
  double logBase = 1;                 ///< ln of the base: 1 for nats
  std::string unit;                   ///< of the base: "nats", "bits" or "bans"; "" where no metric carries information
  std::vector<std::string> notes;     ///< for stderr: guessed axes ...
  std::vector<std::string> warnings;  ///< of the reference's file
  std::vector<PlanInput> inputs;      ///< the dump, then the reference's file
  int64_t entriesPerCell() const;     ///< product of the reduced axes' positions
  int64_t entriesPerCell(const PlanPanel& panel) const;
  /// True where the rows are hidden states that become logits.
  bool throughLens(const Tensor& tensor) const { return lens && tensor.kind == Kind::Hidden; }
  /// Entries of a row of the tensor as it is compared: of the vocabulary where a lens is between.
  int64_t entriesOf(const Tensor& tensor) const { return throughLens(tensor) ? lens->vocab() : tensor.shape.back(); }
  /// Entries of a row that are read: the first `vocab` of them, or all.
  int64_t storedEntries(const Tensor& tensor) const {
    return throughLens(tensor) || vocab == 0 ? tensor.shape.back() : vocab;
  }
  /// "nats", "bits", "bans" where the metric carries information, else "".
  std::string unitOf(const Metric& metric) const;
};

const char* name(Reduce how);
/// True when both are the same bytes of the same file.
bool sameTensor(const Tensor& a, const Tensor& b);
/// Bytes that the plan reads: each chosen row of the cells, and each row of a reference from elsewhere, once.
uint64_t bytesToRead(const Plan& plan);

/// Chooses and checks everything; Error(Usage) where an option does not fit, Error(BadInput) where files do not fit.
Plan makePlan(const Dump& dump, const std::string& tensorFromName, const PlanOptions& options);

}  // namespace divlens
