/* SPDX-License-Identifier: MIT */
/* convex-relay: runs the command that the command line names. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/complain.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/health_command.h"
#include "cli/outbox_command.h"
#include "outbox/store_open.h"
#include "relay_version.h"
#include "server/check.h"
#include "server/serve.h"
#include "server/setup.h"
#include "server/signals.h"

static void main_help(FILE *out)
{
    (void)fputs("convex-relay " RELAY_VERSION ": receives the changes of a Blade app's database "
                "and\ncalls Convex mutations with them.\n"
                "\n"
                "  convex-relay          serve POST /convex/sync and /convex/sync/batch, and\n"
                "                        GET /healthz, GET /readyz; on the admin port\n"
                "                        GET /metrics, GET /status\n"
                "  convex-relay check    check the settings, and whether Convex answers\n"
                "  convex-relay health   ask the relay at HOST and PORT whether it serves\n"
                "  convex-relay outbox stats | list | show | replay | discard | backup | adopt\n"
                "                        undelivered events; see convex-relay outbox --help\n"
                "  convex-relay --help, --version\n"
                "\n"
                "Settings come from the environment. SIGHUP reads secrets, certificates and\n"
                "routes again, SIGTERM stops the relay.\n"
                "\n",
                out);
    config_print(out);
}

static int main_complain(const char *text)
{
    complain("%s", text);
    return EXIT_USAGE;
}

/* Fills standard descriptors that are closed. Otherwise the first file that is opened would become
 * stderr, and log lines would go into the outbox or to a client. */
static void main_fill_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    closep(&fd);
}

static int main_serve(struct setup *setup)
{
    main_fill_standard_fds();
    file_limit_waits();
    log_open();
    log_setup(setup->config.log_level, setup->config.log_format);
    config_warn(getenv, &setup->config);
    int r = serve(setup);
    if (r == SERVE_REFUSED)
        return EXIT_USAGE;
    return r ? EXIT_FAILED : EXIT_FINE;
}

/* Reads all settings, then runs the command. invalid: the exit code if a setting is wrong. */
static int main_with_setup(int (*run)(struct setup *setup), int invalid)
{
    cleanup(setup_done) struct setup setup = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = setup_read(&setup, &why);

    if (r > 0) {
        (void)main_complain(buf_string(&why));
        return invalid;
    }
    return r ? EXIT_FAILED : run(&setup);
}

typedef void main_early(int argc, char **argv, char **environment);

/* Constructors of libraries take milliseconds (GnuTLS tests itself). A signal must not end the
 * relay meanwhile. */
static void main_before_constructors(int argc, char **argv, char **environment)
{
    (void)argv;
    (void)environment;
    signals_ignore();
    if (argc == 1)
        signals_prepare_to_serve();
}

__attribute__((section(".preinit_array"), used)) static main_early *const main_first =
    main_before_constructors;

int main(int argc, char **argv)
{
    if (argc == 1)
        return main_with_setup(main_serve, EXIT_USAGE);
    if (strcmp(argv[1], "outbox") == 0)
        return outbox_command(argc - 2, argv + 2);
    if (argc > 2)
        return main_complain("one command at most is expected; see convex-relay --help");

    const char *word = argv[1];
    if (strcmp(word, "check") == 0)
        return main_with_setup(check_run, EXIT_FAILED);
    if (strcmp(word, "health") == 0)
        return health_command();
    if (strcmp(word, "--version") == 0) {
        (void)printf("convex-relay %s\noutbox: SQLite%s\n", RELAY_VERSION,
                     store_open_has_postgresql() ? ", PostgreSQL" : "; built without PostgreSQL");
        return EXIT_FINE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        main_help(stdout);
        return EXIT_FINE;
    }
    complain("\"%s\" is not a command; see convex-relay --help", word);
    return EXIT_USAGE;
}
