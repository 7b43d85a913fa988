#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_samplerless_texture_functions : require
// Rows from texel buffers: see shared_rows.glsl.
#define ROWS_AS_TEXELS
#include "plain_read.glsl"
