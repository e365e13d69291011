/* A disk that fails when it is told to: preloaded into a server, it lets writes and syncs of a file
 * fail as long as the file that MILLRACE_FAULTS names exists. That file holds a word of the names of
 * the files that fail, and the number of the error: "state.mdb 5". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* The error for this file; 0: none. */
static int fault_of(int fd) {
  const char* plan = getenv("MILLRACE_FAULTS");
  if (!plan) return 0;
  FILE* file = fopen(plan, "r");
  if (!file) return 0;
  char word[64];
  int error = 0;
  const int read = fscanf(file, "%63s %d", word, &error);
  fclose(file);
  if (read != 2) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, word) ? error : 0;
}

#define FAIL_OR_CALL(name, type, fd, ...)                  \
  do {                                                     \
    const int error = fault_of(fd);                        \
    if (error) {                                           \
      errno = error;                                       \
      return -1;                                           \
    }                                                      \
    return ((type)dlsym(RTLD_NEXT, name))(fd, __VA_ARGS__); \
  } while (0)

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  FAIL_OR_CALL("pwrite", ssize_t(*)(int, const void*, size_t, off_t), fd, bytes, size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) {
  FAIL_OR_CALL("pwrite64", ssize_t(*)(int, const void*, size_t, off_t), fd, bytes, size, at);
}
ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) {
  FAIL_OR_CALL("pwritev", ssize_t(*)(int, const struct iovec*, int, off_t), fd, parts, count, at);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  FAIL_OR_CALL("writev", ssize_t(*)(int, const struct iovec*, int), fd, parts, count);
}
