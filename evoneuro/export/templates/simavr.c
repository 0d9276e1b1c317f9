/* Runs the program of an ATmega328P at 16 MHz in simavr; what its UART gets and sends are standard input and output. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>

enum { CLOCK = 16000000, PAUSE = 200 };  /* instructions between characters that come in */
enum { UCSR0B = 0xc1, RXEN0 = 1 << 4 };  /* whether the UART listens */

static FILE *sent;
static int ready = 1;

static void out(struct avr_irq_t *irq, uint32_t value, void *unused)
{
    (void)irq, (void)unused;
    fputc((int)value, sent);
    if (value == '\n')
        fflush(sent);
}

static void set(struct avr_irq_t *irq, uint32_t value, void *state)
{
    (void)irq, (void)value;
    ready = state != NULL;
}

int main(int count, char **names)
{
    elf_firmware_t program = { 0 };
    sent = fdopen(dup(1), "w");
    dup2(2, 1);  /* simavr's own words */
    if (count != 2 || !sent || elf_read_firmware(names[1], &program))
        return 2;
    avr_t *avr = avr_make_mcu_by_name("atmega328p");
    if (!avr || avr_init(avr))
        return 2;
    avr_load_firmware(avr, &program);
    avr->frequency = CLOCK;

    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_t *in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), out, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), set, &ready);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), set, NULL);

    for (long n = 1;; n++) {
        const int state = avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed)
            return state == cpu_Crashed;
        struct pollfd input = { 0, POLLIN, 0 };
        if (n % PAUSE == 0 && ready && avr->data[UCSR0B] & RXEN0 && poll(&input, 1, 0) > 0) {
            unsigned char c;
            if (read(0, &c, 1) != 1)
                return 0;
            avr_raise_irq(in, c);
        }
    }
}
