// The window, driven by mouse and keys on a display without hardware.
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "catch.h"
#include "display.h"
#include "figure/png.h"

using namespace divlens;
using namespace divlens::test;

namespace {

/// "laid out: …" as numbers.
struct LaidOut {
  int width = 0, height = 0;
  float x = 0, y = 0, w = 0, h = 0;
  double rowBegin = 0, rowEnd = 0, columnBegin = 0, columnEnd = 0;
  float barX = 0, barY = 0, barW = 0, barH = 0;
};

LaidOut laidOut(const std::string& line) {
  LaidOut l;
  const int read = std::sscanf(
      line.c_str(), "laid out: %d %d figure, cells %f %f %f %f, rows %lf %lf, columns %lf %lf, bar %f %f %f %f",
      &l.width, &l.height, &l.x, &l.y, &l.w, &l.h, &l.rowBegin, &l.rowEnd, &l.columnBegin, &l.columnEnd, &l.barX,
      &l.barY, &l.barW, &l.barH);
  INFO(line);
  REQUIRE(read == 14);
  return l;
}

std::array<int, 2> centre(const LaidOut& l, double row, double column) {
  return {int(double(l.x) + (column + 0.5 - l.columnBegin) / (l.columnEnd - l.columnBegin) * double(l.w)),
          int(double(l.y) + (row + 0.5 - l.rowBegin) / (l.rowEnd - l.rowBegin) * double(l.h))};
}

void move(const Display& display, int x, int y) { display.act({"mousemove", std::to_string(x), std::to_string(y)}); }

/// Runs a copied command with another output and without notes.
std::string runCopied(std::string line, const std::string& output) {
  const size_t begin = line.find("divlens render"), end = line.rfind(" -o ");
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  line = std::string(DIVLENS_EXECUTABLE) + line.substr(begin + 7, end - begin - 7) + " -q -o '" + output + "'";
  INFO(line);
  REQUIRE(std::system(line.c_str()) == 0);
  return output;
}

/// Share of the figure's pixels that differ by more than a step or two, and whether any of its cells does.
struct Difference {
  double share = 0;
  bool cells = false;
};

Difference difference(const Screen& screen, const PngImage& figure, const LaidOut& l) {
  REQUIRE(figure.header.width == l.width);
  REQUIRE(figure.header.height == l.height);
  Difference out;
  size_t count = 0;
  for (int y = 0; y < l.height; ++y)
    for (int x = 0; x < l.width; ++x) {
      int step = 0;
      for (int c = 0; c < 3; ++c)
        step = std::max(step, std::abs(int(screen.at(x, y)[c]) -
                                       int(figure.rgba[4 * (size_t(y) * size_t(l.width) + size_t(x)) + size_t(c)])));
      count += step > 2;
      const bool inside = float(x) >= l.x && float(x) < l.x + l.w && float(y) >= l.y && float(y) < l.y + l.h;
      out.cells = out.cells || (inside && step > 0);
    }
  out.share = double(count) / (double(l.width) * double(l.height));
  return out;
}

/// Waits until the screen shows what the figure does: frames follow events by a moment.
void checkShows(const Display& display, const std::string& png, const LaidOut& l) {
  const PngImage figure = readPng(png);
  Difference d;
  for (int i = 0; i < 200; ++i) {
    d = difference(display.screen(), figure, l);
    if (!d.cells && d.share < 0.002) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  CHECK_FALSE(d.cells);
  CHECK(d.share < 0.002);
}

}  // namespace

TEST_CASE("the window shows, moves, explains, saves and repeats", "[viewer]") {
  const Display display;
  const Folder folder;
  const std::string state = "XDG_STATE_HOME=" + (folder / "state");
  Window window(display, {"view", example("lens.safetensors"), "-v"}, {state});
  window.wait("first paint");
  window.wait("complete: 11 x 8 cells");
  const LaidOut whole = laidOut(window.wait("laid out"));
  CHECK(whole.rowEnd - whole.rowBegin == 11);
  CHECK(whole.columnEnd - whole.columnBegin == 8);

  SECTION("what is seen is one command away, byte for byte in the cells") {
    move(display, 1200, 700);  // no tooltip over the figure
    display.act({"key", "ctrl+shift+c"});
    const std::string png = runCopied(window.wait("copied command"), folder / "copied.png");
    checkShows(display, png, whole);

    // Zoomed at a cell, another metric, a threshold.
    const auto [x, y] = centre(whole, 4, 2);
    move(display, x, y);
    display.act({"click", "4"});
    const LaidOut zoomed = laidOut(window.wait("laid out"));
    CHECK(zoomed.rowEnd - zoomed.rowBegin < 10);
    CHECK(zoomed.columnEnd - zoomed.columnBegin < 7);
    const auto [x2, y2] = centre(zoomed, 4, 2);
    CHECK(std::abs(x2 - x) <= 8);  // margins may change with the labels
    CHECK(std::abs(y2 - y) <= 8);
    display.act({"key", "m"});
    window.wait("computing --metric kl");
    window.wait("complete");
    const LaidOut kl = laidOut(window.wait("laid out"));
    move(display, int(kl.barX + kl.barW / 2), int(kl.barY + kl.barH * 0.9f));
    display.act({"mousedown", "1"});
    window.wait("threshold");
    move(display, int(kl.barX + kl.barW / 2), int(kl.barY + kl.barH * 0.75f));
    window.wait("threshold");
    display.act({"mouseup", "1"});
    move(display, 1200, 700);
    display.act({"key", "ctrl+shift+c"});
    const std::string line = window.wait("copied command");
    CHECK(has(line, "--metric kl"));
    CHECK(has(line, "--threshold"));
    CHECK(has(line, "--xlim"));
    // τ on the bar, its margins and the minimap lie over the figure: the saved one has none of them.
    display.act({"key", "ctrl+s"});
    window.wait("asking for a path");
    display.act({"type", "--delay", "20", folder / "saved.png"});
    display.act({"key", "Return"});
    window.wait("saved " + (folder / "saved.png"));
    const PngImage saved = readPng(folder / "saved.png"), again = readPng(runCopied(line, folder / "again.png"));
    CHECK(saved.rgba == again.rgba);
    CHECK(saved.header.width < whole.width);  // the margins of the threshold took some room
  }

  SECTION("box, wheel and double click show a part and all") {
    const auto [x0, y0] = centre(whole, 2, 1);
    const auto [x1, y1] = centre(whole, 6, 4);
    move(display, x0, y0);
    display.act({"mousedown", "3"});
    move(display, (x0 + x1) / 2, (y0 + y1) / 2);
    move(display, x1, y1);
    display.act({"mouseup", "3"});
    const LaidOut box = laidOut(window.wait("laid out"));
    CHECK(box.rowBegin == Approx(2.5).margin(0.1));
    CHECK(box.rowEnd == Approx(6.5).margin(0.1));
    CHECK(box.columnBegin == Approx(1.5).margin(0.1));
    CHECK(box.columnEnd == Approx(4.5).margin(0.1));
    display.act({"key", "Home"});
    CHECK(laidOut(window.wait("laid out")).rowEnd == 11);
    display.act({"keydown", "ctrl", "click", "4", "keyup", "ctrl"});
    LaidOut one = laidOut(window.wait("laid out"));
    CHECK(one.rowEnd - one.rowBegin == 11);
    CHECK(one.columnEnd - one.columnBegin == Approx(8 / 1.25));
    display.act({"keydown", "shift", "click", "4", "keyup", "shift"});
    one = laidOut(window.wait("laid out"));
    CHECK(one.rowEnd - one.rowBegin == Approx(11 / 1.25));
    CHECK(one.columnEnd - one.columnBegin == Approx(8 / 1.25));
    // The first of the two clicks pins a cell, the second lets it go.
    display.act({"click", "--repeat", "2", "--delay", "30", "1"});
    for (LaidOut seen = one; seen.rowEnd - seen.rowBegin < 11 || seen.height < whole.height;)
      seen = laidOut(window.wait("laid out"));
    display.act({"key", "plus"});
    const LaidOut near = laidOut(window.wait("laid out"));
    CHECK(near.columnEnd - near.columnBegin == Approx(8 / 1.4));
    CHECK(near.height == whole.height);
  }

  SECTION("a click pins the cell under it and takes it apart") {
    const auto [x, y] = centre(whole, 7, 3);
    move(display, x, y);
    display.act({"click", "1"});
    const std::string said = window.wait("pinned 7, 3: ");
    const Ran ran = run({"compute", example("lens.safetensors"), "-q", "-o", folder / "grid.npy"});
    REQUIRE(ran.code == 0);
    const NpyArray grid = parseNpy(readBytes(folder / "grid.npy"));
    CHECK(std::strtof(said.c_str() + 13, nullptr) == grid.values.at(7 * 8 + 3));
    window.wait("explained 7, 3");
    display.act({"key", "ctrl+c"});
    window.wait("copied text");
  }

  SECTION("R makes the row under the cursor the reference, Home shows all again") {
    const auto [x, y] = centre(whole, 2, 3);
    move(display, x, y);
    display.act({"key", "r"});
    window.wait("computing --reference layer=2");
    window.wait("complete");
    window.wait("laid out");
    display.act({"click", "4"});
    const LaidOut zoomed = laidOut(window.wait("laid out"));
    CHECK(zoomed.rowEnd < 11);
    display.act({"key", "Right"});
    CHECK(laidOut(window.wait("laid out")).columnBegin > zoomed.columnBegin);
    display.act({"key", "k"});
    CHECK(laidOut(window.wait("laid out")).rowBegin < zoomed.rowBegin);
    display.act({"key", "Home"});
    CHECK(laidOut(window.wait("laid out")).rowEnd == 11);
  }

  SECTION("the window follows its size, and an error leaves it alive") {
    display.act({"search", "--name", "lens.safetensors", "windowsize", "900", "600"});
    const LaidOut small = laidOut(window.wait("laid out"));
    CHECK(small.width < whole.width);
    CHECK(small.height < whole.height);
    display.act({"key", "ctrl+o"});
    window.wait("asking for a path");
    display.act({"type", "--delay", "20", "/nowhere/to/be.npy"});
    display.act({"key", "Return"});
    CHECK(has(window.wait("error: "), "/nowhere/to/be.npy"));
    window.wait("closed be.npy");  // no tab without anything to see
    display.act({"key", "ctrl+shift+c"});
    CHECK(has(window.wait("copied command"), "lens.safetensors"));
  }

  display.act({"key", "ctrl+q"});
  const Ran ran = window.finish();
  INFO(ran.err);
  CHECK(ran.code == 0);  // and the validation layers were silent
}

TEST_CASE("a window remembers its view, and sees that the file has changed", "[viewer]") {
  const Display display;
  const Folder folder;
  const std::string state = "XDG_STATE_HOME=" + (folder / "state");
  const std::string dump = folder / "lens.safetensors";
  std::filesystem::copy_file(example("lens.safetensors"), dump);
  {
    Window window(display, {"view", dump, "-v"}, {state});
    window.wait("complete");
    window.wait("laid out");
    display.act({"key", "m"});
    window.wait("complete");
    display.act({"key", "ctrl+q"});
    CHECK(window.finish().code == 0);
  }
  Window window(display, {"view", dump, "-v"}, {state});
  window.wait("complete");
  window.wait("laid out");
  display.act({"key", "ctrl+shift+c"});
  CHECK(has(window.wait("copied command"), "--metric kl"));
  std::filesystem::last_write_time(dump, std::filesystem::last_write_time(dump) + std::chrono::seconds(10));
  window.wait("the file has changed");
  display.act({"key", "F5"});
  window.wait("complete");
  display.act({"key", "ctrl+q"});
  const Ran ran = window.finish();
  INFO(ran.err);
  CHECK(ran.code == 0);
}

TEST_CASE("two files are seen in the same part, and so is their difference", "[viewer]") {
  const Display display;
  const Folder folder;
  const std::string a = folder / "a.csv", b = folder / "b.csv";
  folder.write("a.csv", "row,x,y,z\nu,1,2,3\nv,4,5,6\nw,7,8,9\n");
  folder.write("b.csv", "row,x,y,z\nu,0,1,5\nv,4,5,6\nw,7,0,nan\n");
  Window window(display, {"view", a, b, "-v"}, {"XDG_STATE_HOME=" + (folder / "state")});
  window.wait("complete");
  window.wait("complete");
  const LaidOut whole = laidOut(window.last("laid out"));
  const auto [x, y] = centre(whole, 1, 1);
  move(display, x, y);
  display.act({"click", "4"});
  LaidOut zoomed = laidOut(window.wait("laid out"));
  // The first layout of the whole may have come after the second file was complete.
  if (zoomed.columnEnd - zoomed.columnBegin == 3) zoomed = laidOut(window.wait("laid out"));
  REQUIRE(zoomed.columnEnd - zoomed.columnBegin < 3);
  display.act({"key", "d"});
  window.wait("difference a.csv");
  const LaidOut difference = laidOut(window.wait("laid out"));
  CHECK(difference.columnBegin == zoomed.columnBegin);
  CHECK(difference.rowEnd == zoomed.rowEnd);
  display.act({"key", "ctrl+s"});
  window.wait("asking for a path");
  display.act({"type", "--delay", "20", folder / "difference.csv"});
  display.act({"key", "Return"});
  window.wait("saved");
  CHECK(readBytes(folder / "difference.csv") == "row,x,y,z\nu,1,1,-2\nv,0,0,0\nw,0,8,nan\n");
  display.act({"key", "ctrl+q"});
  const Ran ran = window.finish();
  INFO(ran.err);
  CHECK(ran.code == 0);
}

TEST_CASE("files stand side by side, with one scale, and a cell is taken apart in its own", "[viewer]") {
  const Display display;
  const Folder folder;
  std::vector<float> a(size_t(4) * 5 * 60), b;
  for (size_t i = 0; i < a.size(); ++i) a[i] = float((uint32_t(i) * 2654435761u) >> 20 & 1023) / 256;
  for (size_t i = 0; i < a.size(); ++i) b.push_back(a[i] * (i < 600 ? 0.5f : 1.0f));
  folder.write("a.npy", npyOf({4, 5, 60}, a));
  folder.write("b.npy", npyOf({4, 5, 60}, b));
  Window window(display, {"view", folder / "a.npy", folder / "b.npy", "--metric", "kl", "-v"},
                {"XDG_STATE_HOME=" + (folder / "state")});
  window.wait("complete");
  window.wait("complete");
  move(display, 1200, 700);
  display.act({"key", "s"});
  window.wait("side by side a.npy | b.npy");
  window.wait("complete: 4 x 5 cells x 2");
  const LaidOut left = laidOut(window.wait("laid out"));
  display.act({"key", "ctrl+shift+c"});
  const std::string line = window.wait("copied command");
  CHECK(has(line, "b.npy --metric kl"));
  const PngImage figure = readPng(runCopied(line, folder / "both.png"));
  Difference seen;
  for (int i = 0; i < 200 && (i == 0 || seen.cells); ++i) {
    seen = difference(display.screen(), figure, left);
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  CHECK_FALSE(seen.cells);
  // The first layer, third token, in the right panel: as far from the bar as the left one is from its own.
  const int x = int(left.barX - (left.x + left.w - float(centre(left, 0, 2)[0]))) - 14, y = centre(left, 0, 2)[1];
  move(display, x, y);
  display.act({"click", "1"});
  const std::string pinned = window.wait("pinned 0, ");
  const std::string value = pinned.substr(pinned.find(": ") + 2, 7);
  const Ran ran = run({"compute", folder / "b.npy", "-q", "--metric", "kl", "-o", "-", "--format", "csv"});
  INFO(pinned << "\n" << ran.out);
  CHECK(has(ran.out, value));
  const std::string explained = window.wait("explained 0, ");
  CHECK(std::stod(explained.substr(explained.find(": ") + 2)) == Approx(std::stod(value)).epsilon(1e-4));
  display.act({"key", "ctrl+q"});
  const Ran end = window.finish();
  INFO(end.err);
  CHECK(end.code == 0);
}

TEST_CASE("of many files those that can be read are shown, and the others are said", "[viewer]") {
  const Display display;
  const Folder folder;
  std::vector<std::string> words = {"view", folder / "bad.npy"};
  for (int i = 0; i < 30; ++i) {
    folder.write(fmt::format("{}.csv", i), fmt::format("row,x,y\nu,1,{}\nv,3,4\n", i));
    words.push_back(folder / fmt::format("{}.csv", i));
  }
  folder.write("bad.npy", "\x93NUMPY\x01");
  folder.write("empty.csv", "");
  for (const std::string& more : {folder / "empty.csv", folder / "nowhere.csv", std::string("-v")})
    words.push_back(more);
  Window window(display, words, {"XDG_STATE_HOME=" + (folder / "state")});
  for (int i = 0; i < 30; ++i) window.wait("complete: 2 x 2 cells");
  for (const char* bad : {"closed bad.npy", "closed empty.csv", "closed nowhere.csv"}) window.last(bad);
  display.act({"key", "ctrl+q"});
  const Ran ran = window.finish();
  INFO(ran.err);
  CHECK(ran.code == 0);
  for (const char* bad : {"bad.npy: ", "empty.csv: empty file", "nowhere.csv"}) CHECK(has(ran.err, bad));
}
