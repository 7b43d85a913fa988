// The tables of the command line: subcommands, options, output formats.
#include <fmt/format.h>

#include <charconv>

#include "app/options.h"
#include "dump/escape.h"
#include "error.h"

namespace divlens {
namespace {

std::vector<std::string> splitCommas(const std::string& text) {
  std::vector<std::string> out;
  for (size_t start = 0; start <= text.size();) {
    const size_t comma = std::min(text.find(',', start), text.size());
    out.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return out;
}

int64_t parseCount(const std::string& text, std::string_view option) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  throw Error(Exit::Usage, fmt::format("{} '{}': it must be a whole number", option, escaped(text)));
}

int64_t parseAtLeastOne(const std::string& text, std::string_view option) {
  const int64_t value = parseCount(text, option);
  if (value >= 1) return value;
  throw Error(Exit::Usage, fmt::format("{} {}: it must be 1 or more", option, value));
}

std::string notEmpty(const std::string& text, std::string_view option) {
  if (!text.empty()) return text;
  throw Error(Exit::Usage, fmt::format("{} '': it must say something", option));
}

/// "true" (also where nothing is given) or "false".
std::string parseYes(const std::string& text, std::string_view option) {
  if (text.empty() || text == "true" || text == "false") return text.empty() ? "true" : text;
  throw Error(Exit::Usage, fmt::format("{}={}: it is true or false", option, escaped(text)));
}

/// Of "AXIS=SPEC".
std::string axisOf(const std::string& text) { return text.substr(0, text.find('=')); }

}  // namespace

const std::vector<OutputFormat>& outputFormats() {
  static const std::vector<OutputFormat> table = {
      {"png", ".png", Writer::Png, true},     {"pdf", ".pdf", Writer::Pdf, true},  {"svg", ".svg", Writer::Svg, true},
      {"npy", ".npy", Writer::Npy, false},    {"csv", ".csv", Writer::Csv, false}, {"tsv", ".tsv", Writer::Tsv, false},
      {"json", ".json", Writer::Json, false},
  };
  return table;
}

const std::vector<Command>& commands() {
  constexpr unsigned kCompute = kPlanSection | kOutputSection | kDeviceSection | kCommonSection;
  static const std::vector<Command> table = {
      {"info", "FILE… [--json]", "what is in it: tensors, axes, labels, sizes, the plan it would choose",
       kPlanSection | kCommonSection, 1, 1 << 20, false},
      {"compute", "DUMP [plan] -o OUT…", "the grid as data: .npy .csv .tsv .json", kCompute, 1, 1, true},
      {"render", "DUMP… [plan] [figure] -o OUT…", "a figure, and any data format beside it", kCompute | kFigureSection,
       1, 64, true},
      {"view", "DUMP [plan] [figure]", "the same, in a window",
       kPlanSection | kFigureSection | kDeviceSection | kCommonSection, 1, 64, false},
      {"explain", "DUMP [plan] --at AXIS=SPEC … [--top K]", "what one cell is made of, by vocabulary entry",
       kPlanSection | kExplainSection | kCommonSection, 1, 1, false},
      {"colormaps", "[-o OUT…] [--json]", "the names of all maps, or with -o a picture of them",
       kFigureSection | kOutputSection | kDeviceSection | kCommonSection, 0, 0, false},
      {"devices", "[--json]", "Vulkan devices, and why some do not serve", kCommonSection, 0, 0, false},
      {"doctor", "[--json]", "what works here, and what is missing", kDeviceSection | kCommonSection, 0, 0, false},
      {"bench", "[--viewer] [--json]", "throughput of this device, next to its own limits",
       kBenchSection | kDeviceSection | kCommonSection, 0, 0, false},
  };
  return table;
}

// clang-format off
const std::vector<OptionRow>& optionRows() {
  using S = Settings;
  using T = const std::string;
  static const std::vector<OptionRow> table = {
      {kPlanSection, "--tensor", "NAME", "the tensor that holds the cells; default: the only one that holds distributions", [](S& s, T& t) { s.plan.tensor = t; }},
      {kPlanSection, "--axes", "A,B,C", "names of its axes", [](S& s, T& t) { s.plan.axes = splitCommas(t); }},
      {kPlanSection, "--kind", "KIND", "what its last axis holds: logits, logprobs, probs, hidden, scalar, topk; weights: each stacked tensor is one cell", [](S& s, T& t) { s.plan.kind = t; s.plan.open.wholeTensors = t == "weights"; }},
      {kPlanSection, "--pattern", "PATTERN", "put tensors side by side: a preset (llama, gpt2, gpt-neox, qwen, gemma, mixtral …) or names with variables, 'blocks.{layer}.hook_resid_post', '{layer}.attn.{component:q,k=keys}'; repeatable", [](S& s, T& t) { s.plan.open.patterns.push_back(t); }},
      {kPlanSection, "--stack", "PATTERN", "put the files of a folder side by side: 'layer_{layer}.npy', 'step_{step}'", [](S& s, T& t) { s.plan.open.stack = t; }},
      {kPlanSection, "--lens", "FOLDER", "the checkpoint (config.json, safetensors) whose final norm and unembedding turn hidden states into logits", [](S& s, T& t) { s.plan.lens = t; }},
      {kPlanSection, "--unembed", "FILE:TENSOR", "a matrix [vocab, hidden] that does, without a norm", [](S& s, T& t) { s.plan.unembed = t; }},
      {kPlanSection, "--tuned-lens", "FOLDER", "translators of a tuned lens, one a layer, that come before --lens", [](S& s, T& t) { s.plan.tunedLens = t; }},
      {kPlanSection, "--normed", "[=true|false]", "the final norm is in all hidden states already; default: what the dump says", [](S& s, T& t) { s.plan.normed = parseYes(t, "--normed"); }},
      {kPlanSection, "--rows", "AXIS", "axis down the grid; default: layer, else the last but one", [](S& s, T& t) { s.plan.rows = s.plan.open.rows = t; }},
      {kPlanSection, "--columns", "AXIS", "axis across the grid; default: token, else the last", [](S& s, T& t) { s.plan.columns = s.plan.open.columns = t; }},
      {kPlanSection, "--value", "COLUMN", "of a table or log that lists a cell a line: the column with the cells, beside those of --rows and --columns", [](S& s, T& t) { s.plan.open.value = t; }},
      {kPlanSection, "--select", "AXIS=SPEC", "keep some entries: positions (3, -1, 0:8, 0:32:4), labels, label:TEXT or group:NAME; repeatable", [](S& s, T& t) { s.plan.select.push_back(t); s.plan.open.outer.push_back(axisOf(t)); }},
      {kPlanSection, "--reduce", "AXIS=HOW", "how an axis that is not shown is reduced: mean (default), median, q0.9, min, max, std, sem, count; repeatable", [](S& s, T& t) { s.plan.reduce.push_back(t); s.plan.open.outer.push_back(axisOf(t)); }},
      {kPlanSection, "--group", "AXIS", "one panel for each group of a reduced axis", [](S& s, T& t) { s.plan.group = t; s.plan.open.outer.push_back(t); }},
      {kPlanSection, "--groups", "FILE", "groups for an axis: a CSV of LABEL,GROUP under a header AXIS,group", [](S& s, T& t) { s.plan.groupsFile = t; }},
      {kPlanSection, "--minus", "GROUP", "subtract this group from each other one, or of several dumps this one from the others", [](S& s, T& t) { s.plan.minus = t; }},
      {kPlanSection, "--ci", "P", "interval of the mean over the reduced entries, say 0.95", [](S& s, T& t) { s.plan.confidence = parseNumber(t, "--ci"); }},
      {kPlanSection, "--ci-method", "HOW", "bootstrap (percentiles of 2000 resamples, default), or t (Student's; of a difference Welch's)", [](S& s, T& t) { s.plan.ciMethod = t; }},
      {kPlanSection, "--order", "ORDER", "mean-of-divergences (default), or divergence-of-means: of the mean distributions over the reduced entries", [](S& s, T& t) { s.plan.order = t; }},
      {kPlanSection, "--onset", "<V|>V", "first layer from which cells stay below or above V: a line on the figure, and in the JSON", [](S& s, T& t) { s.plan.onset = t; }},
      {kPlanSection, "--persist", "R", "layers in a row that an onset needs; default: all to the end", [](S& s, T& t) { s.plan.persist = parseAtLeastOne(t, "--persist"); }},
      {kPlanSection, "--metric", "NAME", "what a cell shows (list below), or 'f: EXPRESSION' for your own f-divergence Σ q f(p/q), t = p/q, or @FILE.glsl with a term of yours; repeatable; default: jsd", [](S& s, T& t) { s.plan.metrics.push_back(t); }},
      {kPlanSection, "--reference", "SPEC", "what each cell is compared with: AXIS=ENTRY, AXIS:prev, AXIS:next, tensor:NAME, file:PATH[:NAME], mean:AXIS, uniform, target; default: layer=-1", [](S& s, T& t) { s.plan.reference = notEmpty(t, "--reference"); }},
      {kPlanSection, "--targets", "NAME", "integer tensor of the token ids of the reference target; default: targets", [](S& s, T& t) { s.plan.targets = t; }},
      {kPlanSection, "--base", "e|2|10", "base of the logarithm: nats, bits or bans", [](S& s, T& t) { s.plan.base = t; }},
      {kPlanSection, "--convention", "TOOL", "another tool's definition of the metric: scipy, dola, tuned-lens, transformer-utils, torch, llama.cpp", [](S& s, T& t) { s.plan.convention = t; }},
      {kPlanSection, "--vocab-mask", "FILE", "compare only the token ids listed there, or marked by a BOOL .npy of one for each entry", [](S& s, T& t) { s.plan.vocabMask = t; }},
      {kPlanSection, "--temperature", "T", "logits are divided by T; default: 1", [](S& s, T& t) { s.plan.temperature = parseNumber(t, "--temperature"); }},
      {kPlanSection, "--vocab", "N", "compare the first N entries of the vocabulary", [](S& s, T& t) { s.plan.vocab = parseCount(t, "--vocab"); }},
      {kPlanSection, "--dtype", "NAME", "how to read elements that a file calls raw bytes, say bf16", [](S& s, T& t) { s.plan.open.dtype = t; }},
      {kPlanSection, "--lenient", nullptr, "holes and trailing bytes in a file are worth a warning only", [](S& s, T&) { s.plan.open.lenient = true; }},
      {kPlanSection, "--partial", nullptr, "read a truncated file as far as it goes", [](S& s, T&) { s.plan.open.partial = true; }},
      {kPlanSection, "--follow", nullptr, "wait for a file that is still being written, as long as it grows", [](S& s, T&) { s.plan.open.follow = true; }},
      {kExplainSection, "--at", "AXIS=SPEC", "the cell: one position or label on each axis of the grid; reduced axes that are not named are averaged; repeatable", [](S& s, T& t) { s.at.push_back(t); }},
      {kExplainSection, "--top", "K", "how many entries of the vocabulary are listed, largest term first; default: 20", [](S& s, T& t) { s.top = parseAtLeastOne(t, "--top"); }},
      {kExplainSection, "--tokenizer", "FILE", "tokenizer.json with the entries' texts; default: labels of the vocabulary, else the one beside the dump", [](S& s, T& t) { s.tokenizer = t; }},
      {kBenchSection, "--viewer", nullptr, "frame times of the window on a grid of 128 x 1,000,000 cells instead", [](S& s, T&) { s.benchViewer = true; }},
      {kBenchSection, "--tune", nullptr, "kl and jsd of F16 for each choice of invocations a row and cells a workgroup instead", [](S& s, T&) { s.benchTune = true; }},
      {kFigureSection, "--from", "PICTURE", "print the command that made a .png, .pdf or .svg; with -o repeat it, with the options given beside it (dumps are looked for here, then beside the picture)", [](S& s, T& t) { s.from = t; }},
      {kFigureSection, "--cmap", "MAP", "colormap: a name (list below; _r reverses), a file, or colours: '#2166ac,#f7f7f7,#e08214', white,tab:red", [](S& s, T& t) { s.figure.cmap = t; }},
      {kFigureSection, "--vmin", "V", "value of the first colour", [](S& s, T& t) { s.figure.vmin = parseNumber(t, "--vmin"); }},
      {kFigureSection, "--vmax", "V", "value of the last colour", [](S& s, T& t) { s.figure.vmax = parseNumber(t, "--vmax"); }},
      {kFigureSection, "--center", "V", "value of the middle colour", [](S& s, T& t) { s.figure.center = parseNumber(t, "--center"); }},
      {kFigureSection, "--robust", "[=LOW,HIGH]", "colours span percentiles, 2 and 98 unless given", [](S& s, T& t) { s.figure.robust = t.empty() ? "2,98" : t; }},
      {kFigureSection, "--norm", "NAME", "linear, log, symlog, asinh, power, two-slope, centered or boundaries", [](S& s, T& t) { s.figure.norm = t; }},
      {kFigureSection, "--boundaries", "A,B,…", "norm boundaries: one colour from A to B, the next from B on, …; default: round steps over the data", [](S& s, T& t) { s.figure.boundaries = t; }},
      {kFigureSection, "--linthresh", "V", "symlog and asinh are linear below it", [](S& s, T& t) { s.figure.linthresh = parseNumber(t, "--linthresh"); }},
      {kFigureSection, "--gamma", "G", "exponent of the power norm", [](S& s, T& t) { s.figure.gamma = parseNumber(t, "--gamma"); }},
      {kFigureSection, "--origin", "upper|lower", "where row 0 is", [](S& s, T& t) { s.figure.origin = t; }},
      {kFigureSection, "--title", "TEXT", "above the grid; empty: none", [](S& s, T& t) { s.figure.title = t; }},
      {kFigureSection, "--xlabel", "TEXT", "below the columns", [](S& s, T& t) { s.figure.xlabel = t; }},
      {kFigureSection, "--ylabel", "TEXT", "beside the rows", [](S& s, T& t) { s.figure.ylabel = t; }},
      {kFigureSection, "--note", "TEXT", "small, at the foot; empty: none; default: metric, reference, file and version (which the file's metadata hold as well)", [](S& s, T& t) { s.figure.note = t; }},
      {kFigureSection, "--xlim", "A,B", "show the columns from A to B only, counted from 0; fractions of a cell are allowed", [](S& s, T& t) { s.figure.xlim = t; }},
      {kFigureSection, "--ylim", "A,B", "the same for the rows", [](S& s, T& t) { s.figure.ylim = t; }},
      {kFigureSection, "--xticklabels", "WHICH", "auto, none, N (every Nth), N,last, a,b,c or @FILE", [](S& s, T& t) { s.figure.xticklabels = t; }},
      {kFigureSection, "--yticklabels", "WHICH", "the same for the rows", [](S& s, T& t) { s.figure.yticklabels = t; }},
      {kFigureSection, "--xtick-fmt", "SPEC", "how numbers below the columns are written, a Python format spec without braces: ,d (whole numbers alone have d)", [](S& s, T& t) { s.figure.xtickFmt = t; }},
      {kFigureSection, "--ytick-fmt", "SPEC", "the same for the rows", [](S& s, T& t) { s.figure.ytickFmt = t; }},
      {kFigureSection, "--panel-labels", "A,B,…", "titles of the panels, or @FILE with one a line; default: metric, group, dump", [](S& s, T& t) { s.figure.panelLabels = t; }},
      {kFigureSection, "--cbar", nullptr, "draw the colour bar (default)", [](S& s, T&) { s.figure.cbar = true; }},
      {kFigureSection, "--no-cbar", nullptr, "leave the colour bar out", [](S& s, T&) { s.figure.cbar = false; }},
      {kFigureSection, "--cbar-label", "TEXT", "beside the colour bar; default: metric, reference and unit", [](S& s, T& t) { s.figure.cbarLabel = t; }},
      {kFigureSection, "--cbar-ticks", "A,B,…", "values with a tick on the colour bar; default: round ones", [](S& s, T& t) { s.figure.cbarTicks = t; }},
      {kFigureSection, "--cbar-fmt", "SPEC", "how its ticks are written, a Python format spec without braces: .1e", [](S& s, T& t) { s.figure.cbarFmt = t; }},
      {kFigureSection, "--share-scale", nullptr, "all panels have the same colours; default: panels of one metric do", [](S& s, T&) { s.figure.shareScale = true; }},
      {kFigureSection, "--no-share-scale", nullptr, "each panel has colours and a bar of its own", [](S& s, T&) { s.figure.shareScale = false; }},
      {kFigureSection, "--axis-scale", "AXIS=SCALE", "linear or log: cells and ticks stand at their coordinates; category: all alike (default); repeatable", [](S& s, T& t) { s.figure.axisScale.push_back(t); }},
      {kFigureSection, "--annot", "[=top1]", "write the values into the cells; top1: the most probable token of each cell's row (in files; 20,000 cells at most)", [](S& s, T& t) { s.figure.annot = t.empty() ? "value" : t; }},
      {kFigureSection, "--fmt", "SPEC", "how --annot writes them, a Python format spec without braces; default: .2g", [](S& s, T& t) { s.figure.fmt = t; }},
      {kFigureSection, "--mask", "RULE", "hide cells: '>0.5', '<=1e-3', '==0'", [](S& s, T& t) { s.figure.mask = t; }},
      {kFigureSection, "--dim", "RULE", "fade cells: '<0.5'", [](S& s, T& t) { s.figure.dim = t; }},
      {kFigureSection, "--aggregate", "HOW", "what a pixel over several cells shows: their max (default), min, mean, or extreme (farthest from the center; default for differences)", [](S& s, T& t) { s.figure.aggregate = t; }},
      {kFigureSection, "--ci-mask", "V", "hide cells whose interval (--ci) includes V, say 0", [](S& s, T& t) { s.figure.ciMask = parseNumber(t, "--ci-mask"); }},
      {kFigureSection, "--marginals", "[=beyond]", "means of the rows and columns, as bars beside the cells; beyond: shares of cells at --threshold or above", [](S& s, T& t) { s.figure.marginals = t.empty() ? "mean" : t; }},
      {kFigureSection, "--mark", "AXIS=ENTRY,…", "outline a cell, or all of a row or column; repeatable", [](S& s, T& t) { s.figure.marks.push_back(t); }},
      {kFigureSection, "--threshold", "V", "outline the cells that are V or more", [](S& s, T& t) { s.figure.threshold = parseNumber(t, "--threshold"); }},
      {kFigureSection, "--cells", "HOW", "of PDF and SVG: image, vector (rectangles, 10,000 at most) or auto", [](S& s, T& t) { s.figure.cells = t; }},
      {kFigureSection, "--svg-text", "HOW", "of SVG: text, or path (outlines)", [](S& s, T& t) { s.figure.svgText = t; }},
      {kFigureSection, "--extend", "ENDS", "neither, min, max or both ends of the bar are pointed", [](S& s, T& t) { s.figure.extend = t; }},
      {kFigureSection, "--figsize", "W,H[UNIT]", "size of the figure in in, cm, mm, pt or px", [](S& s, T& t) { s.figure.figsize = t; }},
      {kFigureSection, "--size", "VENUE", "width of a venue's column: icml, neurips, iclr, acl, cvpr, aaai, or -full: icml-full", [](S& s, T& t) { s.figure.size = t; }},
      {kFigureSection, "--style", "NAME", "paper, slide or dark", [](S& s, T& t) { s.figure.style = t; }},
      {kFigureSection, "--font-size", "PT", "of the axes' names; other text in proportion", [](S& s, T& t) { s.figure.fontSize = parseNumber(t, "--font-size"); }},
      {kFigureSection, "--dpi", "N", "pixels an inch; default: 150", [](S& s, T& t) { s.figure.dpi = parseNumber(t, "--dpi"); }},
      {kFigureSection, "--bad-color", "COLOUR", "of NaN cells: a name as in matplotlib (gray, tab:red, C1, k), a grey level 0.5, #rgb, #rrggbb, #rrggbbaa or none", [](S& s, T& t) { s.figure.badColor = t; }},
      {kFigureSection, "--inf-color", "COLOUR", "of infinite cells", [](S& s, T& t) { s.figure.infColor = t; }},
      {kFigureSection, "--under-color", "COLOUR", "of cells below vmin; default: the map's first", [](S& s, T& t) { s.figure.underColor = t; }},
      {kFigureSection, "--over-color", "COLOUR", "of cells above vmax; default: the map's last", [](S& s, T& t) { s.figure.overColor = t; }},
      {kOutputSection, "-o,--output", "OUT", "file to write, its suffix decides the format; '-' is standard output; repeatable", [](S& s, T& t) { s.outputs.push_back({t, nullptr}); }},
      {kOutputSection, "--format", "NAME", "format where the suffix says none", [](S& s, T& t) { s.format = t; }},
      {kDeviceSection, "--device", "D", "auto, an index, part of a name or a UUID (divlens devices lists them)", [](S& s, T& t) { s.device = t; }},
      {kDeviceSection, "--max-gpu-mem", "SIZE", "budget of device memory: 2G, 512M", [](S& s, T& t) { s.maxGpuMemory = parseBytes(t, "--max-gpu-mem"); }},
      {kDeviceSection, "--max-ram", "SIZE", "budget of the machine's memory", [](S& s, T& t) { s.maxRam = parseBytes(t, "--max-ram"); }},
      {kDeviceSection, "--resume", "FILE", "keep in FILE what is computed when the run is cut, and go on from there the next time", [](S& s, T& t) { s.resume = t; }},
      {kDeviceSection, "--verify", "N", "recompute N cells of each dump in double precision on the processor; exit code 1 where they differ", [](S& s, T& t) { s.verify = parseAtLeastOne(t, "--verify"); }},
      {kDeviceSection, "--strict", nullptr, "warnings, and cells that are all NaN, end in exit code 1", [](S& s, T&) { s.strict = true; }},
      {kCommonSection, "--json", nullptr, "output and errors as JSON", [](S& s, T&) { s.json = true; }},
      {kCommonSection, "-q,--quiet", nullptr, "no notes on standard error", [](S& s, T&) { s.quiet = true; }},
      {kCommonSection, "-v,--verbose", nullptr, "more notes on standard error", [](S& s, T&) { s.verbose = true; }},
  };
  return table;
}
// clang-format on

}  // namespace divlens
