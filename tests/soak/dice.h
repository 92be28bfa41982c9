/* Random choices that a seed repeats (splitmix64). */
#ifndef SOAK_DICE_H
#define SOAK_DICE_H

#include <stdint.h>

typedef struct soak_dice {
    uint64_t state;
} soak_dice;

static inline uint64_t dice_next(soak_dice *dice)
{
    uint64_t mixed = dice->state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* From low to high, both included. */
static inline int64_t dice_between(soak_dice *dice, int64_t low, int64_t high)
{
    return low + (int64_t)(dice_next(dice) % (uint64_t)(high - low + 1));
}

/* True once in `times`. */
static inline int dice_once_in(soak_dice *dice, int64_t times)
{
    return dice_between(dice, 1, times) == 1;
}

#endif
