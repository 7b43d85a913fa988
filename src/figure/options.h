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
  std::string robust;            ///< "": off; "2,98": percentiles
  std::string origin = "upper";  ///< upper: row 0 at the top
  std::string title;
  std::optional<std::string> xlabel, ylabel, cbarLabel;
  bool cbar = true;
  std::string xticklabels = "auto", yticklabels = "auto";  ///< auto, none, N, "N,last", a,b,c or @file
  std::string figsize;                                     ///< "W,H[in|cm|mm|pt|px]"
  double dpi = 150;
  std::string extend;  ///< neither, min, max, both; default: by data
  std::string badColor, infColor, underColor, overColor;
};

}  // namespace divlens
