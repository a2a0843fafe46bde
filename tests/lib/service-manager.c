/* SPDX-License-Identifier: MIT */
/*
 * Plays systemd for the tests: hands listening sockets to a service, takes notifications, and
 * starts the service anew when told to.
 *
 *   service-manager FOLDER WATCHDOG_USEC NAMES -- COMMAND...
 *
 * NAMES: as in LISTEN_FDNAMES; a socket on 127.0.0.1 for each. Notifications arrive at
 * FOLDER/notify. SIGUSR1 starts the service; SIGTERM ends it and this program. What happens is said
 * on stdout, a line each:
 *
 *   listening PORT...
 *   started PID
 *   notified READY=1 STATUS=...        line ends being blanks
 *   ended exit 0                       or: signal 9
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FD = 3, SOCKETS_MAX = 2, SPARE_FD = 20, TEXT_MAX = 4096 };

static int sockets[SOCKETS_MAX];
static int sockets_len;

/* Moves a descriptor to a high number: the service expects its sockets at the low ones. */
static int moved(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, SPARE_FD);

    if (high < 0)
        err(1, "fcntl");
    (void)close(fd);
    return high;
}

static void listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = moved(socket(AF_INET, SOCK_STREAM, 0));
    int defer_s = 5; /* as systemd/convex-relay.socket has it */

    if (setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s)) < 0 ||
        bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        err(1, "cannot listen");
    sockets[sockets_len++] = fd;
    (void)printf(" %d", ntohs(address.sin_port));
}

static void listen_for_each(const char *names)
{
    (void)printf("listening");
    for (const char *at = names; at && sockets_len < SOCKETS_MAX; at = strchr(at, ':')) {
        at += *at == ':';
        listen_somewhere();
    }
    (void)printf("\n");
}

static int bind_notify(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = moved(socket(AF_UNIX, SOCK_DGRAM, 0));

    if (strlen(path) >= sizeof(address.sun_path))
        errx(2, "%s is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        err(1, "%s", path);
    return fd;
}

static void say_message(int fd)
{
    char text[TEXT_MAX];
    ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

    if (len < 0)
        err(1, "recv");
    text[len] = '\0';
    for (char *end = text; (end = strchr(end, '\n')) != NULL;)
        *end = ' ';
    (void)printf("notified %s\n", text);
}

static void set_number(const char *name, long number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%ld", number);
    (void)setenv(name, text, 1);
}

static pid_t start(const char *names, char **command)
{
    sigset_t none;
    pid_t pid = fork();

    if (pid != 0) {
        (void)printf("started %d\n", (int)pid);
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < sockets_len; i++)
        if (dup2(sockets[i], FIRST_FD + i) < 0)
            err(1, "dup2");
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", sockets_len);
    (void)setenv("LISTEN_FDNAMES", names, 1);
    (void)execv(command[0], command);
    err(1, "%s", command[0]);
}

static void reap(pid_t *service)
{
    int status;

    if (*service == 0 || waitpid(*service, &status, WNOHANG) != *service)
        return;
    *service = 0;
    if (WIFEXITED(status))
        (void)printf("ended exit %d\n", WEXITSTATUS(status));
    else
        (void)printf("ended signal %d\n", WTERMSIG(status));
}

/* The next signal's number. */
static unsigned next_signal(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        err(1, "signalfd");
    return info.ssi_signo;
}

static int watch_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return moved(signalfd(-1, &set, SFD_CLOEXEC));
}

int main(int argc, char **argv)
{
    char path[TEXT_MAX];
    pid_t service = 0;

    if (argc < 6)
        errx(2, "usage: service-manager FOLDER WATCHDOG_USEC NAMES -- COMMAND...");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(path, sizeof(path), "%s/notify", argv[1]);
    struct pollfd sources[] = {{.fd = watch_signals(), .events = POLLIN},
                               {.fd = bind_notify(path), .events = POLLIN}};
    (void)setenv("NOTIFY_SOCKET", path, 1);
    (void)setenv("WATCHDOG_USEC", argv[2], 1);
    listen_for_each(argv[3]);

    while (poll(sources, 2, -1) > 0) {
        if (sources[1].revents) {
            say_message(sources[1].fd);
            continue; /* what was said before the end is told before it */
        }
        switch (next_signal(sources[0].fd)) {
        case SIGUSR1:
            service = start(argv[3], argv + 5);
            break;
        case SIGCHLD:
            reap(&service);
            break;
        default:
            if (service > 0)
                (void)kill(service, SIGKILL);
            return 0;
        }
    }
    err(1, "poll");
}
