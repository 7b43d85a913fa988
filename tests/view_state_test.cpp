// The part of a figure that a window shows, and its options, without a window.
#include "app/figure_view.h"
#include "app/view_options.h"
#include "catch.h"

using namespace divlens;

TEST_CASE("moving about keeps the seen part inside and the point under the cursor still", "[viewer]") {
  FigureView view;
  view.show(128, 1000000);
  CHECK_FALSE(view.zoomed());
  view.zoom(400000.25, 17.5, 0.1, 1);
  CHECK(view.span().rowEnd - view.span().rowBegin == 128);
  const Span zoomed = view.span();
  CHECK(zoomed.columnEnd - zoomed.columnBegin == Approx(100000));
  CHECK((400000.25 - zoomed.columnBegin) / 100000 == Approx(0.40000025));
  view.pan(1e9, -1e9);
  CHECK(view.span().columnEnd == 1000000);
  CHECK(view.span().columnBegin == Approx(900000));
  CHECK(view.span().rowBegin == 0);
  for (int i = 0; i < 200; ++i) view.zoom(950000.5, 3.5, 0.5, 0.5);
  CHECK(view.span().columnEnd - view.span().columnBegin == Approx(0.5));
  for (int i = 0; i < 200; ++i) view.zoom(950000.5, 3.5, 2, 2);
  CHECK_FALSE(view.zoomed());
}

TEST_CASE("a window's options are words that say the same again", "[viewer]") {
  const auto parse = [](std::vector<const char*> words) { return parseOptions(int(words.size()), words.data()); };
  ViewOptions options(parse(
      {"divlens", "view", "a b.npy", "--metric", "kl", "--vmin=-1.5", "--robust=1,99", "--annot", "--title", ""}));
  CHECK(options.get("--metric") == "kl");
  CHECK(shellLine(options.words()) == "--metric kl --vmin=-1.5 --title= --robust=1,99 --annot");
  const std::string key = options.planKey();
  options.set("--cmap", "#fff,#000");
  CHECK(options.planKey() == key);
  CHECK(options.settings().figure.cmap == "#fff,#000");
  options.set("--onset", "<0.1");
  CHECK(options.planKey() == key);
  options.set("--metric", "jsd");
  CHECK(options.planKey() != key);
  CHECK(options.settings().plan.metrics == std::vector<std::string>{"jsd"});
  CHECK_THROWS(options.set("--vmin", "abc"));
  CHECK(options.get("--vmin") == "-1.5");
  CHECK_THROWS(options.set("--output", "x.png"));
  ViewOptions again(parse({"divlens", "view", "a b.npy"}));
  again.replace(options.words());
  CHECK(again.words() == options.words());
  options.remove("--annot");
  CHECK(options.settings().figure.annot.empty());
  CHECK(shellLine({"a b", "it's", "x", ""}) == "'a b' 'it'\\''s' x ''");
}
