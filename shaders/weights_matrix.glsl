// Elements of a tile of a matrix. Include after weights_matrix.h, functions.glsl, rows.glsl and weights.glsl.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kType = 0;

layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
layout(std430, set = 0, binding = 1) readonly buffer From { vec4 from[]; };
layout(std430, set = 0, binding = 2) writeonly buffer To { float to[]; };
layout(push_constant) uniform Push { MatrixPush push; };

void load(uint row, uint step, out float w[8]) {
  uint at = row * push.steps + step;
  if (kType == kF32)
    decodeFloats(rows[2u * at], rows[2u * at + 1u], w);
  else
    decodeHalves(rows[at], kType, w);
}
