/* Asks libmodsecurity what it reads in request bodies from standard input.
 *
 * A question is two blocks, the Content-Type and the body. An answer is a number of items, each a letter and two blocks,
 * and a zero byte:
 *   a  name and value of an argument        f  name and file name of a file
 *   h  name and header line of a part       v  name and value of a variable
 *   t  nothing and the text of XML          x  nothing and the value of an attribute
 */
#include <memory>
#include <string>

#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include "blocks.h"

using modsecurity::AnchoredSetVariable;
using modsecurity::AnchoredVariable;

static const char ATTRIBUTE_END = '\x1e';

static const char *RULES =
    "SecRuleEngine On\n"
    "SecRequestBodyAccess On\n"
    "SecArgumentsLimit 1000\n"
    "SecRequestBodyJsonDepthLimit 512\n"
    "SecRule REQUEST_HEADERS:Content-Type \"@contains xml\" "
    "\"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
    "SecRule REQUEST_HEADERS:Content-Type \"@contains json\" "
    "\"id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
    "SecRule XML:/* \"@unconditionalMatch\" "
    "\"id:3,phase:2,pass,nolog,setvar:'tx.text=%{MATCHED_VAR}'\"\n"
    "SecRule XML://@* \"@unconditionalMatch\" "
    "\"id:4,phase:2,pass,nolog,setvar:'tx.attributes=%{tx.attributes}%{MATCHED_VAR}\x1e'\"\n";

static void write_item(char kind, const std::string &name, const std::string &value) {
    putchar(kind);
    write_block(name);
    write_block(value);
}

static void write_set(char kind, const AnchoredSetVariable &set) {
    for (const auto &entry : set) {
        write_item(kind, entry.first, entry.second->getValue());
    }
}

int main() {
    modsecurity::ModSecurity engine;
    engine.setServerLogCb([](void *, const void *) {});
    modsecurity::RulesSet rules;
    if (rules.load(RULES) < 0) {
        fprintf(stderr, "%s\n", rules.getParserError().c_str());
        return 1;
    }
    std::string content_type, body;
    while (read_block(&content_type) && read_block(&body)) {
        modsecurity::Transaction t(&engine, &rules, nullptr);
        t.processConnection("127.0.0.1", 1, "127.0.0.1", 80);
        t.processURI("/", "POST", "1.1");
        t.addRequestHeader(std::string("Content-Type"), content_type);
        t.processRequestHeaders();
        t.appendRequestBody((const unsigned char *)body.data(), body.size());
        t.processRequestBody();

        write_set('a', t.m_variableArgs);
        write_set('f', t.m_variableFiles);
        write_set('h', t.m_variableMultipartPartHeaders);
        const AnchoredVariable *variables[] = {
            &t.m_variableReqbodyError, &t.m_variableUrlEncodedError, &t.m_variableMultipartBoundaryQuoted,
            &t.m_variableMultipartBoundaryWhiteSpace, &t.m_variableMultipartCrlfLFLines,
            &t.m_variableMultipartDataAfter, &t.m_variableMultipartDataBefore,
            &t.m_variableMultipartHeaderFolding, &t.m_variableMultipartInvalidHeaderFolding,
            &t.m_variableMultipartInvalidPart, &t.m_variableMultipartInvalidQuoting,
            &t.m_variableMultipartLFLine, &t.m_variableMultipartMissingSemicolon,
            &t.m_variableMultipartStrictError, &t.m_variableMultipartUnmatchedBoundary,
        };
        for (const AnchoredVariable *variable : variables) {
            write_item('v', variable->m_name, variable->m_value);
        }
        auto text = t.m_collections.m_tx_collection->resolveFirst("text");
        if (text) {
            write_item('t', "", *text);
        }
        auto attributes = t.m_collections.m_tx_collection->resolveFirst("attributes");
        for (size_t at = 0, end; attributes && (end = attributes->find(ATTRIBUTE_END, at)) != std::string::npos;
             at = end + 1) {
            write_item('x', "", attributes->substr(at, end - at));
        }
        putchar(0);
        fflush(stdout);
    }
    return 0;
}
