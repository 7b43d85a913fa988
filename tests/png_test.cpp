#include "figure/png.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "catch.h"
#include "error.h"
#include "figure/atomic_file.h"

using namespace divlens;
namespace fs = std::filesystem;

namespace {

std::vector<uint8_t> noise(size_t count) {
  std::vector<uint8_t> bytes(count);
  uint32_t state = 1;
  for (uint8_t& b : bytes) b = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

/// An empty directory that goes with the test.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "divlens-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
};

std::string contentOf(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::span<const std::byte> bytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("pixels, texts and resolution survive a PNG", "[png]") {
  const auto pixels = noise(37 * 4 * 21);
  const PngHeader header{.width = 37,
                         .height = 21,
                         .channels = 4,
                         .dpi = 300,
                         .text = {{"divlens:metric", "jsd"}, {"Title", "Ġ日本 — naïve"}, {"Empty", ""}}};
  const auto bytes = encodePng(header, pixels, 37 * 4);
  const PngImage image = decodePng(bytes, "test");
  CHECK(image.rgba == pixels);
  CHECK(image.header.width == 37);
  CHECK(image.header.height == 21);
  CHECK(image.header.dpi == Catch::Approx(300).margin(0.02));
  REQUIRE(image.header.text.size() == 3);
  CHECK(image.header.text[0].key == "divlens:metric");
  CHECK(image.header.text[0].value == "jsd");
  CHECK(image.header.text[1].value == "Ġ日本 — naïve");
  CHECK(encodePng(header, pixels, 37 * 4) == bytes);
}

TEST_CASE("three channels and a stride", "[png]") {
  const auto pixels = noise(64 * 5);
  const PngImage image = decodePng(encodePng({.width = 10, .height = 5, .channels = 3}, pixels, 64), "test");
  for (size_t y = 0; y < 5; ++y)
    for (size_t x = 0; x < 10; ++x) {
      REQUIRE(image.rgba[(y * 10 + x) * 4 + 1] == pixels[y * 64 + x * 3 + 1]);
      REQUIRE(image.rgba[(y * 10 + x) * 4 + 3] == 255);
    }
}

TEST_CASE("images that do not fit their bytes are refused", "[png]") {
  const auto pixels = noise(100);
  CHECK_THROWS_AS(encodePng({.width = 10, .height = 10, .channels = 4}, pixels, 40), Error);
  CHECK_THROWS_AS(encodePng({.width = 0, .height = 10, .channels = 4}, pixels, 40), Error);
  auto bytes = encodePng({.width = 5, .height = 5, .channels = 4}, pixels, 20);
  bytes.resize(bytes.size() / 2);
  CHECK_THROWS_WITH(decodePng(bytes, "half.png"), Catch::Matchers::ContainsSubstring("half.png"));
  CHECK_THROWS_AS(readPng("/no/such/file.png"), Error);
}

TEST_CASE("a full disk is an output error", "[png]") {
  std::FILE* full = std::fopen("/dev/full", "wb");
  REQUIRE(full != nullptr);
  std::setvbuf(full, nullptr, _IONBF, 0);
  const auto pixels = noise(100 * 4 * 100);
  CHECK_THROWS_WITH(writePng(full, "out.png", {.width = 100, .height = 100, .channels = 4}, pixels, 400),
                    Catch::Matchers::ContainsSubstring("No space left"));
  std::fclose(full);
  AtomicFile direct("/dev/full");
  direct.write(bytesOf("text"));
  CHECK_THROWS_AS(direct.commit(), Error);
}

TEST_CASE("files appear whole or not at all", "[png]") {
  const Folder folder;
  const std::string path = folder.path / "out.png";
  {
    AtomicFile file(path);
    file.write(bytesOf("new"));
    CHECK_FALSE(fs::exists(path));
    file.commit();
  }
  CHECK(contentOf(path) == "new");
  CHECK(folder.files() == 1);
  {
    AtomicFile file(path);
    file.write(bytesOf("abandoned"));
  }
  CHECK(contentOf(path) == "new");
  CHECK(folder.files() == 1);

  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  const fs::path link = folder.path / "link.png";
  fs::create_symlink(path, link);
  {
    AtomicFile file(link);
    file.write(bytesOf("through the link"));
    file.commit();
  }
  CHECK(fs::is_symlink(link));
  CHECK(contentOf(path) == "through the link");
  CHECK((fs::status(path).permissions() & fs::perms::group_read) == fs::perms::none);
}

TEST_CASE("outputs that cannot be written say why", "[png]") {
  const Folder folder;
  const auto failure = [](const std::string& path) {
    try {
      AtomicFile file(path);
      file.commit();
    } catch (const Error& error) {
      CHECK(error.code() == Exit::Output);
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(failure(folder.path / "none" / "out.png"),
             Catch::Matchers::ContainsSubstring("No such file or directory"));
  CHECK_THAT(failure(folder.path), Catch::Matchers::ContainsSubstring("directory"));
  CHECK_THAT(failure(""), Catch::Matchers::ContainsSubstring("empty"));
  CHECK(folder.files() == 0);
}
