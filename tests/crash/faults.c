/* A disk that fails when it is told to: preloaded into a server, it lets calls about a file fail as
 * long as the file that MILLRACE_FAULTS names exists. That file holds a word of the names of the
 * files that fail, the number of the error, which calls fail, and optionally how many of a hundred of these calls fail:
 * "state.mdb 5 write", "log.mdb 28 write 3".
 *   write  writes of pages, before anybody can see them
 *   sync   the syncs that follow
 *   meta   writes that are synced by the descriptor (O_DSYNC): of the page with which LMDB publishes
 *          a commit, and of the log's journal
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_written_through(int fd) { return (fcntl(fd, F_GETFL) & O_DSYNC) != 0; }

/* Whether the call fails that counts now: of a hundred calls in a row the first `percent`, spread by a factor that is
 * coprime to 100. */
static int is_turn_of_failure(int percent) {
  static atomic_uint calls;
  return atomic_fetch_add(&calls, 1) * 37 % 100 < (unsigned)percent;
}

/* The error for such a call about this file; 0: none. */
static int fault_of(int fd, const char* call) {
  const char* plan = getenv("MILLRACE_FAULTS");
  if (!plan) return 0;
  FILE* file = fopen(plan, "r");
  if (!file) return 0;
  char word[64], failing[16];
  int error = 0, percent = 100;
  const int read = fscanf(file, "%63s %d %15s %d", word, &error, failing, &percent);
  fclose(file);
  if (read < 3 || strcmp(failing, call) != 0) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, word) && is_turn_of_failure(percent) ? error : 0;
}

/* Returns -1 with the error if the call is to fail. */
#define FAIL_IF_TOLD(fd, call)               \
  do {                                       \
    const int error = fault_of((fd), (call)); \
    if (error) {                             \
      errno = error;                         \
      return -1;                             \
    }                                        \
  } while (0)

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

static const char* kind_of_write(int fd) { return is_written_through(fd) ? "meta" : "write"; }

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  FAIL_IF_TOLD(fd, kind_of_write(fd));
  return REAL("pwrite", ssize_t(*)(int, const void*, size_t, off_t))(fd, bytes, size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) {
  FAIL_IF_TOLD(fd, kind_of_write(fd));
  return REAL("pwrite64", ssize_t(*)(int, const void*, size_t, off_t))(fd, bytes, size, at);
}
ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) {
  FAIL_IF_TOLD(fd, kind_of_write(fd));
  return REAL("pwritev", ssize_t(*)(int, const struct iovec*, int, off_t))(fd, parts, count, at);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  FAIL_IF_TOLD(fd, kind_of_write(fd));
  return REAL("writev", ssize_t(*)(int, const struct iovec*, int))(fd, parts, count);
}
int fdatasync(int fd) {
  FAIL_IF_TOLD(fd, "sync");
  return REAL("fdatasync", int (*)(int))(fd);
}
int fsync(int fd) {
  FAIL_IF_TOLD(fd, "sync");
  return REAL("fsync", int (*)(int))(fd);
}
