#include "app/writers.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "app/describe.h"
#include "divergence/onset.h"
#include "dump/escape.h"

namespace divlens {
namespace {

using Json = nlohmann::ordered_json;

/// The ends of the intervals, as read back; empty without --ci.
struct Ends {
  Cells lower, upper;
  bool any() const { return !lower.empty(); }
};

Ends readEnds(const Session& session) {
  const Result& result = *session.result;
  if (!result.lower) return {};
  return {readCells(session, *result.lower), readCells(session, *result.upper)};
}

/// A field of RFC 4180: quoted where it holds the separator, a quote or a line break.
std::string field(const std::string& text, char separator) {
  if (text.find_first_of(std::string("\"\n\r") + separator) == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

Json number(float value) {
  if (!std::isfinite(value)) return shortest(value);
  // The double that has the float's shortest digits, so that the file shows those and not 0.10000000149011612.
  const std::string text = shortest(value);
  double wide = 0;
  std::from_chars(text.data(), text.data() + text.size(), wide);
  return wide;
}

Json axisJson(const PlanAxis& axis) {
  Json labels = Json::array();
  for (size_t i = 0; i < axis.positions.size(); ++i) labels.push_back(axis.label(i));
  return {{"axis", axis.name}, {"labels", std::move(labels)}};
}

Json valuesJson(const std::vector<float>& cells, size_t columns) {
  Json rows = Json::array();
  for (size_t r = 0; r < cells.size() / columns; ++r) {
    Json row = Json::array();
    for (size_t c = 0; c < columns; ++c) row.push_back(number(cells[r * columns + c]));
    rows.push_back(std::move(row));
  }
  return rows;
}

void addOnset(Json& panel, const Plan& plan, const std::vector<float>& cells, const Settings& settings) {
  const Onset onset = findOnset(plan, cells, parseThreshold(settings.plan.onset, "--onset"), settings.plan.persist);
  const std::vector<int64_t>& shown = (onsetDown(plan) ? plan.rows : plan.columns).positions;
  Json positions = Json::array(), indices = Json::array();
  for (const std::optional<int64_t>& position : onset.positions) {
    positions.push_back(position ? Json(*position) : Json(nullptr));
    const auto found = std::find(shown.begin(), shown.end(), position.value_or(-1));
    indices.push_back(position ? Json(found - shown.begin()) : Json(nullptr));
  }
  panel["onset"] = std::move(positions);
  panel["onset_index"] = std::move(indices);
  const auto share = [](const std::vector<int64_t>& counts, size_t of) {
    Json out = Json::array();
    for (const int64_t count : counts) out.push_back(number(float(double(count) / double(of))));
    return out;
  };
  panel["beyond"] = {{"threshold", settings.plan.onset},
                     {"rows", onset.beyondRows},
                     {"columns", onset.beyondColumns},
                     {"row_fractions", share(onset.beyondRows, onset.beyondColumns.size())},
                     {"column_fractions", share(onset.beyondColumns, onset.beyondRows.size())}};
}

Json panelJson(const Session& session, const Cells& cells, const Ends& ends, size_t index, const Settings& settings) {
  const ResultPanel& panel = session.result->panels[index];
  const std::string label = panelLabel(session, index);
  const auto columns = size_t(session.result->grid.columns());
  Json json{{"label", label.empty() ? Json(nullptr) : Json(label)},
            {"metric", panel.metric ? Json(panel.metric->text) : Json(nullptr)},
            {"count", panel.count},
            {"values", valuesJson(cells[index], columns)}};
  if (ends.any()) {
    json["lower"] = valuesJson(ends.lower[index], columns);
    json["upper"] = valuesJson(ends.upper[index], columns);
  }
  if (!settings.plan.onset.empty()) addOnset(json, session.plan, cells[index], settings);
  return json;
}

void appendLines(std::string& out, const Session& session, const std::vector<float>& cells, const std::string& label,
                 bool labelled, char separator) {
  const Plan& plan = session.plan;
  const auto columns = size_t(session.result->grid.columns());
  for (size_t r = 0; r < cells.size() / columns; ++r) {
    if (labelled) out += field(label, separator) + separator;
    out += field(plan.rows.label(r), separator);
    for (size_t c = 0; c < columns; ++c) out += separator + shortest(cells[r * columns + c]);
    out += '\n';
  }
}

}  // namespace

std::string shortest(float value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return fmt::format("{}", value);
}

Cells readCells(const Session& session, const Grid& grid) {
  Cells cells;
  for (int64_t panel = 0; panel < grid.panels(); ++panel) cells.push_back(grid.read(*session.context, panel));
  return cells;
}

std::string npyText(const Session& session, const Cells& cells) {
  const Grid& grid = session.result->grid;
  const Ends ends = readEnds(session);
  std::string shape = ends.any() ? "3, " : "";
  if (cells.size() > 1) shape += fmt::format("{}, ", cells.size());
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}, {}), }}", shape,
                                   grid.rows(), grid.columns());
  constexpr size_t kPrefix = 10, kAlignment = 64;
  header.resize((header.size() + 1 + kPrefix + kAlignment - 1) / kAlignment * kAlignment - kPrefix - 1, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += char(header.size() & 0xff);
  out += char(header.size() >> 8);
  out += header;
  for (const Cells* part : {&cells, &ends.lower, &ends.upper})
    for (const std::vector<float>& panel : *part)
      out.append(reinterpret_cast<const char*>(panel.data()), panel.size() * 4);
  return out;
}

std::string tableText(const Session& session, const Cells& cells, char separator) {
  const Plan& plan = session.plan;
  const Ends ends = readEnds(session);
  const bool labelled = cells.size() > 1 || ends.any();
  std::string out = labelled ? std::string("panel") + separator : "";
  out += field(plan.rows.name, separator);
  for (size_t c = 0; c < plan.columns.positions.size(); ++c) out += separator + field(plan.columns.label(c), separator);
  out += '\n';
  for (size_t panel = 0; panel < cells.size(); ++panel) {
    const std::string label = panelLabel(session, panel);
    appendLines(out, session, cells[panel], label.empty() && labelled ? "estimate" : label, labelled, separator);
    if (!ends.any()) continue;
    const std::string prefix = label.empty() ? "" : label + "/";
    appendLines(out, session, ends.lower[panel], prefix + "lower", true, separator);
    appendLines(out, session, ends.upper[panel], prefix + "upper", true, separator);
  }
  return out;
}

std::string jsonText(const Session& session, const Cells& cells, const Settings& settings) {
  const Plan& plan = session.plan;
  const Result& result = *session.result;
  const Metric* first = plan.metrics.empty() ? nullptr : plan.metrics.front().metric;
  const std::string direction = first ? directionText(plan, *first) : "";
  const std::string unit = first ? plan.unitOf(*first) : "";
  Json json{{"version", DIVLENS_VERSION},
            {"metric", first ? Json(plan.metrics.front().text) : Json(nullptr)},
            {"direction", direction.empty() ? Json(nullptr) : Json(direction)},
            {"unit", unit},
            {"reference", plan.reference.kind == ReferenceKind::None ? Json(nullptr) : Json(plan.reference.text)},
            {"rows", axisJson(plan.rows)},
            {"columns", axisJson(plan.columns)},
            {"panels", Json::array()},
            {"counts", {{"cells", result.cells}, {"nan", result.counts.nans}, {"inf", result.counts.infinities}}},
            {"device", session.context->info().name},
            {"inputs", Json::array()},
            {"command", Json::array({"divlens"})}};
  if (const auto& v = session.verification)
    json["verify"] = {{"values", v->values}, {"max_relative_error", v->largest}};
  if (plan.kind == Kind::TopK) {
    json["bound"] = "lower";
    json["topk"] = {{"k", plan.cells.shape.back()}, {"largest_rest", number(result.largestRest)}};
  }
  if (first && first->tool)
    json["convention"] = {{"tool", first->tool}, {"definition", first->formula}, {"difference", first->difference}};
  if (plan.confidence > 0)
    json["interval"] = {
        {"confidence", plan.confidence}, {"method", "percentile bootstrap"}, {"resamples", kResamples}, {"seed", 0}};
  if (plan.confidence > 0 && plan.studentT)
    json["interval"] = {{"confidence", plan.confidence}, {"method", plan.minus ? "Welch's t" : "Student's t"}};
  if (plan.meansFirst) json["order"] = "divergence-of-means";
  if (const auto& r = session.resolution; r && r->cells > 0)
    json["below_resolution"] = {{"cells", r->cells}, {"dtype", r->elements}, {"largest", r->largest}};
  const Ends ends = readEnds(session);
  for (size_t panel = 0; panel < cells.size(); ++panel)
    json["panels"].push_back(panelJson(session, cells, ends, panel, settings));
  for (const PlanInput& input : plan.inputs) json["inputs"].push_back({{"path", input.path}, {"bytes", input.bytes}});
  for (const std::string& word : settings.arguments) json["command"].push_back(word);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace divlens
