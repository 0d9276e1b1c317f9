/* The neuron step over one block of W lanes side by side: a template, included once per lane type, width and
 * instruction set (see lanes.c).
 *
 *   LANE_BITS  16 where static bounds on the potential allow it, else 32; T and U are the types of a lane
 *   W          lanes of a block, the innermost axis
 *   VECTOR     bytes of a vector register; a row of W lanes is cut into PARTS of BYTES
 *   NAME(x)    x with a suffix of its own
 *
 * Spikes in flight are kept as history: bit (d - 1) of a neuron's word says whether it fired d steps ago, by the
 * lane's own clock; a synapse of delay d tests that bit. A lane that stands still keeps its words, so nothing has to be
 * realigned when the lanes of a block stop at different steps. History is written to the other of two buffers, for a
 * neuron must not see what fires in the same step.
 */

#if LANE_BITS == 16
#define T int16_t
#define SYNAPSE synapse16
#define U uint16_t
#else
#define T int32_t
#define SYNAPSE synapse32
#define U uint32_t
#endif
#if W * LANE_BITS / 8 < VECTOR
#define BYTES (W * LANE_BITS / 8)
#else
#define BYTES VECTOR
#endif
#define NAME(x) JOIN(x, SET, W, LANE_BITS)
#define BITS LANE_BITS
#define PARTS ((int)(W * sizeof(T) / BYTES))
#define EACH_PART _Pragma("GCC unroll 16") for (int part = 0; part < PARTS; part++)

typedef T NAME(vec) __attribute__((vector_size(BYTES), may_alias));
typedef U NAME(bits) __attribute__((vector_size(BYTES), may_alias));
typedef uint16_t NAME(train) __attribute__((vector_size(BYTES / sizeof(T) * 2), may_alias, aligned(2)));
#define VEC NAME(vec)
#define VBITS NAME(bits)

/* What a block remembers: rows of W lanes. */
typedef struct {
    T (*v)[W];       /* [neurons] potential */
    T (*r)[W];       /* [neurons] refractory counter */
    U (*past)[W];    /* [2][words][neurons] history, before and after the step in turn */
} NAME(state);

/* All that one block needs for one decision. */
typedef struct {
    const network *net;
    NAME(state) state;
    int now;                  /* which buffer of the history is the present */
    const uint16_t *trains;   /* [words of 16 steps][channels][stride], the block's first lane at [0][0][0] */
    int64_t word_stride, channel_stride;
    int train_words;
    const int32_t *charges;   /* [steps][channels][stride] at the block's first lane, or null: then there are trains */
    int64_t charge_stride;
    int charge_steps;
    T (*drive)[W];            /* [channels], the charges of a step */
    uint32_t *record;         /* [words of 32 steps][outputs][stride] at the block's first lane, or null */
    int64_t record_stride;
    int stopped;              /* whether the clock of any lane stands */
    T running[W] ALIGNED;     /* -1 in lanes whose clock runs, else 0 */
    T fresh[W] ALIGNED;       /* steps that the tally has not counted yet */
    T choice[W] ALIGNED, latency[W] ALIGNED;
} NAME(block);

static inline int NAME(any)(VEC x)
{
    union { VEC v; uint64_t q[BYTES / 8]; } u = { x };
    uint64_t sum = 0;
    _Pragma("GCC unroll 8") for (int i = 0; i < BYTES / 8; i++) sum |= u.q[i];
    return sum != 0;
}

/* sum, + weight in the lanes whose `past` has `bit`. With masks it is two instructions, which compilers do not find. */
static inline VEC NAME(add_where)(VEC sum, VBITS past, U bit, T weight)
{
#if VECTOR == 64 && BYTES == 64 && LANE_BITS == 16
    return (VEC)_mm512_mask_add_epi16((__m512i)sum, _mm512_test_epi16_mask((__m512i)past, _mm512_set1_epi16((short)bit)),
                                      (__m512i)sum, _mm512_set1_epi16(weight));
#elif VECTOR == 64 && BYTES == 64
    return (VEC)_mm512_mask_add_epi32((__m512i)sum, _mm512_test_epi32_mask((__m512i)past, _mm512_set1_epi32((int)bit)),
                                      (__m512i)sum, _mm512_set1_epi32(weight));
#elif VECTOR == 64
    return (VEC)_mm256_mask_add_epi16((__m256i)sum, _mm256_test_epi16_mask((__m256i)past, _mm256_set1_epi16((short)bit)),
                                      (__m256i)sum, _mm256_set1_epi16(weight));
#else
    return sum + ((VEC)((past & bit) != 0) & weight);
#endif
}

static inline VEC NAME(select)(VEC mask, VEC yes, VEC no) { return (yes & mask) | (no & ~mask); }

static inline VEC NAME(at_least)(VEC x, T low)
{
#if VECTOR == 64 && BYTES == 64 && LANE_BITS == 16
    return (VEC)_mm512_max_epi16((__m512i)x, _mm512_set1_epi16(low));
#elif VECTOR == 64 && BYTES == 64
    return (VEC)_mm512_max_epi32((__m512i)x, _mm512_set1_epi32(low));
#elif VECTOR >= 32 && LANE_BITS == 16
    return (VEC)_mm256_max_epi16((__m256i)x, _mm256_set1_epi16(low));
#elif VECTOR == 32
    return (VEC)_mm256_max_epi32((__m256i)x, _mm256_set1_epi32(low));
#else
    return NAME(select)(x < low, (VEC){ 0 } + low, x);
#endif
}

/* Where an event arrives at neuron i, whatever the weights sum to. */
static inline void NAME(events)(const network *net, const neuron *n, U (*before)[W], const VEC *fed, VEC *event)
{
    EACH_PART event[part] = fed[part] != 0;
    for (const SYNAPSE *s = (const SYNAPSE *)net->synapses + n->first, *end = s + n->last - n->first; s < end; s++) {
        const VBITS *past = (const VBITS *)before[s->row];
        U bit = s->bit;
        EACH_PART event[part] |= (VEC)((past[part] & bit) != 0);
    }
}

/* One step of all neurons.
 *
 * `drive` is what the inputs get, or null: then trains say it. `masked`: some lanes stand. `plain`: the network has
 * neither events, refractory neurons nor reset "subtract", and one word of history. The last two are constants where
 * this is called, so that the loops of a plain network hold nothing else.
 */
static inline __attribute__((always_inline)) void NAME(step)(NAME(block) *b, int t, T (*drive)[W], int masked, int plain)
{
    const network *net = b->net;
    const int rows = net->neurons, words = plain ? 1 : net->words, subtract = !plain && net->subtract;
    U (*before)[W] = b->state.past + b->now * words * rows;
    U (*after)[W] = b->state.past + (1 - b->now) * words * rows;
    const T floor = (T)net->v_min, ceiling = (T)net->v_max;
    const VEC *running = (const VEC *)b->running;
    const SYNAPSE *synapses = net->synapses;
    const int fed = drive || t / 16 < b->train_words;
    const uint16_t *trains = b->trains + t / 16 * b->word_stride;
    for (int i = 0; i < rows; i++) {
        const neuron *n = net->body + i;
        const int needs_event = !plain && n->needs_event;
        const T pause = plain ? 0 : (T)n->pause;
        VEC sum[PARTS];
        EACH_PART sum[part] = (VEC){ 0 };
        if (n->channel >= 0 && fed) {
            if (drive) {
                EACH_PART sum[part] = ((const VEC *)drive[n->channel])[part];
            } else {
                const uint16_t *train = trains + n->channel * b->channel_stride;
                EACH_PART {
                    NAME(train) given = ((const NAME(train) *)train)[part];
                    VBITS wide = __builtin_convertvector(given, VBITS);
                    sum[part] = NAME(add_where)(sum[part], wide, (U)((U)1 << (t & 15)), (T)net->charge);
                }
            }
        }
        VEC event[PARTS] = { { 0 } };
        if (needs_event)
            NAME(events)(net, n, before, sum, event);
        for (const SYNAPSE *s = synapses + n->first, *end = synapses + n->last; s < end; s++) {
            const VBITS *past = (const VBITS *)before[s->row];
            EACH_PART sum[part] = NAME(add_where)(sum[part], past[part], s->bit, s->weight);
        }
        const T level = (T)n->threshold, leaks = (T)n->leaks;
        const int shift = n->shift;
        VEC *v = (VEC *)b->state.v[i], *r = (VEC *)b->state.r[i];
        EACH_PART {
            VEC x = v[part];
            x -= (x >> shift) & leaks;
            x = NAME(at_least)(x, floor);
            if (subtract)
                x = NAME(select)(x > ceiling, (VEC){ 0 } + ceiling, x);
            x += sum[part];
            VEC fired = x >= level;
            if (needs_event)
                fired &= event[part];
            VEC rest = x & ~fired;
            if (subtract)
                rest |= (x - level) & fired;
            if (pause) {
                VEC ready = r[part] == 0;
                fired &= ready;
                rest = NAME(select)(ready, rest, v[part]);
                VEC count = NAME(select)(ready, fired & pause, r[part] - 1);
                r[part] = masked ? NAME(select)(running[part], count, r[part]) : count;
            }
            v[part] = masked ? NAME(select)(running[part], rest, v[part]) : rest;
            VBITS old = ((VBITS *)before[i])[part];
            VBITS young = (old << 1) - (VBITS)fired;
            ((VBITS *)after[i])[part] = masked ? (VBITS)NAME(select)(running[part], (VEC)young, (VEC)old) : young;
        }
        for (int w = 1; w < words; w++) {
            const VBITS *lower = (const VBITS *)before[(w - 1) * rows + i], *here = (const VBITS *)before[w * rows + i];
            EACH_PART {
                VBITS young = (here[part] << 1) | (lower[part] >> (BITS - 1));
                ((VBITS *)after[w * rows + i])[part] =
                    masked ? (VBITS)NAME(select)(running[part], (VEC)young, (VEC)here[part]) : young;
            }
        }
    }
    b->now = 1 - b->now;
}

static inline VBITS NAME(popcount)(VBITS x)
{
    x = x - ((x >> 1) & (U)0x55555555u);
    x = (x & (U)0x33333333u) + ((x >> 2) & (U)0x33333333u);
    x = (x + (x >> 4)) & (U)0x0F0F0F0Fu;
    x = (x + (x >> 8)) & (U)0x00FF00FFu;
    if (LANE_BITS == 32)
        x = (x + (x >> 16 % BITS)) & (U)0xFF;
    return x;
}

/* Write down what the outputs fired in the steps since the last tally, of which `first` was the first. */
static void NAME(record)(const NAME(block) *b, int first, int lanes)
{
    const network *net = b->net;
    U (*past)[W] = b->state.past + b->now * net->words * net->neurons;
    for (int o = 0; o < net->outputs; o++) {
        const U *fired = past[net->output[o]];
        uint32_t *row = b->record + (first / 32 * net->outputs + o) * b->record_stride;
        for (int k = 0; k < lanes; k++) {
            /* bit a of the history is the spike of a steps ago: in turned order, the first step comes first */
            const uint32_t steps = (uint32_t)b->fresh[k], turned = turn(fired[k]) >> ((32 - steps) & 31);
            row[k] |= steps ? turned << (first % 32) : 0;
        }
    }
}

/* Count the spikes of the steps since the last tally; no more than BITS steps may have passed. */
static void NAME(tally)(NAME(block) *b, int64_t *spikes, T (*counts)[W])
{
    const network *net = b->net;
    U (*past)[W] = b->state.past + b->now * net->words * net->neurons;
    VBITS mask[PARTS];
    EACH_PART {
        VBITS steps = ((VBITS *)b->fresh)[part];
        VBITS all = (VBITS)(steps == (U)BITS);
        mask[part] = all | ((((VBITS){ 0 } + (U)1) << (steps & (U)(BITS - 1))) - (U)1);
        ((VBITS *)b->fresh)[part] = (VBITS){ 0 };
    }
    for (int i = 0; i < net->neurons; i++) {
        VBITS sum = { 0 };
        EACH_PART sum += NAME(popcount)(((VBITS *)past[i])[part] & mask[part]);
        int64_t total = 0;
        _Pragma("GCC unroll 32") for (int k = 0; k < BYTES / (int)sizeof(T); k++) total += sum[k];
        spikes[i] += total;
    }
    if (counts)
        for (int o = 0; o < net->outputs; o++)
            EACH_PART ((VBITS *)counts[o])[part] +=
                NAME(popcount)(((VBITS *)past[net->output[o]])[part] & mask[part]);
}

/* The output with most spikes of each lane, ties to the lowest; and which lanes that decides. */
static inline VEC NAME(leaders)(const network *net, T (*counts)[W], int part, VEC *winner)
{
    VEC best = ((VEC *)counts[0])[part], second = { 0 };
    *winner = (VEC){ 0 };
    for (int o = 1; o < net->outputs; o++) {
        VEC count = ((VEC *)counts[o])[part];
        VEC ahead = count > best;
        VEC loser = NAME(select)(ahead, best, count);
        second = NAME(select)(loser > second, loser, second);
        best = NAME(select)(ahead, count, best);
        *winner = NAME(select)(ahead, (VEC){ 0 } + (T)o, *winner);
    }
    VEC decided = { 0 };
    if (net->evidence)
        decided |= best >= (T)net->evidence;
    if (net->lead)
        decided |= best - second >= (T)net->lead;
    return decided;
}

/* Count the output spikes of the step just done, t; lanes whose race is over stop. Whether any lane still runs. */
static int NAME(race)(NAME(block) *b, int t, T (*counts)[W])
{
    const network *net = b->net;
    U (*past)[W] = b->state.past + b->now * net->words * net->neurons;
    VEC *running = (VEC *)b->running;
    VEC fired = { 0 };
    for (int o = 0; o < net->outputs; o++)
        EACH_PART fired |= (VEC)(((VBITS *)past[net->output[o]])[part] & (U)1) & running[part];
    if (!NAME(any)(fired))
        return 1;
    VEC left = { 0 }, stopped = { 0 };
    for (int o = 0; o < net->outputs; o++)
        EACH_PART ((VEC *)counts[o])[part] += (VEC)(((VBITS *)past[net->output[o]])[part] & (U)1) & running[part];
    EACH_PART {
        VEC winner, decided = NAME(leaders)(net, counts, part, &winner) & running[part];
        ((VEC *)b->choice)[part] = NAME(select)(decided, winner, ((VEC *)b->choice)[part]);
        ((VEC *)b->latency)[part] = NAME(select)(decided, (VEC){ 0 } + (T)(t + 1), ((VEC *)b->latency)[part]);
        running[part] &= ~decided;
        stopped |= decided;
        left |= running[part];
    }
    b->stopped |= NAME(any)(stopped);
    return NAME(any)(left);
}

/* Step t on charges. A function of its own, so that the loop on trains is compiled as if there were none. */
static __attribute__((noinline)) void NAME(graded_step)(NAME(block) *b, int t, int lanes)
{
    const int channels = b->net->channels;
    const int32_t *charges = b->charges + (int64_t)t * channels * b->charge_stride;
    for (int c = 0; c < channels; c++, charges += b->charge_stride)
        for (int k = 0; k < lanes; k++)
            b->drive[c][k] = (T)charges[k];
    if (b->net->plain)
        NAME(step)(b, t, b->drive, 1, 1);
    else
        NAME(step)(b, t, b->drive, 1, 0);
}

/* One decision of the first `lanes` lanes of a block. Those behind them are padding: what they do, nobody reads. */
static void NAME(decide)(NAME(block) *b, int lanes, T (*counts)[W], int64_t *spikes)
{
    const network *net = b->net;
    const int racing = net->evidence || net->lead;
    memset(counts, 0, (size_t)net->outputs * sizeof *counts);
    b->stopped = 0;
    int first = 0; /* step since the last tally */
    for (int k = 0; k < W; k++) {
        b->running[k] = (T)-(k < lanes);
        b->fresh[k] = 0;
        b->choice[k] = 0;
        b->latency[k] = (T)net->window;
    }
    for (int t = 0; t < net->window; t++) {
        if (t && t % BITS == 0) {
            if (b->record)
                NAME(record)(b, first, lanes);
            NAME(tally)(b, spikes, racing ? NULL : counts);
            first = t;
        }
        if (t < b->charge_steps)
            NAME(graded_step)(b, t, lanes);
        else if (net->plain && b->stopped)
            NAME(step)(b, t, NULL, 1, 1);
        else if (net->plain)
            NAME(step)(b, t, NULL, 0, 1);
        else
            NAME(step)(b, t, NULL, 1, 0);
        EACH_PART ((VEC *)b->fresh)[part] -= ((VEC *)b->running)[part];
        if (racing && !NAME(race)(b, t, counts))
            break;
    }
    if (b->record)
        NAME(record)(b, first, lanes);
    NAME(tally)(b, spikes, racing ? NULL : counts);
    EACH_PART {
        VEC winner;
        NAME(leaders)(net, counts, part, &winner);
        VEC *choice = (VEC *)b->choice + part;
        *choice = NAME(select)(((VEC *)b->running)[part], winner, *choice);
    }
}

/* Quantise one value of some lanes: the same float operations as `Encoder.quantise`. */
static inline void NAME(quantise)(const job *j, int64_t first, int64_t value, int lanes, int32_t *q)
{
    const double centre = j->centre[value], reach = j->reach[value], half = (double)j->half;
    const double *x = j->observations + first * j->values + value;
    double offset[W];
    for (int k = 0; k < lanes; k++) {
        double o = (x[k * j->values] - centre) / reach * half;
        o = o <= half ? o : half; /* NaN, which nobody should give, too: it must not become a place in the table */
        offset[k] = o < -half ? -half : o;
    }
    switch (j->rounding) {
    case AWAY:
        for (int k = 0; k < lanes; k++)
            q[k] = (int32_t)(offset[k] < 0 ? floor(offset[k]) : ceil(offset[k]));
        break;
    case NEAREST:
        for (int k = 0; k < lanes; k++)
            q[k] = (int32_t)rint(offset[k]);
        break;
    case FLOOR:
        for (int k = 0; k < lanes; k++)
            q[k] = (int32_t)floor(offset[k]);
        break;
    default:
        for (int k = 0; k < lanes; k++)
            q[k] = (int32_t)ceil(offset[k]);
    }
    for (int k = 0; k < lanes; k++)
        q[k] += (int32_t)j->half;
}

/* Observations of some lanes of network p as trains: quantised values, looked up in the table of its gain. */
static void NAME(encode)(const job *j, int64_t p, int64_t first, int lanes)
{
    const int64_t per = j->neurons_per_value, words = j->train_words, channels = j->values * per;
    int32_t q[W];
    for (int64_t value = 0; value < j->values; value++) {
        NAME(quantise)(j, first, value, lanes, q);
        for (int64_t m = 0; m < per; m++)
            for (int64_t w = 0; w < words; w++) {
                const uint16_t *entry = j->table[p] + m * words + w;
                uint16_t *train = j->encoded + (w * channels + value * per + m) * W;
                for (int k = 0; k < lanes; k++)
                    train[k] = entry[q[k] * per * words];
            }
    }
}

/* Where block `index` of network p keeps its state; `memory` holds the blocks of the network one after another. */
static inline void NAME(place)(NAME(block) *b, char *memory, int64_t index)
{
    const network *net = b->net;
    const int64_t row = W * sizeof(T), rows = net->neurons;
    char *start = memory + index * net->block_bytes;
    b->state.v = (T (*)[W])start;
    b->state.past = (U (*)[W])(start + rows * row);
    b->state.r = (T (*)[W])(start + rows * row * (1 + 2 * net->words));
}

/* The potentials of the outputs, (outputs, lanes) with rows `stride` apart. */
static void NAME(potentials)(const NAME(block) *b, int lanes, int32_t *potential, int64_t stride)
{
    for (int o = 0; o < b->net->outputs; o++)
        for (int k = 0; k < lanes; k++)
            potential[o * stride + k] = b->state.v[b->net->output[o]][k];
}

/* One decision of all live lanes of all networks; see `lanes_decide` in lanes.c. */
static void NAME(decide_all)(const job *j)
{
    network net;
    NAME(block) b = { .net = &net };
    T (*counts)[W] = (T (*)[W])j->counts;
    b.drive = (T (*)[W])j->drive;
    for (int64_t p = 0; p < j->networks; p++) {
        describe(j, p, &net);
        int32_t *choice = j->choice + p * j->row_stride + j->column[p];
        int32_t *latency = j->latency + p * j->row_stride + j->column[p];
        for (int64_t first = 0, index = 0; first < j->live[p]; first += W, index++) {
            const int lanes = (int)(j->live[p] - first < W ? j->live[p] - first : W);
            if (j->state) {
                NAME(place)(&b, j->state + j->state_start[p], index);
                b.now = j->now[j->block_start[p] + index];
            } else {
                NAME(place)(&b, j->scratch, 0);
                memset(j->scratch, 0, (size_t)net.block_bytes);
                b.now = 0;
            }
            b.train_words = (int)j->train_words;
            if (j->charges) {
                b.charges = j->charges + j->column[p] + first;
                b.charge_steps = (int)(j->charge_steps < net.window ? j->charge_steps : net.window);
                b.charge_stride = j->charge_stride;
                b.train_words = 0;
                memset(b.drive, 0, (size_t)net.channels * sizeof *b.drive);
            } else if (j->observations) {
                NAME(encode)(j, p, j->column[p] + first, lanes);
                b.trains = j->encoded;
                b.channel_stride = W;
                b.word_stride = W * net.channels;
            } else {
                b.trains = j->trains + j->column[p] + first;
                b.channel_stride = j->channel_stride;
                b.word_stride = j->word_stride;
            }
            if (j->record) {
                b.record = record_of(j, p, &net) + first;
                b.record_stride = j->record_stride;
            }
            NAME(decide)(&b, lanes, counts, j->spikes + j->neuron_start[p]);
            for (int k = 0; k < lanes; k++) {
                choice[first + k] = b.choice[k];
                latency[first + k] = b.latency[k];
            }
            if (j->record)
                NAME(potentials)(&b, lanes, potential_of(j, p, &net) + first, j->record_stride);
            if (j->state)
                j->now[j->block_start[p] + index] = (int8_t)b.now;
        }
    }
}

/* Feed the only network any charges and record everybody; see `lanes_run` in lanes.c. */
static void NAME(run_all)(const job *j, const int32_t *charges, int64_t steps, uint8_t *raster)
{
    network net;
    describe(j, 0, &net);
    NAME(block) b = { .net = &net };
    T (*drive)[W] = (T (*)[W])j->drive;
    const int64_t total = j->live[0];
    for (int64_t first = 0, index = 0; first < total; first += W, index++) {
        const int lanes = (int)(total - first < W ? total - first : W);
        NAME(place)(&b, j->state + j->state_start[0], index);
        b.now = j->now[index];
        memset(drive, 0, (size_t)net.channels * sizeof *drive);
        for (int64_t t = 0; t < steps; t++) {
            for (int c = 0; c < net.channels; c++)
                for (int k = 0; k < lanes; k++)
                    drive[c][k] = (T)charges[(t * total + first + k) * net.channels + c];
            NAME(step)(&b, 0, drive, 0, 0);
            U (*past)[W] = b.state.past + b.now * net.words * net.neurons;
            for (int k = 0; k < lanes; k++)
                for (int i = 0; i < net.neurons; i++) {
                    uint8_t fired = past[i][k] & 1;
                    raster[(t * total + first + k) * net.neurons + i] = fired;
                    j->spikes[i] += fired;
                }
        }
        j->now[index] = (int8_t)b.now;
    }
}

/* Lane `from` of a network takes the place of lane `to`. */
static void NAME(move)(const job *j, int64_t p, const network *net, int64_t from, int64_t to)
{
    NAME(block) a = { .net = net }, b = { .net = net };
    char *memory = j->state + j->state_start[p];
    NAME(place)(&a, memory, from / W);
    NAME(place)(&b, memory, to / W);
    U (*past)[W] = a.state.past + j->now[j->block_start[p] + from / W] * net->words * net->neurons;
    U (*into)[W] = b.state.past + j->now[j->block_start[p] + to / W] * net->words * net->neurons;
    for (int i = 0; i < net->neurons; i++) {
        b.state.v[i][to % W] = a.state.v[i][from % W];
        if (net->pauses)
            b.state.r[i][to % W] = a.state.r[i][from % W];
    }
    for (int i = 0; i < net->neurons * net->words; i++)
        into[i][to % W] = past[i][from % W];
}

#undef BITS
#undef PARTS
#undef EACH_PART
#undef VEC
#undef VBITS
#undef T
#undef SYNAPSE
#undef U
#undef W
#undef BYTES
#undef NAME
