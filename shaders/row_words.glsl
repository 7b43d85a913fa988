// The rows of one side at binding 0, as texels or in a storage buffer (see shared_rows.glsl): rowWords(i) is their i-th uvec4.
#ifndef DIVLENS_ROW_WORDS_GLSL
#define DIVLENS_ROW_WORDS_GLSL

#ifdef ROWS_AS_TEXELS
layout(set = 0, binding = 0) uniform utextureBuffer rowTexels;
#define rowWords(i) texelFetch(rowTexels, int(i))
#else
layout(std430, set = 0, binding = 0) readonly buffer Rows { uvec4 rows[]; };
#define rowWords(i) rows[i]
#endif
#endif
