/* Asks libinjection, as Debian's libmodsecurity has it, about inputs from standard input.
 *
 * A frame is four bytes of length, least significant first, and so many bytes; the length 0xffffffff has the answers
 * so far written out. An answer is one byte of length and the fingerprint of an SQL injection, empty for none, and one
 * byte that is 1 for cross-site scripting.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int libinjection_sqli(const char *input, size_t length, char fingerprint[]);
int libinjection_xss(const char *input, size_t length);

/* The original reads behind its input in places: it finds NUL there, as behind a C++ string, and then a letter. */
enum { PADDING = 64 };

int main(void) {
    unsigned char header[4];
    while (fread(header, 1, sizeof header, stdin) == sizeof header) {
        uint32_t length = header[0] | header[1] << 8 | header[2] << 16 | (uint32_t)header[3] << 24;
        if (length == 0xffffffff) {
            fflush(stdout);
            continue;
        }
        char *input = malloc(length + 2 * PADDING);
        if (input == NULL || fread(input, 1, length, stdin) != length) {
            return 1;
        }
        memset(input + length, 0, PADDING);
        memset(input + length + PADDING, 'Z', PADDING);
        char fingerprint[8] = {0};
        libinjection_sqli(input, length, fingerprint);
        putchar((int)strlen(fingerprint));
        fputs(fingerprint, stdout);
        putchar(libinjection_xss(input, length) != 0);
        free(input);
    }
    return 0;
}
