/* SPDX-License-Identifier: MIT */
/*
 * The event loop: epoll, a heap of timers, and hooks before the wait.
 *
 * Hooks run after all callbacks of a turn. A hook sees what was done (a request answered, a
 * transfer started) and can flush it before the loop sleeps. A hook may set a timer for now: the
 * wait is then zero.
 *
 * A turn that has become long leaves its other events to the next turn, so that hooks and timers
 * come in between: sixteen TLS handshakes at once would be one turn of as many milliseconds.
 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>

#include "base/error.h"

enum {
    LOOP_EVENTS = 256, /* taken from epoll in one turn */
    LOOP_TIMERS = 256, /* run in one turn: a timer may set itself for now again */
    LOOP_LONG_MS = 4,  /* a turn that has taken so long is long */
    LOOP_STRIDE = 4,   /* events between two looks at the clock */
};

struct loop {
    struct clock *clock;
    int epoll_fd;
    int64_t now_ms;
    bool stopped;
    struct heap timers;
    TAILQ_HEAD(, loop_hook) hooks;
    struct loop_hook *hook_next; /* runs next; the hook that runs may remove or add others */
    int events_len;              /* of events; 0 once all of their callbacks have run */
    int events_at;               /* the first of events whose callback has not run */
    struct epoll_event events[LOOP_EVENTS]; /* of one wait; of a removed source, ptr is NULL */
};

static bool loop_timer_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of(a, struct loop_timer, node)->at_ms <
           container_of(b, struct loop_timer, node)->at_ms;
}

int loop_new(struct clock *clock, struct loop **out)
{
    cleanup(loop_freep) struct loop *loop = calloc(1, sizeof(*loop));

    if (!loop)
        return error_origin(-ENOMEM);
    loop->clock = clock;
    loop->now_ms = clock_mono_ms(clock);
    loop->timers.before = loop_timer_before;
    TAILQ_INIT(&loop->hooks);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return error_origin(-errno);

    *out = take(loop);
    return 0;
}

struct loop *loop_free(struct loop *loop)
{
    if (loop) {
        closep(&loop->epoll_fd);
        free(loop);
    }
    return NULL;
}

static int loop_control(struct loop *loop, struct loop_fd *source, int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = source}};

    if (epoll_ctl(loop->epoll_fd, op, source->fd, &event) < 0)
        return error_origin(-errno);
    return 0;
}

int loop_fd_add(struct loop *loop, struct loop_fd *source, uint32_t events)
{
    return loop_control(loop, source, EPOLL_CTL_ADD, events);
}

int loop_fd_change(struct loop *loop, struct loop_fd *source, uint32_t events)
{
    return loop_control(loop, source, EPOLL_CTL_MOD, events);
}

void loop_fd_remove(struct loop *loop, struct loop_fd *source)
{
    (void)loop_control(loop, source, EPOLL_CTL_DEL, 0);
    for (int i = 0; i < loop->events_len; i++) {
        if (loop->events[i].data.ptr == source)
            loop->events[i].data.ptr = NULL;
    }
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_ms)
{
    loop_timer_clear(loop, timer);
    timer->at_ms = at_ms;
    heap_push(&loop->timers, &timer->node);
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    if (heap_linked(&timer->node))
        heap_remove(&loop->timers, &timer->node);
}

void loop_hook_add(struct loop *loop, struct loop_hook *hook)
{
    TAILQ_INSERT_TAIL(&loop->hooks, hook, link);
    if (!loop->hook_next)
        loop->hook_next = hook;
}

void loop_hook_remove(struct loop *loop, struct loop_hook *hook)
{
    if (loop->hook_next == hook)
        loop->hook_next = TAILQ_NEXT(hook, link);
    TAILQ_REMOVE(&loop->hooks, hook, link);
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

static void loop_run_timers(struct loop *loop)
{
    /* Descriptors must not starve. */
    for (int budget = LOOP_TIMERS; budget > 0 && loop->timers.first; budget--) {
        struct loop_timer *timer = container_of(loop->timers.first, struct loop_timer, node);
        if (timer->at_ms > loop->now_ms)
            break;
        heap_remove(&loop->timers, &timer->node);
        timer->fn(timer->ctx);
    }
}

/* Runs the hooks. Returns how long the wait may be, by the hooks and the first timer. */
static int loop_wait_ms(struct loop *loop)
{
    int wait_ms = -1;
    struct loop_hook *hook;

    loop->hook_next = TAILQ_FIRST(&loop->hooks);
    while ((hook = loop->hook_next) != NULL) {
        loop->hook_next = TAILQ_NEXT(hook, link);
        int hook_ms = hook->before_wait(hook->ctx);
        if (hook_ms >= 0 && (wait_ms < 0 || hook_ms < wait_ms))
            wait_ms = hook_ms;
    }
    if (loop->timers.first) {
        struct loop_timer *timer = container_of(loop->timers.first, struct loop_timer, node);
        int64_t timer_ms = timer->at_ms - clock_mono_ms(loop->clock);
        if (timer_ms < 0)
            timer_ms = 0;
        if (timer_ms > INT_MAX)
            timer_ms = INT_MAX;
        if (wait_ms < 0 || timer_ms < wait_ms)
            wait_ms = (int)timer_ms;
    }
    return wait_ms;
}

static void loop_run_events(struct loop *loop)
{
    int64_t long_at_ms = loop->now_ms + LOOP_LONG_MS;

    while (loop->events_at < loop->events_len) {
        const struct epoll_event *event = &loop->events[loop->events_at++];
        const struct loop_fd *source = event->data.ptr;
        if (source)
            source->fn(source->ctx, event->events);
        if (loop->events_at % LOOP_STRIDE == 0 && clock_mono_ms(loop->clock) >= long_at_ms)
            break;
    }
    if (loop->events_at == loop->events_len)
        loop->events_at = loop->events_len = 0;
}

int loop_turn(struct loop *loop)
{
    int wait_ms = loop_wait_ms(loop);

    if (loop->stopped)
        return 0;
    if (loop->events_len == 0) {
        int n = epoll_wait(loop->epoll_fd, loop->events, LOOP_EVENTS, wait_ms);
        if (n < 0 && errno != EINTR)
            return error_origin(-errno);
        loop->events_len = n > 0 ? n : 0;
    }
    loop->now_ms = clock_mono_ms(loop->clock);
    loop_run_events(loop);
    loop_run_timers(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    int r = 0;

    while (!loop->stopped && r == 0)
        r = loop_turn(loop);
    return r;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
