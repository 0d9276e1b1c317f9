/* What a process writes below a folder, call by call; and, if asked, its death at the n-th call.

   Preloaded into a process (LD_PRELOAD), with
     SHIM_ROOT   the folder
     SHIM_TRACE  a file that gets one record per call: kind, path, offset, length, content
     SHIM_KILL   the number of the call before which the process kills itself
     SHIM_TORN   if set, half of that call is written first

   Records: "kind path offset length\n" and then the content. Kinds: w write, t truncate, s sync, r rename (content:
   the new path), u unlink, c create. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int trace = -1;
static long calls, deadly = -1;

static void start(void)
{
    static int started;
    if (started)
        return;
    started = 1;
    int (*open_)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    if (getenv("SHIM_TRACE"))
        trace = open_(getenv("SHIM_TRACE"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (getenv("SHIM_KILL"))
        deadly = atol(getenv("SHIM_KILL"));
}

static int ours(const char *path)
{
    const char *root = getenv("SHIM_ROOT");
    size_t length = root ? strlen(root) : 0;
    return length && strncmp(path, root, length) == 0 && !strstr(path, "-shm");
}

static int path_of(int descriptor, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0 && ours(path);
}

/* Whether the process must die now; otherwise the call is recorded. */
static int step(char kind, const char *path, long long offset, const void *content, size_t length)
{
    start();
    if (++calls == deadly)
        return 1;
    if (trace >= 0) {
        char head[PATH_MAX + 64];
        int size = snprintf(head, sizeof head, "%c %lld %zu %s\n", kind, offset, length, path);
        struct iovec parts[2] = {{head, size}, {(void *)content, content ? length : 0}};
        ssize_t (*writev_)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
        writev_(trace, parts, 2);
    }
    return 0;
}

static void die(void) { raise(SIGKILL); }

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = dlsym(RTLD_NEXT, name)

static ssize_t write_at(int fd, const void *content, size_t length, off64_t offset,
                        ssize_t (*real)(int, const void *, size_t, off64_t))
{
    char path[PATH_MAX];
    if (path_of(fd, path) && step('w', path, offset, content, length)) {
        if (getenv("SHIM_TORN"))
            real(fd, content, length / 2, offset);
        die();
    }
    return real(fd, content, length, offset);
}

ssize_t pwrite(int fd, const void *content, size_t length, off_t offset)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off64_t);
    return write_at(fd, content, length, offset, real);
}

ssize_t pwrite64(int fd, const void *content, size_t length, off64_t offset)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return write_at(fd, content, length, offset, real);
}

ssize_t write(int fd, const void *content, size_t length)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    char path[PATH_MAX];
    if (path_of(fd, path) && step('w', path, lseek(fd, 0, SEEK_CUR), content, length)) {
        if (getenv("SHIM_TORN"))
            real(fd, content, length / 2);
        die();
    }
    return real(fd, content, length);
}

static int resize(int fd, off64_t length, int (*real)(int, off64_t))
{
    char path[PATH_MAX];
    if (path_of(fd, path) && step('t', path, length, NULL, 0))
        die();
    return real(fd, length);
}

int ftruncate(int fd, off_t length)
{
    REAL(int, "ftruncate", int, off64_t);
    return resize(fd, length, real);
}

int ftruncate64(int fd, off64_t length)
{
    REAL(int, "ftruncate64", int, off64_t);
    return resize(fd, length, real);
}

static int sync_(int fd, int (*real)(int))
{
    char path[PATH_MAX];
    if (path_of(fd, path) && step('s', path, 0, NULL, 0))
        die();
    return real(fd);
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    return sync_(fd, real);
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    return sync_(fd, real);
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    if (ours(from) && step('r', from, 0, to, strlen(to)))
        die();
    return real(from, to);
}

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    if (ours(path) && step('u', path, 0, NULL, 0))
        die();
    return real(path);
}
