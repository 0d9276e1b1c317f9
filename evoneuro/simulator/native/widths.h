/* The block of every lane type and width, for the instruction set SET with vectors of VECTOR bytes. */

#define LANE_BITS 16
#define W 16
#include "block.h"
#define W 32
#include "block.h"
#define W 64
#include "block.h"
#undef LANE_BITS

#define LANE_BITS 32
#define W 16
#include "block.h"
#define W 32
#include "block.h"
#define W 64
#include "block.h"
#undef LANE_BITS
