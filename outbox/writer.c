/* SPDX-License-Identifier: MIT */
/*
 * The writer and its queues.
 *
 * The writer takes all jobs that wait at once, and is woken only if none waited before. Finished
 * jobs go back in batches, with one write to the eventfd for all that the loop has not seen yet.
 *
 * While the store is away, jobs stand in the queue, where they can be withdrawn, in their order.
 * The writer keeps only those of a transaction that is in doubt.
 */
#include "outbox/writer.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/error.h"
#include "outbox/writer_lone.h"

/* ---- Back to the loop ---- */

/* Shows the loop the present status and tallies. True: the loop is to be woken for that. Under the
 * mutex, or before there is a thread. */
static bool writer_show(struct writer *writer)
{
    struct writer_state *state = &writer->state;
    bool away = state->now.away != writer->status.away ||
                state->now.times_away != writer->status.times_away ||
                state->now.taken_over != writer->status.taken_over;

    writer->status = state->now;
    writer->news |= state->news;
    state->news = false;
    atomic_store(&writer->mark, state->mark);
    if (!state->tallied)
        return away || writer->news;
    struct outbox_tallies shown = writer->tallies;
    writer->tallies = state->tallies;
    state->tallies = shown; /* the next reading uses that memory again */
    state->tallied = false;
    outbox_unstored_show(&writer->unstored);
    return away || writer->news;
}

static void writer_wake_loop(struct writer *writer)
{
    const uint64_t one = 1;

    (void)!write(writer->event_fd, &one, sizeof(one));
}

/* Hands back the taken jobs that stand before end (NULL: all). */
static void writer_report(struct writer *writer, struct outbox_job *end)
{
    struct outbox_job *job;

    pthread_mutex_lock(&writer->mutex);
    bool wake = TAILQ_EMPTY(&writer->finished) && TAILQ_FIRST(&writer->taken) != end;
    while ((job = TAILQ_FIRST(&writer->taken)) != end) {
        TAILQ_REMOVE(&writer->taken, job, link);
        TAILQ_INSERT_TAIL(&writer->finished, job, link);
    }
    wake |= writer_show(writer);
    pthread_mutex_unlock(&writer->mutex);
    if (wake)
        writer_wake_loop(writer);
}

/* ---- The thread ---- */

static struct timespec writer_deadline(int64_t at_ms)
{
    return (struct timespec){.tv_sec = (time_t)(at_ms / 1000),
                             .tv_nsec = (long)(at_ms % 1000 * 1000000)};
}

/* Waits for a job, the next tick or a stop. False: a stop, and no job is left. */
static bool writer_wait(struct writer *writer)
{
    struct timespec deadline = writer_deadline(writer->tick_at_ms);
    int r = 0;

    pthread_mutex_lock(&writer->mutex);
    while (TAILQ_EMPTY(&writer->waiting) && !writer->stopping && r == 0)
        r = pthread_cond_timedwait(&writer->wake, &writer->mutex, &deadline);
    bool over = writer->stopping && TAILQ_EMPTY(&writer->waiting);
    pthread_mutex_unlock(&writer->mutex);
    return !over;
}

static void writer_take(struct writer *writer)
{
    struct outbox_job *job;

    pthread_mutex_lock(&writer->mutex);
    TAILQ_CONCAT(&writer->taken, &writer->waiting, link);
    TAILQ_FOREACH (job, &writer->taken, link)
        job->taken = true;
    writer->state.uncounted = outbox_unstored_take(&writer->unstored);
    writer->state.last_id = writer->last_id;
    pthread_mutex_unlock(&writer->mutex);
}

/* Puts jobs that may share a transaction into the batch. Returns the first job behind them. */
static struct outbox_job *writer_fill_batch(struct writer *writer)
{
    struct outbox_job *job = TAILQ_FIRST(&writer->taken);

    while (job && !writer_lone_is(job) && writer_batch_add(&writer->batch, job))
        job = TAILQ_NEXT(job, link);
    return job;
}

/* Does all jobs that were taken. Reports each batch as soon as the batch is done. */
static void writer_work(struct writer *writer)
{
    struct outbox_job *job, *left = NULL;

    do {
        job = writer_fill_batch(writer);
        if (writer->batch.len > 0 || writer->state.uncounted) {
            left = writer_batch_commit(&writer->batch, &writer->state);
            if (!left)
                writer_state_read_counts(&writer->state);
        }
        if (left) {
            job = left;
        } else if (job && writer_lone_is(job)) {
            writer_lone_do(&writer->state, job);
            if (job->result != STORE_AWAY)
                job = TAILQ_NEXT(job, link);
        }
        writer_report(writer, job);
    } while (job && !writer->state.now.away);
}

/* ---- while the store is away ---- */

/* Hands all taken jobs but those in doubt back to the queue, as it was; those that were given up
 * end. Under the mutex. */
static void writer_put_back(struct writer *writer)
{
    const struct writer_batch *batch = &writer->batch;
    struct outbox_job *in_doubt = batch->in_doubt ? batch->jobs[batch->len - 1] : NULL;
    struct outbox_job *job;

    while ((job = TAILQ_LAST(&writer->taken, outbox_jobs)) != in_doubt) {
        TAILQ_REMOVE(&writer->taken, job, link);
        job->taken = false;
        job->result = STORE_AWAY;
        if (job->given_up)
            TAILQ_INSERT_HEAD(&writer->finished, job, link);
        else
            TAILQ_INSERT_HEAD(&writer->waiting, job, link);
    }
}

/* Waits until the store is to be asked. True: a stop has begun. */
static bool writer_await_pause(struct writer *writer)
{
    int64_t pause_ms = writer_away_pause_ms(&writer->away);
    struct timespec deadline = writer_deadline(clock_mono_ms(&clock_system) + pause_ms);
    int r = 0;

    pthread_mutex_lock(&writer->mutex);
    writer_put_back(writer);
    bool wake = writer_show(writer) || !TAILQ_EMPTY(&writer->finished);
    pthread_mutex_unlock(&writer->mutex);
    if (wake)
        writer_wake_loop(writer);
    pthread_mutex_lock(&writer->mutex);
    while (pause_ms > 0 && !writer->stopping && r == 0)
        r = pthread_cond_timedwait(&writer->wake, &writer->mutex, &deadline);
    bool stopping = writer->stopping;
    pthread_mutex_unlock(&writer->mutex);
    return stopping;
}

/* A stop while the store is away: no job is done any more. */
static void writer_give_up(struct writer *writer)
{
    struct outbox_job *job;

    pthread_mutex_lock(&writer->mutex);
    TAILQ_CONCAT(&writer->taken, &writer->waiting, link);
    TAILQ_FOREACH (job, &writer->taken, link)
        job->result = STORE_AWAY;
    TAILQ_CONCAT(&writer->finished, &writer->taken, link);
    pthread_mutex_unlock(&writer->mutex);
}

/* Asks once whether the store is back. False: a stop, and nothing is left to do. */
static bool writer_come_back(struct writer *writer)
{
    bool committed = false;

    if (writer_await_pause(writer) && writer->away.tries > 0) {
        writer_give_up(writer);
        return false;
    }
    if (!writer_away_ask(&writer->away, &writer->state, &committed))
        return true;
    writer_batch_resolve(&writer->batch, &writer->state, committed);
    if (!committed) {
        pthread_mutex_lock(&writer->mutex);
        writer_put_back(writer);
        pthread_mutex_unlock(&writer->mutex);
    }
    writer_report(writer, NULL);
    writer->tick_at_ms = clock_mono_ms(&clock_system); /* what others have changed meanwhile */
    return true;
}

void writer_turn(struct writer *writer)
{
    writer_take(writer);
    writer_work(writer);
}

void writer_tick(struct writer *writer)
{
    writer_state_tick(&writer->state);
    writer_report(writer, NULL); /* no job is left: shows the status alone */
    writer->tick_at_ms = clock_mono_ms(&clock_system) + WRITER_TICK_MS;
}

static void *writer_main(void *ctx)
{
    struct writer *writer = ctx;
    bool more = true;

    while (more) {
        if (writer->state.now.away) {
            more = writer_come_back(writer);
            continue;
        }
        if (clock_mono_ms(&clock_system) >= writer->tick_at_ms) {
            writer_tick(writer);
            continue;
        }
        more = writer_wait(writer);
        writer_turn(writer);
    }
    writer_state_leave(&writer->state);
    writer->state.store = writer->state.store->ops->close(writer->state.store);
    return NULL;
}

/* ---- The loop's side ---- */

/* All signals are blocked in the writer: the main thread handles them. */
static int writer_start_thread(struct writer *writer)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&writer->thread, NULL, writer_main, writer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? error_origin(-error) : 0;
}

/* The condition's time-outs are on the mono clock, which never jumps. */
static int writer_init_wake(struct writer *writer)
{
    pthread_condattr_t attr;
    int error = pthread_condattr_init(&attr);

    if (!error)
        error = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_cond_init(&writer->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    return error ? error_origin(-error) : 0;
}

int writer_init(struct writer *writer)
{
    TAILQ_INIT(&writer->waiting);
    TAILQ_INIT(&writer->finished);
    TAILQ_INIT(&writer->taken);
    writer->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (writer->event_fd < 0)
        return error_origin(-errno);
    int r = letter_filter_init(&writer->filter);
    if (!r)
        r = writer_init_wake(writer);
    if (!r)
        (void)pthread_mutex_init(&writer->mutex, NULL); /* cannot fail on Linux */
    if (r)
        closep(&writer->event_fd);
    return r;
}

void writer_done(struct writer *writer)
{
    (void)pthread_cond_destroy(&writer->wake);
    (void)pthread_mutex_destroy(&writer->mutex);
    closep(&writer->event_fd);
    outbox_tallies_done(&writer->state.tallies);
    outbox_tallies_done(&writer->tallies);
    outbox_unstored_done(&writer->unstored);
}

int writer_open(struct writer *writer, struct store *store)
{
    writer->state = (struct writer_state){
        .store = store, .filter = &writer->filter, .unstored = &writer->unstored};
    writer->tick_at_ms = clock_mono_ms(&clock_system);
    int r = writer_state_load(&writer->state);
    writer_show(writer);
    return r == STORE_AWAY ? 0 : r;
}

int writer_start(struct writer *writer, struct store *store)
{
    int r = writer_open(writer, store);

    return r ? r : writer_start_thread(writer);
}

void writer_stop(struct writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    (void)pthread_join(writer->thread, NULL);
}

int writer_event_fd(const struct writer *writer)
{
    return writer->event_fd;
}

void writer_expect_letter(struct writer *writer, struct span model, struct span record)
{
    letter_filter_add(&writer->filter, model, record);
}

bool writer_may_have_letters(const struct writer *writer, struct span model, struct span record)
{
    return letter_filter_may_have(&writer->filter, model, record);
}

int writer_count_unstored(struct writer *writer, struct span model)
{
    return outbox_unstored_add(&writer->unstored, model);
}

uint64_t writer_mark(const struct writer *writer)
{
    return atomic_load(&writer->mark);
}

void writer_submit(struct writer *writer, struct outbox_jobs *jobs, uint64_t last_id)
{
    pthread_mutex_lock(&writer->mutex);
    bool idle = TAILQ_EMPTY(&writer->waiting);
    TAILQ_CONCAT(&writer->waiting, jobs, link);
    outbox_unstored_tell(&writer->unstored); /* the writer counts them at a job or the next tick */
    writer->last_id = last_id;
    if (idle && !TAILQ_EMPTY(&writer->waiting))
        pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
}

bool writer_withdraw(struct writer *writer, struct outbox_job *job)
{
    pthread_mutex_lock(&writer->mutex);
    bool waiting = !job->taken;
    if (waiting)
        TAILQ_REMOVE(&writer->waiting, job, link);
    else
        job->given_up = true;
    pthread_mutex_unlock(&writer->mutex);
    return waiting;
}

bool writer_collect(struct writer *writer, struct outbox_jobs *jobs)
{
    uint64_t unused;
    bool news;

    (void)!read(writer->event_fd, &unused, sizeof(unused));
    pthread_mutex_lock(&writer->mutex);
    TAILQ_CONCAT(jobs, &writer->finished, link);
    news = writer->news;
    writer->news = false;
    pthread_mutex_unlock(&writer->mutex);
    return news;
}

void writer_status(struct writer *writer, struct outbox_status *status)
{
    pthread_mutex_lock(&writer->mutex);
    *status = writer->status;
    pthread_mutex_unlock(&writer->mutex);
}

int writer_tallies(struct writer *writer, struct outbox_tallies *tallies)
{
    const struct outbox_unstored_model *at = writer->unstored.first;

    pthread_mutex_lock(&writer->mutex);
    int r = outbox_tallies_copy(&writer->tallies, tallies);
    for (; at && !r; at = at->next)
        outbox_tallies_add(tallies, at->model, at->seen - at->shown);
    pthread_mutex_unlock(&writer->mutex);
    return r;
}
