/* A disk that forgets what was not synced: preloaded into a server, it writes down what each change
 * of a file replaces, so that power.py can take changes back after the process was killed. (The
 * page cache survives a kill; a power cut would take it along.)
 *
 *   MILLRACE_POWER_CUT_DATA  the directory whose files are meant, but for LMDB's lock tables
 *   MILLRACE_POWER_CUT_UNDO  where each of them gets a file of its name with what it had before
 *   MILLRACE_POWER_CUT_LIE   if set, syncs say that they are done and do nothing
 *   MILLRACE_CRASH_POINT     as for the server: name or name:n, the names are those of pass() below
 *
 * A file of undo records holds `struct record`s; those of changes are followed by what the file had
 * at that place, as far as it reached. They are taken away as soon as all changes are durable, so the
 * file is short. A change that is not recorded as a whole has not begun.
 *
 * Files are changed by what stands below and by nothing else: not through mappings, not by
 * copy_file_range, fallocate or truncate by name.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Changes are recorded by pages: no disk that is meant here loses less than one of its sectors, or
 * more than a page, at a time. */
enum { kPage = 4096, kMaxFiles = 64 };

/* Caches of disks that lie are not endless, either: with this much in them they write. */
static const int64_t kMaxForgotten = 64 << 20;

enum kind {
  kChange = 1,       /* `number`: each change of a file has the next one, from 1 on */
  kDurableUntil = 2, /* all changes up to `number` */
  kDurable = 3,      /* this one, written through its descriptor (O_DSYNC) */
};

struct record {
  int64_t kind, number;
  /* Of a change: the bytes that it touches, which may be behind the end of the file, and how long
   * the file was. What follows are the pages that these bytes lie in. */
  int64_t begin, end, old_file_size;
};

/* Threads: `mutex` is held over a whole change, so that changes have an order. Syncs do not hold it:
 * what is written while one runs is not covered by it. */
struct file {
  dev_t device;
  ino_t inode;
  pthread_mutex_t mutex;
  int reader; /* others may only be open for writing */
  int undo;
  int64_t undo_bytes;
  int64_t newest, durable_until; /* changes */
  char* old;
  size_t old_capacity;
};

static struct file files[kMaxFiles];
static atomic_int file_count;
static pthread_mutex_t files_mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

static ssize_t (*real_pwrite)(int, const void*, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec*, int, off_t);
static ssize_t (*real_pwritev2)(int, const struct iovec*, int, off_t, int);
static ssize_t (*real_write)(int, const void*, size_t);
static ssize_t (*real_writev)(int, const struct iovec*, int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_rename)(const char*, const char*);

static const char *data_directory, *undo_directory;
static int is_lying;
static const char* crash_point;
static size_t crash_point_length;
static atomic_long passages_left;

/* Whoever is loaded earlier may call before a constructor of ours would run. */
static void find_real(void) {
  real_pwrite = REAL("pwrite", ssize_t(*)(int, const void*, size_t, off_t));
  real_pwritev = REAL("pwritev", ssize_t(*)(int, const struct iovec*, int, off_t));
  real_pwritev2 = REAL("pwritev2", ssize_t(*)(int, const struct iovec*, int, off_t, int));
  real_write = REAL("write", ssize_t(*)(int, const void*, size_t));
  real_writev = REAL("writev", ssize_t(*)(int, const struct iovec*, int));
  real_ftruncate = REAL("ftruncate", int (*)(int, off_t));
  real_fdatasync = REAL("fdatasync", int (*)(int));
  real_fsync = REAL("fsync", int (*)(int));
  real_rename = REAL("rename", int (*)(const char*, const char*));
  data_directory = getenv("MILLRACE_POWER_CUT_DATA");
  undo_directory = getenv("MILLRACE_POWER_CUT_UNDO");
  is_lying = getenv("MILLRACE_POWER_CUT_LIE") != NULL;
  crash_point = getenv("MILLRACE_CRASH_POINT");
  if (!crash_point) crash_point = "";
  crash_point_length = strcspn(crash_point, ":");
  passages_left = crash_point[crash_point_length] ? atol(crash_point + crash_point_length + 1) : 1;
}

static void prepare(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find_real);
}

static void pass(const char* point) {
  if (strlen(point) != crash_point_length || strncmp(point, crash_point, crash_point_length) != 0)
    return;
  if (atomic_fetch_sub(&passages_left, 1) != 1) return;
  dprintf(STDERR_FILENO, "power_cut: killed %s\n", point);
  raise(SIGKILL);
}

/* Going on would show less than what the test is about. */
static void give_up(const char* what, const char* path) {
  dprintf(STDERR_FILENO, "power_cut: %s %s: %s\n", what, path, strerror(errno));
  abort();
}

/* --- Which file it is */

/* The name below the data directory; NULL if it is another file. */
static const char* name_of(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return NULL;
  path[length] = 0;
  const size_t prefix = strlen(data_directory);
  if (strncmp(path, data_directory, prefix) != 0 || path[prefix] != '/') return NULL;
  static const char kLock[] = "-lock";
  if (strcmp(path + length - (sizeof kLock - 1), kLock) == 0) return NULL;
  return path + prefix + 1;
}

static struct file* find(const struct stat* status) {
  const int count = file_count;
  for (int i = 0; i < count; ++i)
    if (files[i].inode == status->st_ino && files[i].device == status->st_dev) return &files[i];
  return NULL;
}

static struct file* add(const struct stat* status, const char* path, const char* name) {
  if (file_count == kMaxFiles || strchr(name, '/')) give_up("no place for", path);
  struct file* file = &files[file_count];
  char undo[PATH_MAX];
  if (snprintf(undo, sizeof undo, "%s/%s", undo_directory, name) >= (int)sizeof undo)
    give_up("too long a name for", path);
  file->device = status->st_dev;
  file->inode = status->st_ino;
  pthread_mutex_init(&file->mutex, NULL);
  file->reader = open(path, O_RDONLY | O_CLOEXEC);
  /* If it is there already, nobody has taken back what an earlier process left. */
  file->undo = open(undo, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (file->reader < 0 || file->undo < 0) give_up("cannot open", undo);
  ++file_count;
  return file;
}

/* NULL if the descriptor is for something else. */
static struct file* file_of(int fd) {
  prepare();
  struct stat status;
  if (!data_directory || !undo_directory || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    return NULL;
  struct file* file = find(&status);
  if (file) return file;
  char path[PATH_MAX];
  const char* name = name_of(fd, path);
  if (!name) return NULL;
  pthread_mutex_lock(&files_mutex);
  file = find(&status);
  if (!file) file = add(&status, path, name);
  pthread_mutex_unlock(&files_mutex);
  return file;
}

/* What was written down of a file goes with it. Names themselves are never lost. */
static void rename_undo(const char* from, const char* to) {
  const size_t prefix = strlen(data_directory);
  if (strncmp(from, data_directory, prefix) != 0 || strncmp(to, data_directory, prefix) != 0)
    return;
  char undo_from[PATH_MAX], undo_to[PATH_MAX];
  const int length_from = snprintf(undo_from, PATH_MAX, "%s%s", undo_directory, from + prefix);
  const int length_to = snprintf(undo_to, PATH_MAX, "%s%s", undo_directory, to + prefix);
  if (length_from >= PATH_MAX || length_to >= PATH_MAX) give_up("too long a name for", to);
  if (real_rename(undo_from, undo_to) != 0 && errno != ENOENT) give_up("cannot rename", undo_from);
}

/* --- Records; the file's mutex is held. */

static void append(struct file* file, const struct record* record, const void* bytes, size_t size) {
  const struct iovec parts[] = {{(void*)record, sizeof *record}, {(void*)bytes, size}};
  const ssize_t whole = (ssize_t)(sizeof *record + size);
  if (real_writev(file->undo, parts, size ? 2 : 1) != whole)
    give_up("cannot write to", undo_directory);
  file->undo_bytes += whole;
}

static void read_old(struct file* file, int64_t at, size_t size) {
  if (size > file->old_capacity) {
    file->old = realloc(file->old, size);
    if (!file->old) give_up("no memory for", undo_directory);
    file->old_capacity = size;
  }
  for (size_t done = 0; done < size;) {
    const ssize_t count = pread(file->reader, file->old + done, size - done, at + (off_t)done);
    if (count <= 0) give_up("cannot read what was before in", data_directory);
    done += (size_t)count;
  }
}

static int64_t size_of(const struct file* file) {
  struct stat status;
  if (fstat(file->reader, &status) != 0) give_up("no size of a file in", data_directory);
  return status.st_size;
}

/* Before the change. */
static void record_change(struct file* file, int64_t begin, int64_t end) {
  const struct record record = {kChange, ++file->newest, begin, end, size_of(file)};
  const int64_t first = begin / kPage * kPage;
  int64_t known = (end + kPage - 1) / kPage * kPage;
  if (known > record.old_file_size) known = record.old_file_size;
  const size_t size = known > first ? (size_t)(known - first) : 0;
  read_old(file, first, size);
  append(file, &record, file->old, size);
}

static void record_durable(struct file* file, enum kind kind, int64_t number) {
  if (kind == kDurableUntil && number > file->durable_until) file->durable_until = number;
  if (kind == kDurable && number == file->durable_until + 1) file->durable_until = number;
  if (file->durable_until == file->newest) {
    if (real_ftruncate(file->undo, 0) != 0) give_up("cannot cut a file in", undo_directory);
    file->undo_bytes = 0;
    return;
  }
  const struct record record = {.kind = kind, .number = number};
  append(file, &record, NULL, 0);
}

/* --- The calls */

struct change {
  struct file* file;
  int64_t number;
  int is_through;
};

static struct change begin_change(struct file* file, int fd, int64_t at, int64_t size) {
  struct change change = {.file = file};
  change.is_through = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
  pthread_mutex_lock(&file->mutex);
  if (change.is_through) pass("before-root");
  record_change(file, at, at + size);
  change.number = file->newest;
  return change;
}

/* `is_done`: all of it. */
static void end_change(const struct change* change, int is_done) {
  const int error = errno;
  if (change->is_through) {
    pass("after-root");
    if (is_done) record_durable(change->file, kDurable, change->number);
  }
  pthread_mutex_unlock(&change->file->mutex);
  errno = error;
}

static int64_t sum(const struct iovec* parts, int count) {
  int64_t size = 0;
  for (int i = 0; i < count; ++i) size += (int64_t)parts[i].iov_len;
  return size;
}

/* Where write() goes. */
static int64_t position(int fd) {
  return lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
}

/* Does `call`, which says how many of so many bytes it has written there. */
#define CHANGE(fd, where, bytes, call)                                      \
  do {                                                                      \
    struct file* const file = file_of(fd);                                  \
    if (!file) return (call);                                               \
    const int64_t wanted = (bytes);                                         \
    const struct change change = begin_change(file, (fd), (where), wanted); \
    const ssize_t written = (call);                                         \
    end_change(&change, written == wanted);                                 \
    return written;                                                         \
  } while (0)

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  CHANGE(fd, at, (int64_t)size, real_pwrite(fd, bytes, size, at));
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) {
  CHANGE(fd, at, sum(parts, count), real_pwritev(fd, parts, count, at));
}
ssize_t pwritev64(int fd, const struct iovec* parts, int count, off_t at)
    __attribute__((alias("pwritev")));

ssize_t pwritev2(int fd, const struct iovec* parts, int count, off_t at, int flags) {
  CHANGE(fd, at, sum(parts, count), real_pwritev2(fd, parts, count, at, flags));
}
ssize_t pwritev64v2(int fd, const struct iovec* parts, int count, off_t at, int flags)
    __attribute__((alias("pwritev2")));

ssize_t write(int fd, const void* bytes, size_t size) {
  CHANGE(fd, position(fd), (int64_t)size, real_write(fd, bytes, size));
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  CHANGE(fd, position(fd), sum(parts, count), real_writev(fd, parts, count));
}

int ftruncate(int fd, off_t size) {
  struct file* const file = file_of(fd);
  if (!file) return real_ftruncate(fd, size);
  pthread_mutex_lock(&file->mutex);
  pass("before-truncate");
  const int64_t old_size = size_of(file);
  record_change(file, size < old_size ? size : old_size, size < old_size ? old_size : size);
  const int status = real_ftruncate(fd, size);
  const int error = errno;
  pass("after-truncate");
  pthread_mutex_unlock(&file->mutex);
  errno = error;
  return status;
}
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

static int sync_with(int (*real)(int), struct file* file, int fd) {
  pthread_mutex_lock(&file->mutex);
  pass("before-sync");
  const int64_t newest = file->newest;
  const int does_nothing = is_lying && file->undo_bytes < kMaxForgotten;
  pthread_mutex_unlock(&file->mutex);
  if (does_nothing) return 0;
  const int status = real(fd);
  if (status != 0) return status;
  pthread_mutex_lock(&file->mutex);
  record_durable(file, kDurableUntil, newest);
  pthread_mutex_unlock(&file->mutex);
  return 0;
}

int fdatasync(int fd) {
  struct file* const file = file_of(fd);
  return file ? sync_with(real_fdatasync, file, fd) : real_fdatasync(fd);
}

int fsync(int fd) {
  struct file* const file = file_of(fd);
  return file ? sync_with(real_fsync, file, fd) : real_fsync(fd);
}

int rename(const char* from, const char* to) {
  prepare();
  const int status = real_rename(from, to);
  if (status == 0 && data_directory && undo_directory) rename_undo(from, to);
  return status;
}
