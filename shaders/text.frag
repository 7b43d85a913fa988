#version 450
#extension GL_GOOGLE_include_directive : require
// The text's own pixels, unscaled, in its colour.
#include "text.h"

layout(std430, set = 0, binding = 0) readonly buffer Records { TextRecord records[]; };
layout(std430, set = 0, binding = 1) readonly buffer Texels { uint texels[]; };
layout(location = 0) flat in uint number;
layout(location = 0) out vec4 color;

void main() {
  TextRecord r = records[number];
  uvec2 p = uvec2(ivec2(gl_FragCoord.xy) - ivec2(r.x, r.y));
  color = unpackUnorm4x8(texels[r.offset + p.y * r.w + p.x]) * unpackUnorm4x8(r.color);
}
