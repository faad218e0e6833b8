// Any processor.
#define NAME(function) ck_portable_##function
#define TILE_ROWS 4
#define TILE_PANELS 1
#define CK_BF16_DOT 0
#define CK_PERMUTE 0
#include "../body/kernels.h"
