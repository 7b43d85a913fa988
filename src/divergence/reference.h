#pragma once
#include <string>
#include <vector>

#include "divergence/plan.h"

namespace divlens {

/// The forms that --reference takes.
enum class ReferenceForm { Entry, Previous, Next, Tensor, File, Mean, Uniform, Target };

/// --reference taken apart, before it meets a dump.
struct ReferenceSpec {
  ReferenceForm form = ReferenceForm::Uniform;
  std::string text;  ///< as given
  std::string name;  ///< axis, tensor or PATH[:NAME]
  std::string spec;  ///< Entry: position or label
};
/// Error(Usage) that lists the forms.
ReferenceSpec parseReference(const std::string& text);

/// What resolveReference works from: the dump, the cells' tensor as the file describes it and as it was named.
struct ReferenceContext {
  const Dump& dump;
  const Tensor& original;
  const PlanOptions& options;
};

/// Fills plan.reference, the axes' referenceStride, plan.vocab, inputs and notes. Resolved on the whole dump; aligned
/// by axis name. Error(Usage) where the option does not fit, Error(BadInput) where axes, lengths or labels do not.
void resolveReference(Plan& plan, const ReferenceContext& context, const ReferenceSpec& spec);

/// The default: layer=-1 where there is a layer axis, `target` where only that is asked for; Error(Usage) listing what
/// fits otherwise.
ReferenceSpec defaultReference(const Plan& plan, const ReferenceContext& context);

}  // namespace divlens
