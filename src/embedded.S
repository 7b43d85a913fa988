// The bytes of every embedded file, each between two symbols, aligned as SPIR-V words and then some.
#define EMBED(number, name, path)             \
  .balign 16;                                 \
  .global kDivlensEmbedded##number;           \
  .global kDivlensEmbedded##number##End;      \
  kDivlensEmbedded##number: .incbin path;     \
  kDivlensEmbedded##number##End: .byte 0;

.section .rodata
#include "embedded_files.h"

// Without this note the linker makes the stack executable.
.section .note.GNU-stack, "", %progbits
