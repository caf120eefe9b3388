/*
 * A disk that forgets or fails, preloaded into a real process.
 *
 *   PAWL_DISK_FILES   paths that begin with this are on the disk; all others are left alone
 *   PAWL_DISK_UNDO    a folder: before each write to such a file, what it overwrites is noted in the folder's file of the same name, and forgotten
 *                     when the file is synced. After a kill these notes are what a power cut may take back (see faulty-disk.ts).
 *   PAWL_DISK_FAIL    n: the nth write, truncation or sync of such a file fails with EIO, and so does every one after it;
 *                     counted anew when PAWL_DISK_FILES changes
 *   PAWL_DISK_COUNT   a file that gets one byte for each of them, so that a test knows how many there are
 *
 * A note is: offset u64, length of the write u64, size of the file before u64, length of what follows u64, the bytes that the write replaced.
 * Calls that no database makes (writev, mmap of shared pages, O_DIRECT) are not caught: SQLite's shared memory file needs no sync.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long operations;
static char counted[PATH_MAX];

static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void find_real(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

/* The path of a file on the disk; 0 for any other. */
static int path_of(int fd, char path[PATH_MAX]) {
  const char *files = getenv("PAWL_DISK_FILES");
  if (files == NULL) return 0;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strncmp(path, files, strlen(files)) == 0;
}

/* Whether this operation is to fail. */
static int fails(void) {
  const char *counter = getenv("PAWL_DISK_COUNT"), *at = getenv("PAWL_DISK_FAIL");
  const char *files = getenv("PAWL_DISK_FILES");
  if (strcmp(counted, files) != 0) {
    snprintf(counted, sizeof counted, "%s", files);
    operations = 0;
  }
  operations++;
  if (counter != NULL) {
    int fd = open(counter, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
      if (write(fd, ".", 1) != 1) abort();
      close(fd);
    }
  }
  return at != NULL && operations >= atol(at);
}

static int open_notes(const char *path, int flags) {
  const char *folder = getenv("PAWL_DISK_UNDO");
  if (folder == NULL) return -1;
  const char *name = strrchr(path, '/');
  char notes[PATH_MAX];
  if (snprintf(notes, sizeof notes, "%s/%s", folder, name + 1) >= (int)sizeof notes) abort();
  int fd = open(notes, flags | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) abort();
  return fd;
}

/* Notes what the bytes from `offset` to `offset + length` are now: before they are overwritten or cut off. */
static void note(int fd, const char *path, off64_t offset, size_t length, size_t written) {
  int notes = open_notes(path, O_WRONLY | O_APPEND);
  if (notes < 0) return;
  struct stat64 before;
  if (fstat64(fd, &before) != 0) abort();
  uint64_t kept = 0;
  if (offset < before.st_size) kept = (uint64_t)(before.st_size - offset) < length ? (uint64_t)(before.st_size - offset) : length;
  char *entry = malloc(32 + kept);
  if (entry == NULL) abort();
  uint64_t head[4] = {(uint64_t)offset, written, (uint64_t)before.st_size, kept};
  memcpy(entry, head, 32);
  /* Files of a database are opened for reading too. */
  for (uint64_t at = 0; at < kept;) {
    ssize_t got = pread64(fd, entry + 32 + at, kept - at, offset + (off64_t)at);
    if (got <= 0) abort();
    at += (uint64_t)got;
  }
  if (write(notes, entry, 32 + kept) != (ssize_t)(32 + kept)) abort();
  free(entry);
  close(notes);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return real_pwrite(fd, bytes, length, offset);
  pthread_mutex_lock(&lock);
  ssize_t written = -1;
  if (fails()) {
    errno = EIO;
  } else {
    note(fd, path, offset, length, length);
    written = real_pwrite(fd, bytes, length, offset);
  }
  int problem = errno;
  pthread_mutex_unlock(&lock);
  errno = problem;
  return written;
}

int ftruncate64(int fd, off64_t size) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return real_ftruncate(fd, size);
  pthread_mutex_lock(&lock);
  int result = -1;
  if (fails()) {
    errno = EIO;
  } else {
    note(fd, path, size, SIZE_MAX, 0);
    result = real_ftruncate(fd, size);
  }
  int problem = errno;
  pthread_mutex_unlock(&lock);
  errno = problem;
  return result;
}

static int synced(int fd, int (*sync)(int)) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return sync(fd);
  pthread_mutex_lock(&lock);
  int result = -1;
  if (fails()) {
    errno = EIO;
  } else {
    /* The page cache of a killed process survives, so nothing need really reach the disk: what counts is that it was asked for. */
    result = 0;
    int notes = open_notes(path, O_WRONLY | O_TRUNC);
    if (notes >= 0) close(notes);
  }
  int problem = errno;
  pthread_mutex_unlock(&lock);
  errno = problem;
  return result;
}

int fsync(int fd) { return synced(fd, real_fsync); }

int fdatasync(int fd) { return synced(fd, real_fdatasync); }
