// Calls of the C library that change files: counted, listed, and disturbed at a chosen one.
//
// Compiled as a shared library and loaded with LD_PRELOAD (Linux). It stands in front of the C library's
// functions and makes the system calls itself, so it needs no other library, no memory and no lock: it may
// run in any thread. Three environment variables:
//
//   FAULT_FOLDERS  label=/folder:label=/folder   which folders are watched; the innermost one counts. Paths are
//                  compared as texts: links and ".." in them are not followed
//   FAULT_LOG      /file                         one line a call: total, label, call, its number there, path
//   FAULT          label:call:number:action:value
//
// The actions, at the call with this number (from 1) within the folder with this label:
//
//   signal-before, signal-after   the process gets the signal `value` before the call, or after it
//   half-signal                   a write writes half, then the process gets the signal
//   fail-once                     the call fails with the error number `value`
//   fail-on                       it fails, and so do all later calls that need space, below the folder
//   half-once                     a write writes half
//   half-fail                     a write writes half; all later calls that need space fail

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum call {
  OPEN, WRITE, PWRITE, WRITEV, FSYNC, FDATASYNC, RENAME, LINK, UNLINK, TRUNCATE, ALLOCATE, MKDIR, RMDIR, CHMOD,
  CALLS
};
static const char *const NAMES[CALLS] = {"open",   "write", "pwrite",    "writev",   "fsync", "fdatasync", "rename",
                                         "link",   "unlink", "ftruncate", "fallocate", "mkdir", "rmdir",     "chmod"};
// A full disk refuses these.
static const char NEEDS_SPACE[CALLS] = {[OPEN] = 1,   [WRITE] = 1, [PWRITE] = 1,   [WRITEV] = 1,   [FSYNC] = 1, [FDATASYNC] = 1,
                                        [RENAME] = 1, [LINK] = 1,  [TRUNCATE] = 1, [ALLOCATE] = 1, [MKDIR] = 1};

enum action { NOTHING, SIGNAL_BEFORE, SIGNAL_AFTER, HALF_SIGNAL, FAIL_ONCE, FAIL_ON, HALF_ONCE, HALF_FAIL, ACTIONS };
static const char *const ACTION_NAMES[ACTIONS] = {"nothing",   "signal-before", "signal-after", "half-signal",
                                                  "fail-once", "fail-on",       "half-once",    "half-fail"};

enum { FOLDERS = 8, PATH = 4096 };
static struct {
  char label[32], path[PATH];
  size_t length;
  long counts[CALLS];
} folders[FOLDERS];
static int n_folders, log_file = -1;
static struct {
  int folder, call;
  long number;
  enum action action;
  int value;
} fault = {.folder = -1};
static long total;
static int broken; // whether later calls fail

// What is to be done for one call.
struct plan {
  enum action action;
  int error;
};

static int find(const char *name, size_t length, const char *const *names, int count) {
  for (int i = 0; i < count; i++)
    if (strlen(names[i]) == length && !memcmp(names[i], name, length)) return i;
  return -1;
}

static void add_folder(const char *text, size_t length) {
  const char *path = memchr(text, '=', length);
  if (!path || n_folders == FOLDERS) return;
  size_t label = (size_t)(path - text), size = length - label - 1;
  if (label >= sizeof folders->label || size >= PATH) return;
  memcpy(folders[n_folders].label, text, label);
  memcpy(folders[n_folders].path, path + 1, size);
  folders[n_folders++].length = size;
}

static void read_fault(const char *text) {
  char label[32], call[32], action[32];
  if (sscanf(text, "%31[^:]:%31[^:]:%ld:%31[^:]:%d", label, call, &fault.number, action, &fault.value) != 5) abort();
  for (int i = 0; i < n_folders; i++)
    if (!strcmp(folders[i].label, label)) fault.folder = i;
  fault.call = find(call, strlen(call), NAMES, CALLS);
  int found = find(action, strlen(action), ACTION_NAMES, ACTIONS);
  if (fault.folder < 0 || fault.call < 0 || found < 0) abort();
  fault.action = (enum action)found;
}

__attribute__((constructor)) static void begin(void) {
  const char *watched = getenv("FAULT_FOLDERS"), *wanted = getenv("FAULT"), *log = getenv("FAULT_LOG");
  while (watched && *watched) {
    size_t length = strcspn(watched, ":");
    add_folder(watched, length);
    watched += length + (watched[length] == ':');
  }
  if (wanted && *wanted) read_fault(wanted);
  if (log && *log)
    log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static int is_below(const char *path, int folder) {
  size_t length = folders[folder].length;
  return !strncmp(path, folders[folder].path, length) && (path[length] == '/' || !path[length]);
}

static int innermost(const char *path) {
  int found = -1;
  for (int i = 0; i < n_folders; i++)
    if (is_below(path, i) && (found < 0 || folders[i].length > folders[found].length)) found = i;
  return found;
}

// The path of a descriptor, or of a folder's descriptor and a name; empty if there is none.
static void path_of(int folder, const char *name, char *path) {
  char link[32];
  size_t length = 0;
  path[0] = 0;
  if (!name || name[0] != '/') {
    long size = 0;
    if (folder == AT_FDCWD) {
      size = syscall(SYS_getcwd, path, PATH) - 1; // it counts the zero at the end
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
      size = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH - 1);
    }
    length = size > 0 ? (size_t)size : 0;
    path[length] = 0;
    if (!name || !length) return;
    if (length + 1 < PATH) path[length++] = '/';
  }
  size_t size = strnlen(name, PATH - 1 - length);
  memcpy(path + length, name, size);
  path[length + size] = 0;
}

static void give(int number) { syscall(SYS_kill, syscall(SYS_getpid), number); }

// Count a call on a path, list it, and say what is to be done.
static struct plan counted(enum call call, const char *path) {
  struct plan plan = {NOTHING, 0};
  int saved = errno, folder = innermost(path);
  if (folder < 0) return plan;
  long number = __atomic_add_fetch(&folders[folder].counts[call], 1, __ATOMIC_SEQ_CST);
  long all = __atomic_add_fetch(&total, 1, __ATOMIC_SEQ_CST);
  if (log_file >= 0) {
    char line[PATH + 128];
    int size = snprintf(line, sizeof line, "%ld\t%s\t%s\t%ld\t%s\n", all, folders[folder].label, NAMES[call], number, path);
    if (size > 0) syscall(SYS_write, log_file, line, (size_t)size);
  }
  int hit = folder == fault.folder && (int)call == fault.call && number == fault.number;
  if (hit) {
    plan.action = fault.action;
    if (fault.action == SIGNAL_BEFORE) give(fault.value);
    if (fault.action == FAIL_ONCE || fault.action == FAIL_ON) plan.error = fault.value;
    if (fault.action == FAIL_ON || fault.action == HALF_FAIL) __atomic_store_n(&broken, 1, __ATOMIC_SEQ_CST);
  } else if (__atomic_load_n(&broken, __ATOMIC_SEQ_CST) && NEEDS_SPACE[call] && is_below(path, fault.folder)) {
    plan.error = fault.value;
  }
  errno = saved;
  return plan;
}

static long ended(struct plan plan, long result) {
  if (plan.action == SIGNAL_AFTER || plan.action == HALF_SIGNAL) {
    int saved = errno;
    give(fault.value);
    errno = saved;
  }
  return result;
}

// A call on a path, or on a descriptor where `name` is NULL, that ends as planned.
#define CALL(call, folder, name, ...)                        \
  do {                                                       \
    char path[PATH];                                         \
    path_of(folder, name, path);                             \
    struct plan plan = counted(call, path);                  \
    if (plan.error) return errno = plan.error, -1;           \
    return ended(plan, syscall(__VA_ARGS__));                \
  } while (0)

static size_t part_of(struct plan plan, size_t size) {
  return plan.action == HALF_SIGNAL || plan.action == HALF_ONCE || plan.action == HALF_FAIL ? (size + 1) / 2 : size;
}

ssize_t write(int file, const void *content, size_t size) {
  char path[PATH];
  path_of(file, NULL, path);
  struct plan plan = counted(WRITE, path);
  if (plan.error) return errno = plan.error, -1;
  return ended(plan, syscall(SYS_write, file, content, part_of(plan, size)));
}

ssize_t pwrite64(int file, const void *content, size_t size, off64_t place) {
  char path[PATH];
  path_of(file, NULL, path);
  struct plan plan = counted(PWRITE, path);
  if (plan.error) return errno = plan.error, -1;
  return ended(plan, syscall(SYS_pwrite64, file, content, part_of(plan, size), place));
}
ssize_t pwrite(int file, const void *content, size_t size, off_t place) { return pwrite64(file, content, size, place); }

ssize_t writev(int file, const struct iovec *parts, int count) { CALL(WRITEV, file, NULL, SYS_writev, file, parts, count); }
int fsync(int file) { CALL(FSYNC, file, NULL, SYS_fsync, file); }
int fdatasync(int file) { CALL(FDATASYNC, file, NULL, SYS_fdatasync, file); }
int ftruncate64(int file, off64_t size) { CALL(TRUNCATE, file, NULL, SYS_ftruncate, file, size); }
int ftruncate(int file, off_t size) { return ftruncate64(file, size); }
int fallocate64(int file, int mode, off64_t place, off64_t size) {
  CALL(ALLOCATE, file, NULL, SYS_fallocate, file, mode, place, size);
}
int fallocate(int file, int mode, off_t place, off_t size) { return fallocate64(file, mode, place, size); }
int posix_fallocate64(int file, off64_t place, off64_t size) { return fallocate64(file, 0, place, size) ? errno : 0; }
int posix_fallocate(int file, off_t place, off_t size) { return posix_fallocate64(file, place, size); }

static int opened(int folder, const char *name, int flags, mode_t mode) {
  int makes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE;
  if (!makes) return (int)syscall(SYS_openat, folder, name, flags, mode);
  CALL(OPEN, folder, name, SYS_openat, folder, name, flags, mode);
}
#define MODE(flags, mode)                                              \
  mode_t mode = 0;                                                     \
  if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) {     \
    va_list rest;                                                      \
    va_start(rest, flags);                                             \
    mode = va_arg(rest, mode_t);                                       \
    va_end(rest);                                                      \
  }
int open(const char *name, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { MODE(flags, mode) return opened(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { MODE(flags, mode) return opened(folder, name, flags, mode); }

int renameat2(int from, const char *old, int to, const char *name, unsigned flags) {
  CALL(RENAME, to, name, SYS_renameat2, from, old, to, name, flags);
}
int renameat(int from, const char *old, int to, const char *name) { return renameat2(from, old, to, name, 0); }
int rename(const char *old, const char *name) { return renameat2(AT_FDCWD, old, AT_FDCWD, name, 0); }
int linkat(int from, const char *old, int to, const char *name, int flags) {
  CALL(LINK, to, name, SYS_linkat, from, old, to, name, flags);
}
int link(const char *old, const char *name) { return linkat(AT_FDCWD, old, AT_FDCWD, name, 0); }
int unlinkat(int folder, const char *name, int flags) {
  CALL(flags & AT_REMOVEDIR ? RMDIR : UNLINK, folder, name, SYS_unlinkat, folder, name, flags);
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int mkdirat(int folder, const char *name, mode_t mode) { CALL(MKDIR, folder, name, SYS_mkdirat, folder, name, mode); }
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }
int fchmod(int file, mode_t mode) { CALL(CHMOD, file, NULL, SYS_fchmod, file, mode); }
int chmod(const char *name, mode_t mode) { CALL(CHMOD, AT_FDCWD, name, SYS_fchmodat, AT_FDCWD, name, mode); }
