// Eight elements of a row as stored. Include after defining `rowWords(i)`, word i of the rows, `push` (with rowVectors), kDtype and kKind.
#ifndef DIVLENS_LOAD_ROW_GLSL
#define DIVLENS_LOAD_ROW_GLSL

void loadStored(uint row, uint step, out float x[8]) {
  uint base = row * push.rowVectors;
  if (kDtype == kF32) {
    uint i = 2u * step;
    decodeFloats(rowWords(base + i), i + 1u < push.rowVectors ? rowWords(base + i + 1u) : padding(kKind), x);
  } else {
    decodeHalves(rowWords(base + step), kDtype, x);
  }
}
#endif
