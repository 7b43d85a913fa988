#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
// Rows from a texel buffer: see shared_rows.glsl.
#define ROWS_AS_TEXELS
#include "top_groups.glsl"
