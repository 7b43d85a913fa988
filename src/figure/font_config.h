#pragma once
#include <fontconfig/fontconfig.h>

#include <memory>
#include <string>

namespace divlens {

struct FontConfigDeleter {
  void operator()(FcConfig* config) const { FcConfigDestroy(config); }
};
using FontConfig = std::unique_ptr<FcConfig, FontConfigDeleter>;

/// The embedded font as a file that fontconfig, FreeType and HarfBuzz can open by name while this lives.
class EmbeddedFontFile {
 public:
  EmbeddedFontFile();
  ~EmbeddedFontFile();
  EmbeddedFontFile(const EmbeddedFontFile&) = delete;
  EmbeddedFontFile& operator=(const EmbeddedFontFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  int descriptor_ = -1;
  std::string path_;
  bool temporary_ = false;
};

/// A configuration that knows the embedded font alone and reads no file of the system.
FontConfig embeddedFonts(const EmbeddedFontFile& font);
/// The system's fonts, found with or without a fontconfig configuration, and the embedded one.
FontConfig systemFonts(const EmbeddedFontFile& font);

}  // namespace divlens
