/* Loaded before everything else: tells of each operation that changes a file of SQLite, before it is done. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void (*tell)(void);

void tell_of_operations(void (*callback)(void)) { tell = callback; }

static int is_of_sqlite(const char *path) { return strstr(path, ".sqlite") != NULL; }

static void tell_path(const char *path) {
    if (tell != NULL && is_of_sqlite(path)) tell();
}

static void tell_handle(int handle) {
    char link[64], path[4096];
    if (tell == NULL) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (is_of_sqlite(path)) tell();
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

int unlink(const char *path) { tell_path(path); return REAL(unlink)(path); }
int fsync(int handle) { tell_handle(handle); return REAL(fsync)(handle); }
int fdatasync(int handle) { tell_handle(handle); return REAL(fdatasync)(handle); }
int ftruncate64(int handle, off64_t size) { tell_handle(handle); return REAL(ftruncate64)(handle, size); }
ssize_t write(int handle, const void *bytes, size_t size) { tell_handle(handle); return REAL(write)(handle, bytes, size); }
ssize_t pwrite64(int handle, const void *bytes, size_t size, off64_t place) {
    tell_handle(handle);
    return REAL(pwrite64)(handle, bytes, size, place);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (flags & O_CREAT) tell_path(path);
    return REAL(open64)(path, flags, mode);
}
