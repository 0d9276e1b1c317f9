/* This machine: lines on standard input and output; nanoseconds are counted. */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int get(void);
void put(const char *line);
void start(void);
uint32_t spent(void);
void serve(void);

static struct timespec began;

int get(void)
{
    const int c = getchar();
    return c == EOF ? 'q' : c;
}

void put(const char *line)
{
    fputs(line, stdout);
    fflush(stdout);
}

void start(void)
{
    clock_gettime(CLOCK_MONOTONIC, &began);
}

uint32_t spent(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((now.tv_sec - began.tv_sec) * 1000000000 + (now.tv_nsec - began.tv_nsec));
}

int main(void)
{
    serve();
    return 0;
}
