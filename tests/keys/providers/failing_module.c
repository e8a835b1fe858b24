/*
 * A PKCS#11 library whose device can be unplugged, and whose line can hang: the client of a network HSM, played with the real SoftHSM
 * behind it. Every call goes through to the library named in FAILING_MODULE, but while FAILING_FOLDER holds a file called
 *
 *   removed   calls return CKR_DEVICE_REMOVED
 *   hangs     calls do not return before it is gone
 *
 * Each attempt to log in adds a byte to the file `logins` there.
 *
 * A function list is a version and 68 pointers (PKCS#11 2.40, 2.1); every call has eight arguments of a word at most, so all are passed on.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CALLS 68
#define GET_FUNCTION_LIST 3 /* the last of the four calls that ask no device: initialise, finalise, information, this list */
#define LOGIN 18
#define DEVICE_REMOVED 0x32UL
#define GENERAL_ERROR 0x5UL
#define POLL_MICROSECONDS 10000

typedef unsigned long (*call)(long, long, long, long, long, long, long, long);

struct functions {
    unsigned char version[2];
    call calls[CALLS];
};

static struct functions real, ours;

static int there(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("FAILING_FOLDER"), name);
    return access(path, F_OK) == 0;
}

static void count_login(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/logins", getenv("FAILING_FOLDER"));
    FILE *file = fopen(path, "a");
    if (file == NULL || fputc('.', file) == EOF || fclose(file) != 0) abort();
}

static unsigned long pass(int number, long a, long b, long c, long d, long e, long f, long g, long h) {
    if (number == LOGIN) count_login();
    while (there("hangs")) usleep(POLL_MICROSECONDS);
    return there("removed") ? DEVICE_REMOVED : real.calls[number](a, b, c, d, e, f, g, h);
}

#define HOOK(n) \
    static unsigned long hook##n(long a, long b, long c, long d, long e, long f, long g, long h) { return pass(n, a, b, c, d, e, f, g, h); }
#define TEN(x) HOOK(x##0) HOOK(x##1) HOOK(x##2) HOOK(x##3) HOOK(x##4) HOOK(x##5) HOOK(x##6) HOOK(x##7) HOOK(x##8) HOOK(x##9)
#define TAKE(n) hook##n,
#define TAKE_TEN(x) TAKE(x##0) TAKE(x##1) TAKE(x##2) TAKE(x##3) TAKE(x##4) TAKE(x##5) TAKE(x##6) TAKE(x##7) TAKE(x##8) TAKE(x##9)

HOOK(0) HOOK(1) HOOK(2) HOOK(3) HOOK(4) HOOK(5) HOOK(6) HOOK(7) HOOK(8) HOOK(9)
TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) HOOK(60) HOOK(61) HOOK(62) HOOK(63) HOOK(64) HOOK(65) HOOK(66) HOOK(67)

static const call hooks[CALLS] = {
    TAKE(0) TAKE(1) TAKE(2) TAKE(3) TAKE(4) TAKE(5) TAKE(6) TAKE(7) TAKE(8) TAKE(9)
    TAKE_TEN(1) TAKE_TEN(2) TAKE_TEN(3) TAKE_TEN(4) TAKE_TEN(5)
    TAKE(60) TAKE(61) TAKE(62) TAKE(63) TAKE(64) TAKE(65) TAKE(66) TAKE(67)
};

unsigned long C_GetFunctionList(struct functions **list) {
    void *library = dlopen(getenv("FAILING_MODULE"), RTLD_NOW | RTLD_LOCAL);
    unsigned long (*get)(struct functions **) = library ? (unsigned long (*)(struct functions **))dlsym(library, "C_GetFunctionList") : NULL;
    struct functions *found;
    if (get == NULL || get(&found) != 0) return GENERAL_ERROR;
    real = *found;
    ours = real;
    for (int number = 0; number < CALLS; number++)
        if (number > GET_FUNCTION_LIST) ours.calls[number] = hooks[number];
    *list = &ours;
    return 0;
}
