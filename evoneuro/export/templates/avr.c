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
    cli();
    const uint16_t now = TCNT1;
    const uint16_t late = TIFR1 & (1 << TOV1) && now < 0x8000;  /* a turn whose interrupt is yet to come */
    const uint32_t counted = ((uint32_t)(turns + late) << 16) + now;
    TCCR1B = 0;
    sei();
    return counted;
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
