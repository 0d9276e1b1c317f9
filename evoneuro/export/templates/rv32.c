/* An RV32 on QEMU's board "virt": retired instructions are counted. */
#include "semihosting.h"

extern uint32_t bss_start, bss_end;
void run(void);

static uint32_t began;

static intptr_t semihost(intptr_t operation, const void *argument)
{
    register intptr_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".balign 16\n\t"
                     ".option push\n\t"
                     ".option norvc\n\t"
                     "slli x0, x0, 0x1f\n\t"
                     "ebreak\n\t"
                     "srai x0, x0, 7\n\t"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

static uint32_t retired(void)
{
    uint32_t count;
    __asm__ volatile(".option push\n\t"
                     ".option arch, +zicsr\n\t"
                     "csrr %0, minstret\n\t"
                     ".option pop"
                     : "=r"(count));
    return count;
}

void start(void)
{
    began = retired();
}

uint32_t spent(void)
{
    return retired() - began;
}

void run(void)
{
    answer(&bss_start, &bss_end);
}

__attribute__((naked, section(".start"))) void reset(void);
void reset(void)
{
    __asm__("la sp, stack_top\n\tj run");
}
