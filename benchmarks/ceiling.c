/* The ceiling that `evoneuro bench` holds the simulator against: the neuron step alone, in C, for this processor only.
 *
 * It knows what a network of the bench needs and nothing else: one network, every lane from a cleared state, 16-bit
 * potentials, delays to 16, leak none or full, the whole window. evoneuro/bench/ceiling.py says what the arguments are.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512BW__)
#include <immintrin.h>
#define BYTES 64
#elif defined(__AVX2__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define W 128 /* lanes of a block */
#define PARTS (W * 2 / BYTES)
#define EACH _Pragma("GCC unroll 16") for (int p = 0; p < PARTS; p++)

typedef int16_t vec __attribute__((vector_size(BYTES), may_alias));
typedef uint16_t bits __attribute__((vector_size(BYTES), may_alias));
typedef struct { int32_t row; int16_t weight; uint16_t bit; } synapse;

static inline vec add_where(vec sum, bits past, uint16_t bit, int16_t weight)
{
#if defined(__AVX512BW__)
    return (vec)_mm512_mask_add_epi16((__m512i)sum, _mm512_test_epi16_mask((__m512i)past, _mm512_set1_epi16((short)bit)),
                                      (__m512i)sum, _mm512_set1_epi16(weight));
#else
    return sum + ((vec)((past & bit) != 0) & weight);
#endif
}

static inline bits popcount(bits x)
{
    x = x - ((x >> 1) & 0x5555);
    x = (x & 0x3333) + ((x >> 2) & 0x3333);
    x = (x + (x >> 4)) & 0x0F0F;
    return (x + (x >> 8)) & 0x00FF;
}

/* Spikes of the last `steps` steps, of all neurons and, by lane, of the outputs. */
static void tally(int neurons, int outputs, const int32_t *output, int steps, int lanes, uint16_t (*past)[W],
                  uint16_t (*counts)[W], int64_t *spikes)
{
    uint16_t mask[W] __attribute__((aligned(64))) = { 0 };
    for (int k = 0; k < lanes; k++)
        mask[k] = (uint16_t)((1u << steps) - 1);
    for (int i = 0; i < neurons; i++) {
        bits sum = { 0 };
        EACH sum += popcount(((bits *)past[i])[p] & ((bits *)mask)[p]);
        for (int k = 0; k < BYTES / 2; k++)
            spikes[i] += sum[k];
    }
    for (int o = 0; o < outputs; o++)
        EACH ((bits *)counts[o])[p] += popcount(((bits *)past[output[o]])[p] & ((bits *)mask)[p]);
}

void ceiling_decide(int32_t neurons, int32_t inputs, int32_t outputs, const int32_t *threshold, const int32_t *keep,
                    const int32_t *incoming, const int32_t *pre, const int32_t *weight, const int32_t *delay,
                    const int32_t *input_neuron, const int32_t *output_neuron, int32_t v_min, int32_t charge,
                    int32_t window, int32_t words, int32_t lanes, const uint32_t *trains, int32_t *choice,
                    int64_t *spikes)
{
    const size_t row = W * 2;
    char *memory = aligned_alloc(64, row * (3 * (size_t)neurons + (size_t)outputs + 2 * (size_t)(words * inputs)));
    int16_t (*v)[W] = (int16_t (*)[W])memory;
    uint16_t (*past)[W] = (uint16_t (*)[W])(memory + row * neurons);
    uint16_t (*next)[W] = past + neurons, (*counts)[W] = next + neurons, (*train)[W] = counts + outputs;
    synapse *synapses = malloc((size_t)(incoming[neurons] + 1) * sizeof *synapses);
    int *channel = malloc((size_t)neurons * sizeof *channel);
    for (int s = 0; s < incoming[neurons]; s++)
        synapses[s] = (synapse){ pre[s], (int16_t)weight[s], (uint16_t)(1u << (delay[s] - 1)) };
    for (int i = 0; i < neurons; i++)
        channel[i] = -1;
    for (int c = 0; c < inputs; c++)
        channel[input_neuron[c]] = c;

    for (int first = 0; first < lanes; first += W) {
        const int here = lanes - first < W ? lanes - first : W;
        memset(memory, 0, row * (3 * (size_t)neurons + (size_t)outputs + 2 * (size_t)(words * inputs)));
        for (int w = 0; w < words * inputs; w++)
            for (int k = 0; k < here; k++) {
                const uint32_t word = trains[(int64_t)w * lanes + first + k];
                train[w / inputs * 2 * inputs + w % inputs][k] = (uint16_t)word;
                train[(w / inputs * 2 + 1) * inputs + w % inputs][k] = (uint16_t)(word >> 16);
            }
        for (int t = 0; t < window; t++) {
            if (t && t % 16 == 0)
                tally(neurons, outputs, output_neuron, 16, here, past, counts, spikes);
            for (int i = 0; i < neurons; i++) {
                vec sum[PARTS];
                EACH sum[p] = (vec){ 0 };
                if (channel[i] >= 0 && t / 32 < words) {
                    const bits *given = (const bits *)train[t / 16 * inputs + channel[i]];
                    EACH sum[p] = add_where(sum[p], given[p], (uint16_t)(1u << t % 16), (int16_t)charge);
                }
                for (const synapse *s = synapses + incoming[i], *end = synapses + incoming[i + 1]; s < end; s++) {
                    const bits *from = (const bits *)past[s->row];
                    EACH sum[p] = add_where(sum[p], from[p], s->bit, s->weight);
                }
                const int16_t level = (int16_t)threshold[i], kept = (int16_t)keep[i];
                EACH {
                    vec x = ((vec *)v[i])[p] & kept;
#if defined(__AVX512BW__)
                    x = (vec)_mm512_add_epi16(_mm512_max_epi16((__m512i)x, _mm512_set1_epi16((short)v_min)), (__m512i)sum[p]);
                    const __mmask32 quiet = _mm512_cmplt_epi16_mask((__m512i)x, _mm512_set1_epi16(level));
                    ((vec *)v[i])[p] = (vec)_mm512_maskz_mov_epi16(quiet, (__m512i)x);
                    const __m512i old = _mm512_slli_epi16(((__m512i *)past[i])[p], 1);
                    ((__m512i *)next[i])[p] = _mm512_mask_add_epi16(old, ~quiet, old, _mm512_set1_epi16(1));
#else
                    const vec low = (vec){ 0 } + (int16_t)v_min, under = x < low;
                    x = ((x & ~under) | (low & under)) + sum[p];
                    const vec fired = x >= level;
                    ((vec *)v[i])[p] = x & ~fired;
                    ((bits *)next[i])[p] = (((bits *)past[i])[p] << 1) - (bits)fired;
#endif
                }
            }
            uint16_t (*swap)[W] = past;
            past = next;
            next = swap;
        }
        tally(neurons, outputs, output_neuron, (window - 1) % 16 + 1, here, past, counts, spikes);
        for (int k = 0; k < here; k++) {
            int best = 0;
            for (int o = 1; o < outputs; o++)
                if (counts[o][k] > counts[best][k])
                    best = o;
            choice[first + k] = best;
        }
    }
    free(channel);
    free(synapses);
    free(memory);
}
