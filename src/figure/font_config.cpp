#include "figure/font_config.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>

#include "embedded.h"
#include "error.h"

namespace divlens {
namespace {

constexpr const char* kFont = "fonts/DejaVuSans.ttf";

bool writeAll(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return true;
}

const FcChar8* fcPath(const std::string& path) { return reinterpret_cast<const FcChar8*>(path.c_str()); }

void addEmbedded(FcConfig* config, const EmbeddedFontFile& font) {
  if (!config || !FcConfigAppFontAddFile(config, fcPath(font.path())))
    throw Error(Exit::Failure, fmt::format("cannot load the built-in font from {}", font.path()));
}

}  // namespace

EmbeddedFontFile::EmbeddedFontFile() {
  const auto bytes = embedded(kFont);
  if (bytes.empty()) throw Error(Exit::Failure, fmt::format("this build holds no {}", kFont));
  descriptor_ = memfd_create("divlens-font", MFD_CLOEXEC);
  path_ = fmt::format("/proc/self/fd/{}", descriptor_);
  if (descriptor_ >= 0 && writeAll(descriptor_, bytes) && access(path_.c_str(), R_OK) == 0) return;
  // Without /proc or memfd: a file that goes with the program.
  if (descriptor_ >= 0) close(descriptor_);
  std::error_code ignored;
  path_ = (std::filesystem::temp_directory_path(ignored) / "divlens-font-XXXXXX").string();
  descriptor_ = mkostemp(path_.data(), O_CLOEXEC);
  temporary_ = descriptor_ >= 0;
  if (!temporary_ || !writeAll(descriptor_, bytes)) {
    const int error = errno;
    if (temporary_) unlink(path_.c_str());
    throw Error(Exit::Output,
                fmt::format("cannot unpack the built-in font to {}: {}; set TMPDIR to a writable directory", path_,
                            std::strerror(error)));
  }
}

EmbeddedFontFile::~EmbeddedFontFile() {
  close(descriptor_);
  if (temporary_) unlink(path_.c_str());
}

FontConfig embeddedFonts(const EmbeddedFontFile& font) {
  FontConfig config(FcConfigCreate());
  addEmbedded(config.get(), font);
  return config;
}

FontConfig systemFonts(const EmbeddedFontFile& font) {
  FontConfig config(FcConfigCreate());
  // complain = false: a system without a configuration is no reason to print anything.
  const bool configured =
      config && FcConfigParseAndLoad(config.get(), nullptr, FcFalse) && FcConfigBuildFonts(config.get());
  if (!configured) {
    config.reset(FcConfigCreate());
    for (const char* folder : {"/usr/share/fonts", "/usr/local/share/fonts"})
      if (config && access(folder, R_OK) == 0) FcConfigAppFontAddDir(config.get(), fcPath(folder));
  }
  addEmbedded(config.get(), font);
  return config;
}

}  // namespace divlens
