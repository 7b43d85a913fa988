// Eight elements of the row that starts at word `base`, as stored. Include after defining `rowWords(i)`, word i of the rows, `push`
// (with rowVectors), kDtype and kKind.
#ifndef DIVLENS_LOAD_ROW_GLSL
#define DIVLENS_LOAD_ROW_GLSL

uint rowVectors = push.rowVectors;  // read once: lavapipe gathers a push constant lane by lane, forty instructions each time

void loadStored(uint base, uint step, out float x[8]) {
  if (kDtype == kF32) {
    uint i = 2u * step;
    decodeFloats(rowWords(base + i), i + 1u < rowVectors ? rowWords(base + i + 1u) : padding(kKind), x);
  } else {
    decodeHalves(rowWords(base + step), kDtype, x);
  }
}
#endif
