/*
 * A file layer that writes down what a process does to the files of one folder, in the order in which it does it.
 *
 * Loaded with LD_PRELOAD. Calls pass through to the real ones; each that may change what a disk holds is then appended to a journal.
 * tests/faults/journal.py reads it, tests/faults/disk.py makes disks from it that lost what was never synced.
 *
 *   RECORDER_FOLDER   absolute, resolved path; files below it are watched. Names that end in -shm are not: SQLite maps them, and makes
 *                     them anew after a loss of power.
 *   RECORDER_JOURNAL  the journal, outside that folder.
 *
 * A record is a head of 21 bytes in the machine's order (kind, file, place, length; see struct head), then `length` bytes.
 *
 *   C  created, body = path              O  opened, body = path            W  written at `place`, body = data
 *   T  cut or grown to `place` bytes     S  synced                         D  folder synced, body = path
 *   R  renamed, body = from NUL to       U  unlinked, body = path          X  something this layer cannot follow, body = its name
 *
 * One lock is held around each call and its record, so that the journal has the order of the calls. A record that cannot be written
 * ends the process: a journal with a hole would tell lies.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FILES 65536

struct __attribute__((packed)) head {
    uint8_t kind;
    uint64_t file; /* inode number */
    uint64_t place;
    uint32_t length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char watched[MOST_FILES];
static const char *folder;
static size_t folder_length;
static int journal = -1;

#define REAL(result, name, ...)                                  \
    static result (*real)(__VA_ARGS__);                          \
    if (!real) {                                                 \
        real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name); \
    }

static void fail(const char *what) {
    fprintf(stderr, "recorder: %s: %s\n", what, strerror(errno));
    abort();
}

__attribute__((constructor)) static void begin(void) {
    REAL(int, open, const char *, int, ...)
    const char *path = getenv("RECORDER_JOURNAL");
    folder = getenv("RECORDER_FOLDER");
    if (!folder || !path) {
        return;
    }
    folder_length = strlen(folder);
    journal = real(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) {
        fail("cannot open the journal");
    }
}

static int within(const char *path) {
    size_t length = path ? strlen(path) : 0;
    if (journal < 0 || length < folder_length || strncmp(path, folder, folder_length) != 0) {
        return 0;
    }
    if (path[folder_length] != '\0' && path[folder_length] != '/') {
        return 0;
    }
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static int watching(int fd) {
    return journal >= 0 && fd >= 0 && fd < MOST_FILES && watched[fd];
}

static void record(char kind, uint64_t file, uint64_t place, const void *body, size_t length) {
    struct head head = {(uint8_t)kind, file, place, (uint32_t)length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)body, length}};
    if (writev(journal, parts, 2) != (ssize_t)(sizeof head + length)) {
        fail("cannot write the journal");
    }
}

static uint64_t inode(int fd) {
    struct stat found;
    if (fstat(fd, &found) != 0) {
        fail("fstat");
    }
    return (uint64_t)found.st_ino;
}

/* ------------------------------------------------------------------------------------------------------- names */

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    struct stat found;
    if (!within(path)) {
        return real(path, flags, mode);
    }
    pthread_mutex_lock(&lock);
    int existed = stat(path, &found) == 0;
    int fd = real(path, flags, mode);
    int error = errno;
    if (fd >= MOST_FILES) {
        fail("too many open files");
    }
    if (fd >= 0 && fstat(fd, &found) == 0) {
        watched[fd] = S_ISREG(found.st_mode) || S_ISDIR(found.st_mode);
        if (S_ISREG(found.st_mode)) {
            record(existed ? 'O' : 'C', (uint64_t)found.st_ino, 0, path, strlen(path));
            if (existed && (flags & O_TRUNC)) {
                record('T', (uint64_t)found.st_ino, 0, NULL, 0);
            }
        }
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define OPEN(name)                                               \
    int name(const char *path, int flags, ...) {                 \
        REAL(int, name, const char *, int, ...)                  \
        mode_t mode = 0;                                         \
        if (flags & (O_CREAT | O_TMPFILE)) {                     \
            va_list rest;                                        \
            va_start(rest, flags);                               \
            mode = va_arg(rest, mode_t);                         \
            va_end(rest);                                        \
        }                                                        \
        return opened(real, path, flags, mode);                  \
    }

OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(int, close, int)
    if (watching(fd)) {
        watched[fd] = 0;
    }
    return real(fd);
}

int unlink(const char *path) {
    REAL(int, unlink, const char *)
    if (!within(path)) {
        return real(path);
    }
    pthread_mutex_lock(&lock);
    int result = real(path);
    int error = errno;
    if (result == 0) {
        record('U', 0, 0, path, strlen(path));
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *)
    if (!within(from) && !within(to)) {
        return real(from, to);
    }
    pthread_mutex_lock(&lock);
    int result = real(from, to);
    int error = errno;
    if (result == 0) {
        char both[8192];
        int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
        record('R', 0, 0, both, (size_t)length);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

/* ----------------------------------------------------------------------------------------------------- content */

#define PWRITE(name)                                                        \
    ssize_t name(int fd, const void *data, size_t length, off_t place) {    \
        REAL(ssize_t, name, int, const void *, size_t, off_t)               \
        if (!watching(fd)) {                                                \
            return real(fd, data, length, place);                           \
        }                                                                   \
        pthread_mutex_lock(&lock);                                          \
        ssize_t written = real(fd, data, length, place);                    \
        int error = errno;                                                  \
        if (written > 0) {                                                  \
            record('W', inode(fd), (uint64_t)place, data, (size_t)written); \
        }                                                                   \
        pthread_mutex_unlock(&lock);                                        \
        errno = error;                                                      \
        return written;                                                     \
    }

PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int fd, const void *data, size_t length) {
    REAL(ssize_t, write, int, const void *, size_t)
    if (!watching(fd)) {
        return real(fd, data, length);
    }
    pthread_mutex_lock(&lock);
    ssize_t written = real(fd, data, length);
    int error = errno;
    if (written > 0) {
        /* The position after the call is right for O_APPEND as well. */
        record('W', inode(fd), (uint64_t)(lseek(fd, 0, SEEK_CUR) - written), data, (size_t)written);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

#define FTRUNCATE(name)                               \
    int name(int fd, off_t size) {                    \
        REAL(int, name, int, off_t)                   \
        if (!watching(fd)) {                          \
            return real(fd, size);                    \
        }                                             \
        pthread_mutex_lock(&lock);                    \
        int result = real(fd, size);                  \
        int error = errno;                            \
        if (result == 0) {                            \
            record('T', inode(fd), (uint64_t)size, NULL, 0); \
        }                                             \
        pthread_mutex_unlock(&lock);                  \
        errno = error;                                \
        return result;                                \
    }

FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

static void synced(int fd) {
    struct stat found;
    if (fstat(fd, &found) != 0) {
        fail("fstat");
    }
    if (!S_ISDIR(found.st_mode)) {
        record('S', (uint64_t)found.st_ino, 0, NULL, 0);
        return;
    }
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    if (length < 0) {
        fail("readlink");
    }
    record('D', 0, 0, path, (size_t)length);
}

#define SYNC(name)                     \
    int name(int fd) {                 \
        REAL(int, name, int)           \
        if (!watching(fd)) {           \
            return real(fd);           \
        }                              \
        pthread_mutex_lock(&lock);     \
        int result = real(fd);         \
        int error = errno;             \
        if (result == 0) {             \
            synced(fd);                \
        }                              \
        pthread_mutex_unlock(&lock);   \
        errno = error;                 \
        return result;                 \
    }

SYNC(fsync)
SYNC(fdatasync)

/* ------------------------------------------------------------- ways to change a file that this layer cannot follow
 *
 * Two of them are told. For the rest (a mapping, say) stands the test that all records together give the very files on disk.
 */

static void cannot_follow(int fd, const char *name) {
    if (watching(fd)) {
        pthread_mutex_lock(&lock);
        record('X', 0, 0, name, strlen(name));
        pthread_mutex_unlock(&lock);
    }
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t place) {
    REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t)
    cannot_follow(fd, "pwritev");
    return real(fd, parts, count, place);
}

int fallocate(int fd, int mode, off_t place, off_t length) {
    REAL(int, fallocate, int, int, off_t, off_t)
    cannot_follow(fd, "fallocate");
    return real(fd, mode, place, length);
}
