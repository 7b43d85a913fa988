#pragma once
#include "figure/figure_content.h"
#include "figure/options.h"
#include "figure/text.h"

namespace divlens {

/// Largest side of a figure in pixels.
inline constexpr int kMaxFigurePixels = 16384;

/// figsize × dpi, or a size that suits the grid's shape; Error(Usage) beyond the limits.
PixelSize figureSize(const FigureOptions& options, const FigureContent& content);
/// The same of a file that knows no pixels: as wide and high as --figsize and --size say, else figureSize() at --dpi.
PageSize pageSize(const FigureOptions& options, const FigureContent& content);
/// Arithmetic only: the same options and content give the same list. A window passes its own size.
Layout layoutFigure(const FigureOptions& options, const FigureContent& content, TextShaper& shaper, PixelSize size);

}  // namespace divlens
