#version 450
#extension GL_GOOGLE_include_directive : require
// Rows from a storage buffer.
#include "top_groups.glsl"
