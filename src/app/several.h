#pragma once
#include <memory>
#include <vector>

#include "app/session.h"

namespace divlens {

/// What each of several dumps is evaluated with: without --minus where that names one of them. Error(Usage) for what
/// does not go with several.
Settings settingsOfEach(const Settings& settings);
/// The dumps behind the first, whose session is planned: planned too, and their files are counted among its inputs.
/// Error(Usage) where their grids differ in shape.
std::vector<std::unique_ptr<Session>> planOthers(Session& session, const Settings& settings);
/// Evaluates them, and the panels of all become those of the first session, which is evaluated.
void joinOthers(Session& session, const std::vector<std::unique_ptr<Session>>& others, const Settings& settings,
                const EvaluateOptions& options);
/// All dumps of the settings under one plan: the panels of each, and with --minus DUMP the differences of the others to
/// it, metric by metric in one result. Error(Usage) where their grids differ in shape. The session must not be moved
/// afterwards.
void openSessions(Session& session, const Settings& settings);

}  // namespace divlens
