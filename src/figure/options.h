#pragma once
#include <optional>
#include <string>
#include <vector>

namespace divlens {

/// The figure options of the command line, as text where their grammar is the figure room's business. Empty: not given.
struct FigureOptions {
  std::string cmap;  ///< name, file or list of colours; `_r` reverses; default by metric
  std::optional<double> vmin, vmax, center;
  std::string norm = "linear";
  std::optional<double> linthresh, gamma;
  std::string boundaries;            ///< "0,0.1,0.5,1": of the classes of --norm boundaries; empty: round ones
  std::string robust;                ///< "": off; "2,98": percentiles
  std::string origin = "upper";      ///< upper: row 0 at the top
  std::optional<std::string> title;  ///< empty: none, whatever the dump is called
  std::optional<std::string> xlabel, ylabel, cbarLabel;
  std::optional<std::string> note;  ///< at the foot; default: metric, reference, version
  bool cbar = true;
  std::string xlim, ylim;                                  ///< "BEGIN,END": the visible columns and rows, in cells
  std::string xticklabels = "auto", yticklabels = "auto";  ///< auto, none, N, "N,last", a,b,c or @file
  std::string xtickFmt, ytickFmt, cbarFmt;  ///< Python format specs of ticks that are numbers; empty: as they are
  std::string cbarTicks;                    ///< "0.2,0.4,0.6"; empty: round values
  std::string panelLabels;                  ///< "A,B,…" or @file, one a panel; empty: metric and group
  std::string figsize;                      ///< "W,H[in|cm|mm|pt|px]"
  std::string size;                         ///< a venue's column: icml, icml-full, neurips ...
  std::string style;                        ///< paper, slide or dark
  std::string marginals;                    ///< mean or beyond; empty: none
  std::optional<double> fontSize;           ///< points of the axes' names; else the style's
  double dpi = 150;
  std::string extend;                  ///< neither, min, max, both; default: by data
  std::optional<bool> shareScale;      ///< default: panels of one metric share their colours
  std::vector<std::string> axisScale;  ///< "step=log": cells stand at their coordinates
  std::string annot;                   ///< "": nothing; value, or top1: what stands in the cells
  std::string fmt = ".2g";             ///< Python format spec without braces
  std::string aggregate;               ///< max, min, mean or extreme; default by metric
  std::string mask;                    ///< hides cells: ">0.5"
  std::string dim;                     ///< fades cells: "<0.5"
  std::optional<double> ciMask;        ///< hides cells whose interval includes it
  std::vector<std::string> marks;      ///< cells with an outline: "layer=3,token=Paris"
  std::optional<double> threshold;
  std::string cells = "auto";    ///< image, vector or auto: how a PDF or SVG holds the cells
  std::string svgText = "text";  ///< text or path
  std::string badColor, infColor, underColor, overColor;
};

}  // namespace divlens
