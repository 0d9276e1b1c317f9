/* An ATmega328P: lines by its UART; the cycles of timer 1 are counted, those of its own interrupt, under 0.1 %, too. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdint.h>

int get(void);
void put(const char *line);
void start(void);
uint32_t spent(void);
void serve(void);

static volatile uint16_t turns;

ISR(TIMER1_OVF_vect)
{
    turns++;
}

int get(void)
{
    while (!(UCSR0A & (1 << RXC0))) {
    }
    return UDR0;
}

void put(const char *line)
{
    while (*line) {
        while (!(UCSR0A & (1 << UDRE0))) {
        }
        UDR0 = (uint8_t)*line++;
    }
}

void start(void)
{
    TCCR1B = 0;
    TCNT1 = 0;
    TIFR1 = 1 << TOV1;
    turns = 0;
    TCCR1B = 1 << CS10;
}

uint32_t spent(void)
{
    TCCR1B = 0;
    return ((uint32_t)turns << 16) + TCNT1;
}

int main(void)
{
    UBRR0 = 0;
    UCSR0A = 1 << U2X0;
    UCSR0B = 1 << RXEN0 | 1 << TXEN0;
    TCCR1A = 0;
    TIMSK1 = 1 << TOIE1;
    sei();
    serve();
    cli();
    sleep_mode();
    for (;;) {
    }
}
