/* A Cortex-M in QEMU: the ticks of SysTick are counted; QEMU says how long an instruction takes. */
#include "semihosting.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xe000e010)
#define SYST_RVR REGISTER(0xe000e014)
#define SYST_CVR REGISTER(0xe000e018)
#define TURN 0xffffffu

extern uint32_t stack_top, bss_start, bss_end;
void reset(void);
void turned(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = { &stack_top, { [0] = reset, [14] = turned } };

static volatile uint32_t turns;

static intptr_t semihost(intptr_t operation, const void *argument)
{
    register intptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void turned(void)
{
    turns++;
}

void start(void)
{
    turns = 0;
    SYST_RVR = TURN;
    SYST_CVR = 0;
    SYST_CSR = 7;
}

uint32_t spent(void)
{
    const uint32_t left = SYST_CVR;
    SYST_CSR = 0;
    return turns * (TURN + 1u) + (TURN - left);
}

void reset(void)
{
    answer(&bss_start, &bss_end);
}
