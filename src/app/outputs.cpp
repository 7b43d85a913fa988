#include "app/outputs.h"

#include <cstdint>
#include <vector>

namespace divlens {

std::string outputBytes(const Session& session, const Cells& cells, const Settings& settings, Writer writer,
                        Pictures& pictures) {
  switch (writer) {
    case Writer::Npy:
      return npyText(session, cells);
    case Writer::Csv:
      return tableText(session, cells, ',');
    case Writer::Tsv:
      return tableText(session, cells, '\t');
    case Writer::Json:
      return jsonText(session, cells, settings);
    case Writer::Png:
    case Writer::Pdf:
    case Writer::Svg:
      break;
  }
  const std::vector<uint8_t> picture = pictures.render(writer);
  return {reinterpret_cast<const char*>(picture.data()), picture.size()};
}

}  // namespace divlens
