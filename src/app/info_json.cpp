// `divlens info --json`.
#include <nlohmann/json.hpp>

#include "app/info.h"
#include "app/info_facts.h"
#include "dump/escape.h"
#include "dump/stack.h"

namespace divlens {
namespace {

using Json = nlohmann::ordered_json;

/// Text of any bytes as JSON may hold it: what is not UTF-8 is escaped.
std::string jsonText(const std::string& text) { return validUtf8(text); }

Json jsonTexts(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push_back(jsonText(text));
  return out;
}

Json axisJson(const Axis& axis) {
  Json groups = Json::array();
  for (const GroupCount& group : groupCounts(axis))
    groups.push_back({{"label", jsonText(group.name)}, {"entries", group.entries}});
  return {{"name", jsonText(axis.name)},
          {"length", axis.length},
          {"labels", jsonTexts(axis.labels)},
          {"coordinates", axis.coordinates},
          {"groups", groups}};
}

Json stackJson(const TensorStack& stack) {
  return {{"preset", stack.preset.empty() ? Json(nullptr) : Json(stack.preset)},
          {"patterns", jsonTexts(stack.patterns)},
          {"tensors", stack.parts.size()},
          {"holes", stack.holes}};
}

Json tensorJson(const Tensor& tensor) {
  const auto [named, by] = describe(tensor);
  Json axes = Json::array();
  for (const Axis& axis : named.axes) axes.push_back(axisJson(axis));
  return {{"name", jsonText(tensor.name)},
          {"dtype", tensor.dtype == DType::Unsupported ? jsonText(tensor.dtypeName) : info(tensor.dtype).name},
          {"shape", tensor.shape},
          {"kind", named.kind == Kind::Unknown ? Json(nullptr) : Json(name(named.kind))},
          {"axes", axes},
          {"named_by", by.empty() ? Json(nullptr) : Json(by)},
          {"stack", tensor.stack ? stackJson(*tensor.stack) : Json(nullptr)},
          {"bytes", tensorBytes(tensor)}};
}

Json planAxisJson(const PlanAxis& axis) {
  Json labels = Json::array();
  for (size_t i = 0; i < axis.positions.size(); ++i) labels.push_back(jsonText(axis.label(i)));
  return {{"axis", jsonText(axis.name)}, {"labels", labels}};
}

Json planJson(const Plan& plan) {
  Json reduced = Json::array(), panels = Json::array(), used = Json::array();
  for (const PlanAxis& axis : plan.reduced) {
    reduced.push_back({{"axis", jsonText(axis.name)}, {"entries", axis.positions.size()}, {"how", howText(axis)}});
  }
  for (const PlanPanel& panel : plan.panels) {
    panels.push_back({{"label", plan.groupAxis < 0 ? Json(nullptr) : Json(jsonText(panel.label))},
                      {"count", plan.entriesPerCell(panel)}});
  }
  for (const MetricUse& use : plan.metrics) used.push_back(use.text);
  return {
      {"tensor", jsonText(plan.cells.name)},
      {"rows", planAxisJson(plan.rows)},
      {"columns", planAxisJson(plan.columns)},
      {"reduced", reduced},
      {"panels", panels},
      {"metrics", used},
      {"reference", plan.reference.kind == ReferenceKind::None ? Json(nullptr) : Json(jsonText(plan.reference.text))},
      {"unit", plan.unit},
      {"vocab", plan.vocab},
      {"bytes_to_read", bytesToRead(plan)},
      {"notes", jsonTexts(plan.notes)}};
}

Json dumpJson(const Dump& dump, const std::string& tensor, const PlanOptions& options) {
  Json tensors = Json::array();
  for (const Tensor& each : dump.tensors) tensors.push_back(tensorJson(each));
  const PlanOrError planned = tryPlan(dump, tensor, options);
  Json error = nullptr;
  if (!planned.plan) error = {{"code", static_cast<int>(planned.code)}, {"message", jsonText(planned.error)}};
  return {{"path", jsonText(dump.path)},
          {"format", dump.format},
          {"bytes", dump.bytes},
          {"title", jsonText(dump.title)},
          {"source", jsonText(dump.source)},
          {"tensors", tensors},
          {"plan", planned.plan ? planJson(*planned.plan) : Json(nullptr)},
          {"plan_error", error},
          {"notes", jsonTexts(dump.notes)},
          {"warnings", jsonTexts(dump.warnings)}};
}

}  // namespace

std::string describeDumpsJson(const std::vector<Dump>& dumps, const std::vector<std::string>& tensors,
                              const PlanOptions& options) {
  Json all = Json::array();
  for (size_t i = 0; i < dumps.size(); ++i) all.push_back(dumpJson(dumps[i], tensors[i], options));
  return Json{{"version", 1}, {"dumps", all}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace divlens
