/* Asks libmodsecurity which requests from standard input its rules stop.
 *
 * The first block is the rules. A question is a block for method, target, version and body each, then names and values of
 * headers, then an empty block. An answer is a block: "1" or "0" for stopped or not, then a space and the id for each rule that
 * logged.
 */
#include <string>

#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include "blocks.h"

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
    std::string method, target, version, body, name, value;
    while (read_block(&method) && read_block(&target) && read_block(&version) && read_block(&body)) {
        std::string ids;
        modsecurity::Transaction t(&engine, &rules, &ids);
        t.processConnection("192.0.2.7", 4321, "127.0.0.1", 80);
        t.processURI(target.c_str(), method.c_str(), version.c_str());
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
