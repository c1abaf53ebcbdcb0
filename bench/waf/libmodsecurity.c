/* Runs the cases through libmodsecurity and prints what a transaction costs: `name<TAB>microseconds<TAB>stopped`.
   Usage: libmodsecurity RULES SECONDS CASE... The first line is `load<TAB>milliseconds<TAB>kibibytes resident`. */

#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <modsecurity/intervention.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct request {
    char *method, *target;
    char *names[64], *values[64];
    size_t headers;
    unsigned char *body;
    size_t length;
};

static double cpu(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static long resident(void) {
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmRSS: %ld", &kib);
    if (status) fclose(status);
    return kib;
}

static int read_request(const char *path, struct request *request) {
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc(size + 1);
    if (!text || fread(text, 1, size, file) != (size_t)size) return 0;
    fclose(file);
    text[size] = 0;
    char *line = text, *end = strchr(line, '\n');
    *end = 0;
    request->method = line;
    request->target = strchr(line, ' ') + 1;
    request->target[-1] = 0;
    request->headers = 0;
    for (line = end + 1; *line != '\n'; line = end + 1) {
        end = strchr(line, '\n');
        *end = 0;
        char *value = strstr(line, ": ");
        *value = 0;
        request->names[request->headers] = line;
        request->values[request->headers++] = value + 2;
    }
    request->body = (unsigned char *)line + 1;
    request->length = text + size - (line + 1);
    return 1;
}

static int stopped(Transaction *transaction) {
    ModSecurityIntervention intervention = {200, 0, NULL, NULL, 0};
    int stop = msc_intervention(transaction, &intervention);
    free(intervention.url);
    free(intervention.log);
    return stop;
}

/* One transaction, as a proxy runs it: it ends where rules stop it. */
static int run(ModSecurity *engine, RulesSet *rules, const struct request *request) {
    Transaction *transaction = msc_new_transaction(engine, rules, NULL);
    msc_process_connection(transaction, "192.0.2.7", 40000, "127.0.0.1", 80);
    msc_process_uri(transaction, request->target, request->method, "1.1");
    for (size_t at = 0; at < request->headers; at++)
        msc_add_request_header(transaction, (const unsigned char *)request->names[at],
                               (const unsigned char *)request->values[at]);
    msc_process_request_headers(transaction);
    int stop = stopped(transaction);
    if (!stop) {
        if (request->length) msc_append_request_body(transaction, request->body, request->length);
        msc_process_request_body(transaction);
        stop = stopped(transaction);
    }
    if (!stop) {
        msc_add_response_header(transaction, (const unsigned char *)"Content-Type",
                                (const unsigned char *)"application/json");
        msc_process_response_headers(transaction, 200, "HTTP/1.1");
        stop = stopped(transaction);
    }
    if (!stop) {
        msc_process_response_body(transaction);
        stop = stopped(transaction);
    }
    msc_process_logging(transaction);
    msc_transaction_cleanup(transaction);
    return stop;
}

static void silent(void *data, const void *message) {
    (void)data;
    (void)message;
}

int main(int count, char **words) {
    if (count < 4) return 64;
    double seconds = atof(words[2]), start = cpu();
    long before = resident();
    ModSecurity *engine = msc_init();
    msc_set_log_cb(engine, (ModSecLogCb)silent);
    RulesSet *rules = msc_create_rules_set();
    const char *error = NULL;
    if (msc_rules_add_file(rules, words[1], &error) < 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    printf("load\t%.0f\t%ld\n", (cpu() - start) * 1e3, resident() - before);
    for (int at = 3; at < count; at++) {
        struct request request;
        if (!read_request(words[at], &request)) return 1;
        int stop = run(engine, rules, &request);
        double best = 1e9;
        for (double end = cpu() + seconds; cpu() < end;) {
            int rounds = 0;
            double begin = cpu(), now = begin;
            for (; now - begin < 0.01; rounds++) {
                run(engine, rules, &request);
                now = cpu();
            }
            if ((now - begin) / rounds < best) best = (now - begin) / rounds;
        }
        printf("%s\t%.2f\t%d\n", words[at], best * 1e6, stop);
        fflush(stdout);
    }
    return 0;
}
