#pragma once
#include "app/session.h"

namespace divlens {

/// All dumps of the settings under one plan: the panels of each, and with --minus DUMP the differences of the others to
/// it, metric by metric in one result. Error(Usage) where their grids differ in shape. The session must not be moved
/// afterwards.
void openSessions(Session& session, const Settings& settings);

}  // namespace divlens
