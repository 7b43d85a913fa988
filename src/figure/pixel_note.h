#pragma once
#include <string>

#include "figure/figure_content.h"

namespace divlens {

/// "a pixel shows the largest of up to 1,112 cells" for cells from `rows` × `columns` in so many pixels; empty where
/// each cell has a pixel of its own.
std::string pixelNote(const FigureContent& content, double rows, double columns, double width, double height);

}  // namespace divlens
