#pragma once
#include <cstdint>
#include <optional>

#include "divergence/row_stats.h"

namespace divlens {

/// How SharedPass comes to a metric's value.
enum class FastKernel {
  OneRead,  ///< shaders/plain_read.glsl and one_read.glsl: sums over both rows, the cell's normaliser unknown
  TwoRead,  ///< shaders/two_read.glsl: the same with both normalisers known
  Stored,   ///< shaders/stored_read.glsl: sums over both rows as they are stored
  Rows,     ///< shaders/row_values.glsl: from what is known of each row alone
  Overlap   ///< shaders/overlap.glsl: from the few largest elements of each row
};

/// A metric on its fast way.
struct FastMetric {
  FastKernel kernel = FastKernel::OneRead;
  uint32_t sums = 0;     ///< bits: the kernel's constants from 6 on
  float tilt = 0;        ///< b where sums of p e^(b d) are wanted, 1 - β of jsd:β; one kernel run knows one b
  bool entropy = false;  ///< of the cell's or the reference's row, as the metric defines
  bool reference = true;
  bool entry = false;  ///< which element is the largest of each row
  uint32_t k = 0;      ///< of overlap:k; one kernel run knows one k
  float weight = 0;    ///< β of jsd:β
  /// True where plain sums serve first (shaders/plain_read.glsl), and others only close rows.
  bool plain() const { return kernel == FastKernel::OneRead && tilt == 0; }
};
/// Null where there is no fast way for the metric with its parameter and rows stored so; that depends on nothing else.
std::optional<FastMetric> fastMetric(const Plan& plan, const MetricUse& use, SideFormat cells, SideFormat reference);

}  // namespace divlens
