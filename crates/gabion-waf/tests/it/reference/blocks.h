/* Blocks between the tests and the programs that ask the reference: four bytes of length, least significant first, and so
 * many bytes.
 */
#include <cstdint>
#include <cstdio>
#include <string>

static bool read_block(std::string *block) {
    unsigned char header[4];
    if (fread(header, 1, sizeof header, stdin) != sizeof header) {
        return false;
    }
    uint32_t length = header[0] | header[1] << 8 | header[2] << 16 | (uint32_t)header[3] << 24;
    block->resize(length);
    return fread(&(*block)[0], 1, length, stdin) == length;
}

static void write_block(const std::string &block) {
    for (int shift = 0; shift < 32; shift += 8) {
        putchar((int)(block.size() >> shift & 0xff));
    }
    fwrite(block.data(), 1, block.size(), stdout);
}
