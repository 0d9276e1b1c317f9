/* What the sketch uses of Arduino, on this machine: Serial is standard input and output. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct Port {
  int waiting = -1;
  void begin(unsigned long) {}
  bool available() {
    if (waiting < 0 && (waiting = getchar()) < 0)
      exit(0);
    return true;
  }
  int read() {
    const int c = waiting;
    waiting = -1;
    return c;
  }
  void print(char c) { putchar(c); }
  void print(int x) { printf("%d", x); }
  void print(unsigned long x) { printf("%lu", x); }
  void println() {
    printf("\r\n");
    fflush(stdout);
  }
};

static Port Serial;
void setup();
void loop();

int main() {
  setup();
  for (;;)
    loop();
}
