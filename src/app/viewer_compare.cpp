// Two files that are compared: linked views, and their difference as a grid of its own.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "app/describe.h"
#include "app/viewer.h"
#include "divergence/grid_write.h"
#include "error.h"
#include "shaders/kernels.h"

namespace divlens {
namespace {

/// Cells of A less those of B; masked where either is.
Cells differenceOf(const Cells& a, const Cells& b) {
  const auto masked = [](float v) { return std::bit_cast<uint32_t>(v) == kernels::kMaskedBits; };
  Cells out = a;
  for (size_t panel = 0; panel < out.size(); ++panel)
    for (size_t i = 0; i < out[panel].size(); ++i) {
      if (masked(a[panel][i]) || masked(b[panel][i]))
        out[panel][i] = std::bit_cast<float>(kernels::kMaskedBits);
      else
        out[panel][i] = a[panel][i] - b[panel][i];
    }
  return out;
}

bool sameShape(const View& a, const View& b) {
  const Grid &x = a.session->result->grid, &y = b.session->result->grid;
  return x.rows() == y.rows() && x.columns() == y.columns() && x.panels() == y.panels();
}

/// A session of its own whose grid holds the difference: what is drawn, saved and hovered over needs nothing else.
std::shared_ptr<View> differenceView(const View& a, const View& b, const Settings& settings, const std::string& title) {
  auto session = std::make_shared<Session>();
  session->dump = a.session->dump;
  session->dump.title = title;
  session->plan = a.session->plan;
  session->context = a.session->context;
  session->result.emplace(emptyResult(*session->context, session->plan));
  auto cells = std::make_shared<Cells>(differenceOf(*a.cells, *b.cells));
  for (size_t panel = 0; panel < cells->size(); ++panel)
    writeCells(*session->context, session->result->grid, int64_t(panel), (*cells)[panel]);
  auto view = std::make_shared<View>();
  view->settings = settings;
  const ShownCells shown(*cells, session->result->grid.columns());
  view->summaries = summarise(*session, shown, settings.figure);
  view->content = std::make_shared<FigureContent>(figureContent(*session, shown, settings, view->summaries));
  view->session = std::move(session);
  view->cells = std::move(cells);
  view->complete = true;
  view->quick = true;
  return view;
}

}  // namespace

// Grids of one shape are seen in the same part.
void Viewer::linkLooks(const Document& from, Document& to) const {
  if (&from == &to || !from.view || !to.view) return;
  const Grid &a = from.view->session->result->grid, &b = to.view->session->result->grid;
  if (a.rows() != b.rows() || a.columns() != b.columns()) return;
  to.look.see(from.look.span());
}

// All files in one figure: one scale, one part of the grid, one cursor.
void Viewer::showSideBySide() {
  Settings all = documents_[0]->options.settings();
  all.dumps.clear();
  for (const auto& document : documents_)
    if (!document->difference && !document->several()) all.dumps.push_back(document->options.settings().dumps.at(0));
  const auto found = std::find_if(documents_.begin(), documents_.end(), [&](const auto& document) {
    return document->options.settings().dumps == all.dumps;
  });
  if (all.dumps.size() < 2) {
    errors_.emplace_back("side by side needs two files; open another with Ctrl+O");
  } else if (found != documents_.end()) {
    show(size_t(found - documents_.begin()));
  } else {
    const Span seen = current().look.span();
    const bool part = current().view && current().look.zoomed();
    open(all);
    if (part) current().wanted = seen;
  }
  status("side by side " + current().name);
}

void Viewer::showDifference() {
  const Document &a = *documents_[0], &b = *documents_[1];
  const bool ready =
      !a.difference && !b.difference && !b.several() && a.view && b.view && a.view->complete && b.view->complete;
  if (!ready || !sameShape(*a.view, *b.view)) {
    errors_.emplace_back(ready
                             ? fmt::format("{} and {} have no difference: their grids differ in shape", a.name, b.name)
                             : "a difference needs two files whose grids are complete");
    return;
  }
  const auto found =
      std::find_if(documents_.begin(), documents_.end(), [](const auto& document) { return document->difference; });
  const bool again = found != documents_.end();
  if (!again) {
    documents_.push_back(std::make_unique<Document>(a.options.settings(), context_, std::function<void()>([] {})));
    documents_.back()->difference = true;
  }
  Document& document = again ? **found : *documents_.back();
  document.name = fmt::format("{} − {}", a.name, b.name);
  try {
    if (!again) {
      for (const char* option : {"--vmin", "--vmax", "--threshold", "--dim", "--onset", "--robust"})
        document.options.remove(option);
      document.options.set("--center", "0");
      const std::string of = colorbarLabel(*a.view->session), less = colorbarLabel(*b.view->session);
      document.options.set("--cbar-label", of == less ? "difference of " + of : of + " − " + less);
    }
    accept(document, differenceView(*a.view, *b.view, document.options.settings(), document.name));
  } catch (const Error& error) {
    errors_.emplace_back(error.what());
  }
  show(again ? size_t(found - documents_.begin()) : documents_.size() - 1);
  status("difference " + document.name);
}

}  // namespace divlens
