// One line of text as pixels in a storage buffer, shared by C++ and GLSL.
#ifndef DIVLENS_TEXT_H
#define DIVLENS_TEXT_H

#ifdef __cplusplus
#include <cstdint>
namespace divlens {
using TextUint = uint32_t;
using TextInt = int32_t;
#else
#define TextUint uint
#define TextInt int
#endif

struct TextRecord {
  TextInt x;  // of its top left corner, pixels of the target
  TextInt y;
  TextUint w;
  TextUint h;
  TextUint offset;  // of its first pixel
  TextUint color;   // RGBA8, multiplies the pixels
};

struct TextPush {
  float width;  // of the target, pixels
  float height;
  TextUint first;  // record
};

#ifdef __cplusplus
static_assert(sizeof(TextRecord) == 24 && sizeof(TextPush) == 12);
}  // namespace divlens
#endif
#endif
