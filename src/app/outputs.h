#pragma once
#include <string>

#include "app/options.h"
#include "app/picture.h"
#include "app/session.h"
#include "app/writers.h"

namespace divlens {

/// The bytes of one output of a computed session: data, or one of its pictures.
std::string outputBytes(const Session& session, const Cells& cells, const Settings& settings, Writer writer,
                        Pictures& pictures);

}  // namespace divlens
