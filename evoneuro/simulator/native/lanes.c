/* The lane kernel in C: many lanes side by side, on the vectors that this processor has.
 *
 * Plain C with the vector extensions of GCC and Clang, compiled once for each instruction set; which one runs is
 * decided when the library is first used. evoneuro/simulator/native.py calls it, and says what the arguments are.
 */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ALIGNED __attribute__((aligned(64)))

/* A neuron and a synapse as `native.py` lays them out; weight and bit have the type of a lane, for broadcasts. */
typedef struct {
    int32_t threshold;
    int32_t shift, leaks;    /* v -= (v >> shift) & leaks, leaks being 0 for none and -1 otherwise */
    int32_t pause;           /* refractory steps */
    int32_t channel;         /* input channel that feeds it, or -1 */
    int32_t needs_event;     /* threshold <= 0 */
    int32_t first, last;     /* its synapses: incoming ones, or for events outgoing ones */
} neuron;

typedef struct {
    int32_t row;             /* word of history * neurons + presynaptic neuron */
    int16_t weight;
    uint16_t bit;            /* of that word */
} synapse16;

typedef struct {
    int32_t row;
    int32_t weight;
    uint32_t bit;
} synapse32;

typedef struct {
    int32_t channels, outputs, words, pauses, plain, v_min, v_max, subtract, charge, window, evidence, lead;
} settings;

typedef struct {
    int neurons, channels, outputs, words, pauses, plain, v_min, v_max, subtract, charge, window, evidence, lead;
    const neuron *body;
    const void *synapses;
    const int32_t *output, *input;
    int64_t block_bytes;
} network;

/* What a call works on; the arrays are Python's. */
typedef struct {
    int64_t networks;
    const int64_t *neuron_start, *synapse_start, *output_start, *input_start, *block_bytes;
    const settings *settings;
    const neuron *body;
    const char *synapses;        /* synapse16, synapse32 or outgoing */
    const int32_t *output, *input;
    char *state;                 /* null: every lane starts cleared and ends forgotten */
    const int64_t *state_start;  /* [networks], bytes */
    const int64_t *block_start;  /* [networks] */
    int8_t *now;                 /* [blocks] */
    char *scratch, *counts, *drive;
    const int32_t *live;         /* [networks] */
    const int64_t *column;       /* [networks]: where the first lane of each stands in trains, choice and latency */
    const uint16_t *trains;      /* (words of 16 steps, channels, lanes and a block of padding) */
    int64_t train_words, word_stride, channel_stride;
    const int32_t *charges;      /* (steps, channels, lanes), or null; what comes after them is silence */
    int64_t charge_steps, charge_stride;
    const double *observations;  /* (lanes, values), or null: then there are trains or charges */
    int64_t values, neurons_per_value, half, rounding;
    const double *centre, *reach;  /* [values] */
    const uint16_t *const *table;  /* [networks]: (2 * half + 1, neurons per value, words) for its gain */
    uint16_t *encoded;           /* (words, channels, lanes of a block) */
    int32_t *choice, *latency;
    int64_t row_stride;          /* from a network's choices to those of the next, column apart */
    int64_t *spikes;             /* [all neurons], added to */
    uint32_t *record;            /* (words of 32 steps, outputs, lanes) of zeros for the spikes of outputs, or null */
    int32_t *potential;          /* (outputs, lanes) */
    int64_t record_words, record_stride;
} job;

static void describe(const job *j, int64_t p, network *net)
{
    const settings *s = j->settings + p;
    *net = (network){
        .neurons = (int)(j->neuron_start[p + 1] - j->neuron_start[p]),
        .channels = s->channels, .outputs = s->outputs, .words = s->words, .pauses = s->pauses, .plain = s->plain,
        .v_min = s->v_min, .v_max = s->v_max, .subtract = s->subtract, .charge = s->charge,
        .window = s->window, .evidence = s->evidence, .lead = s->lead,
        .body = j->body + j->neuron_start[p], .synapses = j->synapses + j->synapse_start[p],
        .output = j->output + j->output_start[p], .input = j->input + j->input_start[p],
        .block_bytes = j->block_bytes[p],
    };
}

/* Where network p records, at its first lane. */
static uint32_t *record_of(const job *j, int64_t p, const network *net)
{
    return j->record + p * j->row_stride * j->record_words * net->outputs + j->column[p];
}

static int32_t *potential_of(const job *j, int64_t p, const network *net)
{
    return j->potential + p * j->row_stride * net->outputs + j->column[p];
}

enum { AWAY, NEAREST, FLOOR, UP };

/* The bits of x from the last to the first. */
static inline uint32_t turn(uint32_t x)
{
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0F0F0F0Fu) | (x & 0x0F0F0F0Fu) << 4;
    x = (x >> 8 & 0x00FF00FFu) | (x & 0x00FF00FFu) << 8;
    return x >> 16 | x << 16;
}

#define JOIN_(a, b, c, d) a##_##b##_##c##_##d
#define JOIN(a, b, c, d) JOIN_(a, b, c, d)

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define X86 1
#endif

/* One instruction set after another: the widths and lane types of each */
#define SET base
#define VECTOR 16
#include "widths.h"
#undef SET
#undef VECTOR

#ifdef X86
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define SET avx2
#define AVX2 1
#define VECTOR 32
#include "widths.h"
#undef SET
#undef AVX2
#undef VECTOR
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl")
#endif
#define SET avx512
#define AVX512 1
#define VECTOR 64
#include "widths.h"
#undef SET
#undef AVX512
#undef VECTOR
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#include "events.h"

typedef struct {
    const char *name;
    int width, bits;
    void (*decide)(const job *);
    void (*run)(const job *, const int32_t *, int64_t, uint8_t *);
    void (*move)(const job *, int64_t, const network *, int64_t, int64_t);
} kernel;

#define KERNEL(set, width, bits) { #set, width, bits, decide_all_##set##_##width##_##bits, \
    run_all_##set##_##width##_##bits, move_##set##_##width##_##bits }
#define KERNELS(set) KERNEL(set, 16, 16), KERNEL(set, 32, 16), KERNEL(set, 64, 16), \
    KERNEL(set, 16, 32), KERNEL(set, 32, 32), KERNEL(set, 64, 32)

static const kernel kernels[] = {
#ifdef X86
    KERNELS(avx512), KERNELS(avx2),
#endif
    KERNELS(base),
    { "events", 1, 32, decide_all_events, run_all_events, move_events },
};

static int supported(const char *set)
{
#ifdef X86
    if (!strcmp(set, "avx512"))
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (!strcmp(set, "avx2"))
        return __builtin_cpu_supports("avx2");
#endif
    return !strcmp(set, "base") || !strcmp(set, "events");
}

/* Which kernel has this instruction set (null: the best that runs here), width and lane type; -1 if none. */
int lanes_kernel(const char *set, int width, int bits)
{
    for (int i = 0; i < (int)(sizeof kernels / sizeof *kernels); i++) {
        const kernel *k = kernels + i;
        if (k->width == width && k->bits == bits && supported(k->name) && (!set || !strcmp(set, k->name)))
            return i;
    }
    return -1;
}

const char *lanes_set(int which) { return kernels[which].name; }

void lanes_decide(int which, const job *j) { kernels[which].decide(j); }

void lanes_run(int which, const job *j, const int32_t *charges, int64_t steps, uint8_t *raster)
{
    kernels[which].run(j, charges, steps, raster);
}

/* Close ranks, so that the lanes in `keep` come first; `left` is how many lanes of each network that are. */
void lanes_repack(int which, const job *j, const uint8_t *keep, int32_t *left)
{
    for (int64_t p = 0; p < j->networks; p++) {
        network net;
        describe(j, p, &net);
        int32_t stay = 0;
        for (int64_t k = 0; k < j->live[p]; k++)
            if (*keep++) {
                if (stay != k)
                    kernels[which].move(j, p, &net, k, stay);
                stay++;
            }
        left[p] = stay;
    }
}

/* All states by one decision, in place: see evoneuro/physics.py. */
typedef void advance(double *state, int64_t numbers, const int32_t *choice, const double *parameters, int64_t count,
                     int64_t lanes, double *observation, int64_t values, double *reward, uint8_t *over);

/* Episodes from their first decision to their last. All arrays lead with lanes, which close ranks as episodes end. */
typedef struct {
    advance *advance;        /* the task's physics */
    int64_t numbers, count, limit;  /* of a state and of parameters; decisions of the longest episode */
    double *state, *parameters, *observation, *reward;
    uint8_t *over;
    int32_t *live;           /* [networks] and */
    int64_t *column;         /* [networks]: as in the job, and kept up to date */
    int64_t *lane;           /* which episode a lane is; what follows is of episodes */
    double *returns;
    int64_t *steps, *decisions;
} episodes;

/* Drop the lanes that are over; how many are left. */
static int64_t drop(const episodes *e, int64_t lanes, int64_t seen)
{
    int64_t left = 0;
    for (int64_t k = 0; k < lanes; k++)
        if (!e->over[k]) {
            memmove(e->state + left * e->numbers, e->state + k * e->numbers, (size_t)e->numbers * sizeof(double));
            memmove(e->observation + left * seen, e->observation + k * seen, (size_t)seen * sizeof(double));
            e->lane[left++] = e->lane[k];
        }
    return left;
}

/* Decide and advance until all episodes are over. 0, or 1 as soon as a number is not finite. */
int lanes_episodes(int which, job *j, const episodes *e, int64_t lanes)
{
    j->live = e->live, j->column = e->column, j->observations = e->observation;
    for (int64_t decision = 1; decision <= e->limit && lanes; decision++) {
        kernels[which].decide(j);
        e->advance(e->state, e->numbers, j->choice, e->parameters, e->count, lanes, e->observation, j->values, e->reward, e->over);
        double sum = 0;
        int ended = 0;
        for (int64_t k = 0; k < lanes; k++) {
            const int64_t episode = e->lane[k];
            sum += e->reward[k];
            e->returns[episode] += e->reward[k];
            e->steps[episode] += j->latency[k];
            e->decisions[episode] = decision;
            ended |= e->over[k] != 0;
        }
        for (int64_t k = 0; k < lanes * j->values; k++)
            sum += e->observation[k];
        if (!isfinite(sum))
            return 1;
        if (!ended)
            continue;
        for (int64_t k = 0; k < lanes; k++)
            e->over[k] = !e->over[k];
        lanes_repack(which, j, e->over, e->live);
        for (int64_t k = 0; k < lanes; k++)
            e->over[k] = !e->over[k];
        lanes = drop(e, lanes, j->values);
        for (int64_t p = 0, at = 0; p < j->networks; at += e->live[p++])
            e->column[p] = at;
    }
    return 0;
}
