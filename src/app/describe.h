#pragma once
#include <string>
#include <utility>
#include <vector>

#include "app/options.h"
#include "app/session.h"

namespace divlens {

/// "jsd" or "kl/known" for one panel among several; empty for the only one.
std::string panelLabel(const Session& session, size_t panel);
/// "KL(clean ‖ cell)" for a directed metric, empty otherwise.
std::string directionText(const Plan& plan, const Metric& metric);
/// What the colour bar says: "mean KL(clean ‖ cell), nats"; of one of the metrics, or of all (null).
std::string colorbarLabel(const Session& session, const MetricUse* only = nullptr);
/// The small line at the figure's foot: metric, reference, statistic, dump, version. Files by name only.
std::string parameterLine(const Session& session, const PlanOptions& options);
/// Key and value of everything that a picture's metadata say; paths by file name only.
std::vector<std::pair<std::string, std::string>> pictureMetadata(const Session& session, const Settings& settings);

}  // namespace divlens
