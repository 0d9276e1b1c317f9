/* The neuron step driven by events, one lane at a time: for so few lanes that vectors would be mostly empty.
 *
 * Only neurons to which something arrives are visited. A ring of steps holds what arrives when, already added up; the
 * potential, counter and history of a neuron that nobody visited are brought up to date when somebody does. For reset
 * "zero" (what is left over after "subtract" may fire by itself) and delays to 32. Synapses are those that leave a
 * neuron, and `words` is the length of the ring, a power of two above every delay.
 */

#define NOTHING INT32_MIN /* no event; sums of charges are above it */

typedef struct {
    int32_t post, weight, delay;
} outgoing;

typedef struct {
    const network *net;
    int32_t *v, *r;       /* [neurons] as in a block */
    uint32_t *past;
    int32_t *seen;        /* [neurons] step before which v, r and past are brought up to date */
    int32_t *which;       /* [neurons] output that a neuron is, or -1 */
    int32_t *counts;      /* [outputs] */
    int32_t *length;      /* [ring] neurons on the list of a step */
    int32_t *arriving;    /* [ring][neurons] */
    int32_t *list;        /* [ring][neurons + 1] */
    int64_t *spikes;
    uint8_t *raster;      /* [neurons] of this step, or null */
    uint32_t *record;     /* [words of 32 steps][outputs][stride] of this lane, or null */
    int64_t record_stride;
} lane;

static inline void push(lane *l, int step, int32_t post, int32_t charge)
{
    const int slot = step & (l->net->words - 1), n = l->net->neurons;
    int32_t *sum = l->arriving + slot * n + post;
    const int first = *sum == NOTHING;
    *sum = (first ? 0 : *sum) + charge;
    l->list[slot * (n + 1) + l->length[slot]] = post; /* one more than neurons: written also where it is no first */
    l->length[slot] += first;
}

static inline uint32_t aged(uint32_t past, int steps) { return steps < 32 ? past << steps : 0; }

/* Live through the steps before t in which nothing arrived at neuron i. */
static inline void settle(lane *l, int32_t i, int t)
{
    const neuron *n = l->net->body + i;
    int idle = t - l->seen[i];
    l->seen[i] = t;
    l->past[i] = aged(l->past[i], idle);
    const int waiting = idle < l->r[i] ? idle : l->r[i];
    l->r[i] -= waiting;
    for (idle -= waiting; idle > 0; idle--) {
        int32_t x = l->v[i] - ((l->v[i] >> n->shift) & n->leaks);
        x = x < l->net->v_min ? l->net->v_min : x;
        if (x == l->v[i])
            break; /* at rest */
        l->v[i] = x;
    }
}

/* One step; whether an output fired. */
static inline int event_step(lane *l, int t)
{
    const network *net = l->net;
    const outgoing *synapses = net->synapses;
    const int slot = t & (net->words - 1);
    int32_t *arriving = l->arriving + slot * net->neurons;
    const int32_t *list = l->list + slot * (net->neurons + 1);
    const int count = l->length[slot];
    int seen = 0;
    l->length[slot] = 0;
    for (int e = 0; e < count; e++) {
        const int32_t i = list[e], charge = arriving[i];
        const neuron *n = net->body + i;
        arriving[i] = NOTHING;
        if (l->seen[i] < t)
            settle(l, i, t);
        l->seen[i] = t + 1;
        l->past[i] <<= 1;
        if (l->r[i] > 0) {
            l->r[i]--;
            continue;
        }
        int32_t x = l->v[i] - ((l->v[i] >> n->shift) & n->leaks);
        x = (x < net->v_min ? net->v_min : x) + charge;
        l->v[i] = x;
        if (x < n->threshold)
            continue;
        l->v[i] = 0;
        l->r[i] = n->pause;
        l->past[i] |= 1;
        l->spikes[i]++;
        if (l->raster)
            l->raster[i] = 1;
        if (l->which[i] >= 0) {
            l->counts[l->which[i]]++;
            if (l->record)
                l->record[(t / 32 * net->outputs + l->which[i]) * l->record_stride] |= (uint32_t)1 << (t % 32);
            seen = 1;
        }
        for (const outgoing *s = synapses + n->first, *end = synapses + n->last; s < end; s++)
            push(l, t + s->delay, s->post, s->weight);
    }
    return seen;
}

/* The spikes in flight are in the history: put those that are still to arrive on the lists. */
static void depart(lane *l)
{
    const outgoing *synapses = l->net->synapses;
    for (int32_t i = 0; i < l->net->neurons; i++) {
        l->seen[i] = 0;
        if (l->past[i])
            for (const outgoing *s = synapses + l->net->body[i].first, *end = synapses + l->net->body[i].last; s < end; s++)
                for (int age = 1; age <= s->delay; age++)
                    if (l->past[i] >> (age - 1) & 1)
                        push(l, s->delay - age, s->post, s->weight);
    }
}

/* Bring all neurons up to date after `steps` steps, and empty the lists: the history keeps what is in flight. */
static void arrive(lane *l, int steps)
{
    const int n = l->net->neurons;
    for (int32_t i = 0; i < n; i++)
        settle(l, i, steps);
    for (int slot = 0; slot < l->net->words; slot++) {
        for (int e = 0; e < l->length[slot]; e++)
            l->arriving[slot * n + l->list[slot * (n + 1) + e]] = NOTHING;
        l->length[slot] = 0;
    }
}

/* The output with most spikes; whether that decides. */
static int leader(const lane *l, int32_t *winner)
{
    int32_t best = l->counts[0], second = 0;
    *winner = 0;
    for (int o = 1; o < l->net->outputs; o++) {
        const int32_t count = l->counts[o];
        if (count > best) {
            second = best;
            best = count;
            *winner = o;
        } else if (count > second) {
            second = count;
        }
    }
    return (l->net->evidence && best >= l->net->evidence) || (l->net->lead && best - second >= l->net->lead);
}

/* Lay out the scratch memory for a network. */
static void prepare(lane *l, const job *j, int64_t p, network *net)
{
    describe(j, p, net);
    const int n = net->neurons, ring = net->words;
    int32_t *memory = (int32_t *)j->scratch;
    *l = (lane){ .net = net, .spikes = j->spikes + j->neuron_start[p] };
    l->seen = memory;
    l->which = memory + n;
    l->length = memory + 2 * n;
    l->list = memory + 2 * n + ring;
    l->arriving = l->list + ring * (n + 1);
    l->counts = (int32_t *)j->counts;
    for (int i = 0; i < n; i++)
        l->which[i] = -1;
    for (int o = 0; o < net->outputs; o++)
        l->which[net->output[o]] = o;
    for (int i = 0; i < ring * n; i++)
        l->arriving[i] = NOTHING;
    memset(l->length, 0, (size_t)ring * sizeof *l->length);
}

/* State of lane `index`, or cleared memory if there is none. */
static void take_place(lane *l, const job *j, int64_t p, int64_t index)
{
    char *memory = j->state ? j->state + j->state_start[p] + index * l->net->block_bytes
                            : (char *)(l->arriving + l->net->words * l->net->neurons);
    if (!j->state)
        memset(memory, 0, (size_t)l->net->block_bytes);
    l->v = (int32_t *)memory;
    l->r = l->v + l->net->neurons;
    l->past = (uint32_t *)(l->r + l->net->neurons);
}

/* What the inputs get in step t of the lane at `column`. */
static inline void push_charges(lane *l, const job *j, int t, int64_t column)
{
    if (t >= j->charge_steps)
        return;
    const int32_t *charges = j->charges + (int64_t)t * l->net->channels * j->charge_stride + column;
    for (int32_t i = 0; i < l->net->channels; i++, charges += j->charge_stride)
        if (*charges)
            push(l, t, l->net->input[i], *charges);
}

static void decide_all_events(const job *j)
{
    network net;
    lane l;
    for (int64_t p = 0; p < j->networks; p++) {
        prepare(&l, j, p, &net);
        for (int64_t k = 0; k < j->live[p]; k++) {
            const int64_t column = j->column[p] + k;
            const uint16_t *trains = j->trains + column;
            int64_t channel_stride = j->channel_stride, word_stride = j->word_stride;
            if (j->observations) {
                encode_base_16_16(j, p, column, 1);
                trains = j->encoded;
                channel_stride = 16;
                word_stride = 16 * net.channels;
            }
            take_place(&l, j, p, k);
            depart(&l);
            if (j->record) {
                l.record = record_of(j, p, &net) + k;
                l.record_stride = j->record_stride;
            }
            memset(l.counts, 0, (size_t)net.outputs * sizeof *l.counts);
            int t = 0, decided = 0;
            int32_t winner;
            while (t < net.window && !decided) {
                if (j->charges)
                    push_charges(&l, j, t, column);
                else if (t / 16 < j->train_words && net.charge)
                    for (int32_t i = 0; i < net.channels; i++)
                        if (trains[t / 16 * word_stride + i * channel_stride] >> (t & 15) & 1)
                            push(&l, t, net.input[i], net.charge);
                decided = event_step(&l, t) && leader(&l, &winner);
                t++;
            }
            leader(&l, &winner);
            j->choice[p * j->row_stride + column] = winner;
            j->latency[p * j->row_stride + column] = t;
            arrive(&l, t);
            if (j->record)
                for (int32_t o = 0; o < net.outputs; o++)
                    potential_of(j, p, &net)[o * j->record_stride + k] = l.v[net.output[o]];
        }
    }
}

static void run_all_events(const job *j, const int32_t *charges, int64_t steps, uint8_t *raster)
{
    network net;
    lane l;
    prepare(&l, j, 0, &net);
    for (int64_t k = 0; k < j->live[0]; k++) {
        take_place(&l, j, 0, k);
        depart(&l);
        for (int64_t t = 0; t < steps; t++) {
            const int64_t row = t * j->live[0] + k;
            for (int32_t i = 0; i < net.channels; i++)
                if (charges[row * net.channels + i])
                    push(&l, (int)t, net.input[i], charges[row * net.channels + i]);
            l.raster = raster + row * net.neurons;
            event_step(&l, (int)t);
        }
        arrive(&l, (int)steps);
    }
}

static void move_events(const job *j, int64_t p, const network *net, int64_t from, int64_t to)
{
    char *memory = j->state + j->state_start[p];
    memcpy(memory + to * net->block_bytes, memory + from * net->block_bytes, (size_t)net->block_bytes);
}
