/* SPDX-License-Identifier: MIT */
/*
 * A whole request's way: raw bytes into the real HTTP side, handlers and relay; only Convex and the
 * clock are made up, and there is no outbox. The input is what a client sends; the bytes FE FF
 * stand for a pause, in which the server gets its turn. Then the client ends its side.
 *
 *   - What comes back is HTTP: whole answers, one after the other, and then the end, before the
 *     clock has passed the last deadline.
 *   - There are no more events than secrets in the input, nor than answers that an event can have:
 *     nothing hides in the body of another request, and no secret counts twice. A parcel has as
 *     many events as the answer says, and no more than the input has objects.
 *   - An event's args are bytes of the input, unchanged (where no chunks cut them up), and go to
 *     Convex as the one argument of a mutation with a route.
 *   - After an answer about bad framing, or with Connection: close, nothing comes and no further
 *     event is taken.
 *   - Nothing is left behind: no request counted as busy, no event, no descriptor.
 */
#include "fuzz.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "auth/keyring.h"
#include "base/allocator.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "handlers/endpoints.h"
#include "handlers/guard.h"
#include "handlers/service.h"
#include "handlers/sync_batch.h"
#include "relay/relay.h"
#include "server/http.h"
#include "server/listener.h"

enum {
    TURNS_MAX = 400, /* in which an answer has to come */
    QUIET_TURNS = 3, /* after which there is none to wait for */
    CLIENT_BYTES_MAX = 64 << 10,
    BODY_BYTES_MAX = 4096,
    REQUEST_TIMEOUT_MS = 1000,
    LATER_MS = 600 * 1000, /* past every deadline */
};

static struct {
    struct clock clock;
    int64_t now_ms;
    struct loop *loop;
    struct loop_hook hook;
    struct transport transport;
    TAILQ_HEAD(, fuzz_call) calls;
    struct relay *relay;
    struct service service;
    struct http *http;
    struct sockaddr_un address;
    socklen_t address_len;

    /* of the input at hand */
    struct buf sent; /* without the pauses */
    bool chunked;
    bool asks_head; /* so that answers may lack their bodies */
    int events;
    struct buf answers;
} world;

/* ---- Convex ---- */

struct fuzz_call {
    struct call *call;
    struct loop_timer timer;
    TAILQ_ENTRY(fuzz_call) link;
};

/* Rejects where n of the args' bytes says so, else takes. */
static void answer_call(void *ctx)
{
    struct fuzz_call *made = ctx;
    struct call *call = made->call;
    bool rejects = call->body[1].len % 4 == 3;
    const struct answer answer = {
        .kind = call->body[1].len % 16 == 4 ? ANSWER_NOT_SENT : ANSWER_HTTP,
        .status = 200,
        .body = rejects ? SPAN("{\"status\":\"error\",\"errorMessage\":\"Uncaught Error: no\"}")
                        : SPAN("{\"status\":\"success\",\"value\":null}"),
        .retry_after_ms = -1,
        .why = "refused",
    };

    TAILQ_REMOVE(&world.calls, made, link);
    free(made);
    call->done(call, &answer);
}

static void check_call(const struct call *call)
{
    struct buf body = BUF_NULL;
    struct span key, argument;

    for (size_t i = 0; i < array_len(call->body); i++)
        fuzz_check(buf_append_span(&body, call->body[i]) == 0);
    struct span text = buf_span(&body);
    fuzz_check(json_check(text) == JSON_FINE);
    struct span path = json_find(text, SPAN("path"));
    fuzz_check(span_eq(path, SPAN("\"users:sync\"")) || span_eq(path, SPAN("\"posts:sync\"")) ||
               span_eq(path, SPAN("\"posts:remove\"")));
    struct span args = json_find(text, SPAN("args"));
    fuzz_check(args.at && *args.at == '[');
    struct json_walk walk = json_walk(args);
    fuzz_check(json_next(&walk, &key, &argument) && *argument.at == '{');
    fuzz_check(span_eq(argument, call->body[1]));
    fuzz_check(!json_next(&walk, &key, &argument));
    if (!world.chunked && span_eq(path, SPAN("\"users:sync\"")) && argument.len > 2)
        fuzz_check(memmem(world.sent.at, world.sent.len, argument.at, argument.len));
    buf_done(&body);
}

static int start_call(struct transport *transport, struct call *call)
{
    struct fuzz_call *made = calloc(1, sizeof(*made));

    (void)transport;
    fuzz_check(made);
    world.events++;
    check_call(call);
    made->call = call;
    made->timer = (struct loop_timer){.fn = answer_call, .ctx = made};
    call->handle = made;
    TAILQ_INSERT_TAIL(&world.calls, made, link);
    loop_timer_set(world.loop, &made->timer, world.now_ms);
    return 0;
}

static void cancel_call(struct transport *transport, struct call *call)
{
    struct fuzz_call *made = call->handle;

    (void)transport;
    loop_timer_clear(world.loop, &made->timer);
    TAILQ_REMOVE(&world.calls, made, link);
    free(made);
}

static const struct transport_ops transport_ops = {.start = start_call, .cancel = cancel_call};

/* ---- The server ---- */

static int64_t mono_ms(struct clock *clock)
{
    (void)clock;
    return world.now_ms;
}

static uint64_t roll(struct dice *dice, uint64_t sides)
{
    (void)dice, (void)sides;
    return 0;
}

static struct dice dice = {.roll = roll};

static int no_wait(void *ctx)
{
    (void)ctx;
    return 0;
}

/* In the abstract namespace, under a name that the kernel chooses. */
static int listen_somewhere(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    world.address.sun_family = AF_UNIX;
    fuzz_check(fd >= 0);
    fuzz_check(bind(fd, (struct sockaddr *)&world.address, sizeof(sa_family_t)) == 0);
    world.address_len = sizeof(world.address);
    fuzz_check(getsockname(fd, (struct sockaddr *)&world.address, &world.address_len) == 0);
    fuzz_check(listen(fd, 8) == 0);
    return fd;
}

static void load_routes(void)
{
    static const char text[] =
        "{\"users\":{\"mutation\":\"users:sync\"},\"posts\":{\"mutation\":\"posts:sync\","
        "\"remove\":\"posts:remove\",\"nulls\":\"drop\",\"concurrency\":1}}";
    char path[64];
    struct buf why = BUF_NULL;

    (void)snprintf(path, sizeof(path), "%s/convex-relay-fuzz-XXXXXX", fuzz_scratch());
    int fd = mkstemp(path);
    fuzz_check(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
    fuzz_check(close(fd) == 0);
    fuzz_check(routes_load(path, &world.service.routes, &why) == 0);
    (void)unlink(path);
}

static void stop(void)
{
    relay_abandon(world.relay);
    sync_batches_free(world.service.batches);
    http_free(world.http);
    relay_free(world.relay);
    observe_done(&world.service.observed);
    routes_unref(world.service.routes);
    keyring_free(world.service.keyring);
    loop_free(world.loop);
    buf_done(&world.answers);
    buf_done(&world.sent);
}

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    fuzz_check(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static void turn(void)
{
    fuzz_check(loop_turn(world.loop) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct relay_options options = {.concurrency = 4,
                                          .sync_wait_ms = 10000,
                                          .max_age_ms = 1000000,
                                          .dice = &dice,
                                          .allocator = &allocator_system};

    (void)argc, (void)argv;
    fuzz_log_nothing();
    world.clock = (struct clock){mono_ms, mono_ms};
    world.now_ms = 1000;
    world.transport.ops = &transport_ops;
    TAILQ_INIT(&world.calls);
    fuzz_check(loop_new(&world.clock, &world.loop) == 0);
    world.hook = (struct loop_hook){.before_wait = no_wait};
    loop_hook_add(world.loop, &world.hook);
    fuzz_check(keyring_new("secret", "before", &world.service.keyring) == 0);
    load_routes();
    request_ids_init(&world.service.ids, &dice);
    observe_init(&world.service.observed, world.loop);
    fuzz_check(sync_batches_new(&world.service, world.loop, &world.service.batches) == 0);
    fuzz_check(relay_new(world.loop, &world.transport, NULL, &options, &world.relay) == 0);
    fuzz_check(relay_set_routes(world.relay, world.service.routes) == 0);
    world.service.clock = &world.clock;
    world.service.inbox = relay_inbox(world.relay);
    struct listeners listeners = {.fds = {listen_somewhere()}, .len = 1};
    const struct http_options http = {.listeners = &listeners,
                                      .endpoints = &endpoints_sender,
                                      .max_body_bytes = BODY_BYTES_MAX,
                                      .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                      .connections_max = 16};
    fuzz_check(http_new(world.loop, &world.service, &http, &world.http) == 0);
    turn();
    (void)atexit(stop);
    return 0;
}

/* ---- The client ---- */

/* Takes what has come. True: the server has ended the connection. */
static bool receive(int fd, bool *progress)
{
    char bytes[4096];

    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return true;
        if (n < 0) {
            fuzz_check(errno == EAGAIN);
            return false;
        }
        *progress = true;
        fuzz_check(buf_append(&world.answers, bytes, (size_t)n) == 0);
    }
}

/* Gives the server turns until nothing comes of them. */
static bool exchange(int fd)
{
    for (int turns = 0, quiet = 0; quiet < QUIET_TURNS; turns++) {
        bool progress = false;
        fuzz_check(turns < TURNS_MAX);
        turn();
        if (receive(fd, &progress))
            return true;
        quiet = progress || !TAILQ_EMPTY(&world.calls) ? 0 : quiet + 1;
    }
    return false;
}

static bool send_some(int fd, struct span bytes)
{
    if (bytes.len > 0 && send(fd, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        fuzz_check(errno == EPIPE || errno == ECONNRESET);
    return exchange(fd);
}

/* The input up to the next pause, and past it. */
static struct span next_piece(struct span *input)
{
    const char *pause = memmem(input->at, input->len, "\xFE\xFF", 2);
    struct span piece = {input->at, pause ? (size_t)(pause - input->at) : input->len};
    size_t past = piece.len + (pause ? 2 : 0);

    *input = (struct span){input->at + past, input->len - past};
    return piece;
}

static void converse(struct span input)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ended = false;

    fuzz_check(fd >= 0);
    fuzz_check(connect(fd, (struct sockaddr *)&world.address, world.address_len) == 0);
    while (!ended && input.len > 0)
        ended = send_some(fd, next_piece(&input));
    if (!ended) {
        (void)shutdown(fd, SHUT_WR);
        ended = exchange(fd);
    }
    if (!ended) {
        world.now_ms += LATER_MS;
        ended = exchange(fd);
    }
    fuzz_check(ended);
    (void)close(fd);
    for (int turns = 0; turns < QUIET_TURNS; turns++)
        turn();
}

/* ---- What must hold of the answers ---- */

struct reply_seen {
    int status;
    bool closes;
    struct span head, body;
};

/* The value of a header in a head; SPAN_NULL: there is none. */
static struct span header_of(struct span head, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = head.at;
         (at = memmem(at, (size_t)(head.at + head.len - at), "\r\n", 2));) {
        at += 2;
        const char *end = memmem(at, (size_t)(head.at + head.len - at), "\r\n", 2);
        if (end && (size_t)(end - at) > len && strncasecmp(at, name, len) == 0 && at[len] == ':')
            return span_trim((struct span){at + len + 1, (size_t)(end - at) - len - 1});
    }
    return SPAN_NULL;
}

/* Takes the first whole answer off the bytes. */
static struct reply_seen next_reply(struct span *bytes)
{
    const char *end = memmem(bytes->at, bytes->len, "\r\n\r\n", 4);
    struct reply_seen reply;

    fuzz_check(end);
    struct span head = {bytes->at, (size_t)(end - bytes->at) + 4};
    fuzz_check(span_starts(head, SPAN("HTTP/1.")));
    fuzz_check(head.len > 13 && head.at[8] == ' ');
    reply.head = head;
    reply.status = 0;
    for (int i = 9; i < 12; i++) { /* the head does not end with a NUL, which atoi() looks for */
        fuzz_check(isdigit((unsigned char)head.at[i]));
        reply.status = reply.status * 10 + head.at[i] - '0';
    }
    fuzz_check(reply.status >= 100 && reply.status <= 599);
    struct span length = header_of(head, "Content-Length");
    struct span connection = header_of(head, "Connection");
    size_t body_len = length.at ? strtoul(length.at, NULL, 10) : 0; /* a line end follows */
    struct span rest = {end + 4, bytes->len - head.len};
    if (world.asks_head && (rest.len == 0 || span_starts(rest, SPAN("HTTP/1."))))
        body_len = 0;
    reply.closes = connection.len == 5 && strncasecmp(connection.at, "close", 5) == 0;
    fuzz_check(length.at || reply.status == 100);
    fuzz_check(body_len <= rest.len);
    reply.body = (struct span){rest.at, body_len};
    *bytes = (struct span){rest.at + body_len, rest.len - body_len};
    return reply;
}

/* Our own 400 about a body that is not an event; any other is about the framing. */
static bool is_about_the_body(const struct reply_seen *reply)
{
    return span_starts(reply->body, SPAN("{\"error\":\"The body ")) ||
           span_starts(reply->body, SPAN("{\"error\":\"The number ")) ||
           span_starts(reply->body, SPAN("{\"error\":\"records"));
}

/* How many events an answer may be about. */
static int events_of(const struct reply_seen *reply)
{
    const char *total = memmem(reply->body.at, reply->body.len, "\"total\":", 8);

    if (reply->status == 200 && total)
        return (int)strtoul(total + 8, NULL, 10); /* a comma follows */
    return reply->status == 200 || reply->status == 500;
}

/*
 * libmicrohttpd 0.9.75 writes the head of its own error answers twice, the second time in the place
 * of the body, perhaps with a Date one second later; the connection closes then, too.
 */
static bool repeats_head(const struct reply_seen *reply, struct span rest)
{
    struct span behind = {reply->body.at, reply->body.len + rest.len};
    struct span status_line = {reply->head.at, sizeof("HTTP/1.1 400") - 1};

    if (!span_starts(behind, status_line) || behind.len < reply->head.len)
        return false;
    behind = (struct span){behind.at + reply->head.len, behind.len - reply->head.len};
    return !memmem(behind.at, behind.len, "HTTP/1.", 7);
}

static void check_answers(void)
{
    struct span bytes = buf_span(&world.answers);
    int events = 0;

    while (bytes.len > 0) {
        struct reply_seen reply = next_reply(&bytes);
        events += events_of(&reply);
        if (reply.status == 413 || reply.status == 431 || reply.status == 501 ||
            (reply.status == 400 && !is_about_the_body(&reply)))
            fuzz_check(reply.closes);
        if (reply.closes && !repeats_head(&reply, bytes))
            fuzz_check(bytes.len == 0);
        if (reply.closes)
            break;
    }
    fuzz_check(world.events <= events);
}

/* How often a word stands there, in any case. */
static int count(struct span text, const char *word)
{
    size_t len = strlen(word);
    int n = 0;

    for (size_t i = 0; i + len <= text.len; i++)
        n += strncasecmp(text.at + i, word, len) == 0;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > CLIENT_BYTES_MAX)
        return 0;
    struct span input = {(const char *)data, size};

    world.sent.len = 0;
    for (struct span rest = input; rest.len > 0;)
        fuzz_check(buf_append_span(&world.sent, next_piece(&rest)) == 0);
    world.chunked = count(buf_span(&world.sent), "chunked") > 0;
    world.asks_head = count(buf_span(&world.sent), "HEAD") > 0;
    world.events = 0;
    world.answers.len = 0;
    int descriptors = count_descriptors();

    converse(input);
    check_answers();
    int secrets = count(buf_span(&world.sent), GUARD_HEADER);
    int objects = count(buf_span(&world.sent), "/batch") ? count(buf_span(&world.sent), "{") : 0;
    fuzz_check(world.events <= (secrets ? secrets + objects : 0));
    fuzz_check(http_busy(world.http) == 0);
    fuzz_check(relay_pending(world.relay) == 0);
    fuzz_check(count_descriptors() == descriptors);
    return 0;
}
