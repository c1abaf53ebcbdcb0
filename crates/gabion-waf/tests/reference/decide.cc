/* Asks libmodsecurity which requests from standard input its rules stop.
 *
 * The first block is the rules; a block is four bytes of length, least significant first, and so many bytes. A question
 * is a block for method, target and body each, then names and values of headers, then an empty block. An answer is a
 * block: "1" or "0" for stopped or not, then a space and the id for each rule that logged.
 */
#include <cstdint>
#include <cstdio>
#include <string>

#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

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

static void note(void *ids, const void *message) {
    auto rule = static_cast<const modsecurity::RuleMessage *>(message);
    *static_cast<std::string *>(ids) += " " + std::to_string(rule->m_ruleId);
}

static bool stopped(modsecurity::Transaction *transaction) {
    modsecurity::ModSecurityIntervention intervention;
    modsecurity::intervention::clean(&intervention);
    bool stop = transaction->intervention(&intervention);
    modsecurity::intervention::free(&intervention);
    return stop;
}

int main() {
    modsecurity::ModSecurity engine;
    engine.setServerLogCb(note, modsecurity::RuleMessageLogProperty);
    modsecurity::RulesSet rules;
    std::string text;
    if (!read_block(&text) || rules.load(text.c_str()) < 0) {
        fprintf(stderr, "%s\n", rules.getParserError().c_str());
        return 1;
    }
    std::string method, target, body, name, value;
    while (read_block(&method) && read_block(&target) && read_block(&body)) {
        std::string ids;
        modsecurity::Transaction t(&engine, &rules, &ids);
        t.processConnection("192.0.2.7", 4321, "127.0.0.1", 80);
        t.processURI(target.c_str(), method.c_str(), "1.1");
        while (read_block(&name) && !name.empty() && read_block(&value)) {
            t.addRequestHeader(name, value);
        }
        t.processRequestHeaders();
        bool stop = stopped(&t);
        if (!stop) {
            t.appendRequestBody((const unsigned char *)body.data(), body.size());
            t.processRequestBody();
            stop = stopped(&t);
        }
        write_block((stop ? "1" : "0") + ids);
        fflush(stdout);
    }
    return 0;
}
