#version 450
#extension GL_GOOGLE_include_directive : require
// One rectangle a text, two triangles, from the records' storage buffer.
#include "text.h"

layout(std430, set = 0, binding = 0) readonly buffer Records { TextRecord records[]; };
layout(push_constant) uniform Push { TextPush push; };
layout(location = 0) flat out uint number;

void main() {
  number = push.first + uint(gl_InstanceIndex);
  TextRecord r = records[number];
  uvec2 corner = uvec2(gl_VertexIndex & 1, (gl_VertexIndex % 3 + gl_VertexIndex / 3) >> 1);
  vec2 pixel = vec2(r.x, r.y) + vec2(corner * uvec2(r.w, r.h));
  gl_Position = vec4(pixel / vec2(push.width, push.height) * 2.0 - 1.0, 0.0, 1.0);
}
