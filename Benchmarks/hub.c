// SPDX-License-Identifier: Apache-2.0
// A model hub and its CDN on loopback for `make bench-pull`: fast enough never to be what is measured. A thread for each
// connection, sendfile, and on request a limit of bytes a second for every connection.
//
//     cc -O2 -pthread -o hub Benchmarks/hub.c && ./hub FOLDER PORT [BYTES_PER_SECOND]
//
// FOLDER holds `revision.json`, `tree.json` and `index`: a line for each file with its path, size, tag, whether it is
// large (1 comes from the CDN by a signed link, 0 from the hub), and the file that has its bytes, separated by tabs.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COMMIT "c0ffee42c0ffee42c0ffee42c0ffee42c0ffee42"

struct file { char path[256], tag[80], place[512]; long size; int large; };
static struct file files[4096];
static int file_count, port;
static long rate;
static const char *folder;

static void die(const char *what) { perror(what); exit(1); }

static void load_index(void) {
  char name[600], line[1200];
  snprintf(name, sizeof name, "%s/index", folder);
  FILE *in = fopen(name, "r");
  if (!in) die(name);
  while (fgets(line, sizeof line, in) && file_count < 4096) {
    struct file *f = &files[file_count];
    if (sscanf(line, "%255[^\t]\t%ld\t%79[^\t]\t%d\t%511[^\n]", f->path, &f->size, f->tag, &f->large, f->place) == 5) file_count++;
  }
  fclose(in);
}

static struct file *find(const char *path) {
  for (int i = 0; i < file_count; i++) if (!strcmp(files[i].path, path)) return &files[i];
  return NULL;
}

static int put(int to, const char *text, size_t count) {
  while (count > 0) {
    ssize_t step = send(to, text, count, MSG_NOSIGNAL);
    if (step <= 0) return 0;
    text += step, count -= step;
  }
  return 1;
}

static int answer(int to, int status, const char *headers, long length) {
  char head[2048];
  int count = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%sContent-Length: %ld\r\nConnection: keep-alive\r\n\r\n", status, headers, length);
  return put(to, head, count);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

/// Sends bytes of a file; with a rate, in pieces that keep to it.
static int send_bytes(int to, const char *place, off_t first, long count) {
  int from = open(place, O_RDONLY);
  if (from < 0) return 0;
  double start = now();
  long done = 0;
  int fine = 1;
  while (done < count && fine) {
    long piece = count - done;
    if (rate && piece > 256 << 10) piece = 256 << 10;
    ssize_t step = sendfile(to, from, &first, piece);
    if (step <= 0) { fine = 0; break; }
    done += step;
    double early = rate ? start + (double)done / rate - now() : 0;
    if (early > 0) usleep((useconds_t)(early * 1e6));
  }
  close(from);
  return fine;
}

static int send_file(int to, struct file *f, const char *range, int is_head, const char *more) {
  long first = 0, last = f->size - 1;
  char headers[1024];
  int ranged = range && sscanf(range, "bytes=%ld-%ld", &first, &last) >= 1;
  if (last >= f->size) last = f->size - 1;
  int used = snprintf(headers, sizeof headers, "%sAccept-Ranges: bytes\r\nContent-Type: binary/octet-stream\r\n", more);
  if (ranged) snprintf(headers + used, sizeof headers - used, "Content-Range: bytes %ld-%ld/%ld\r\n", first, last, f->size);
  if (!answer(to, ranged ? 206 : 200, headers, last - first + 1)) return 0;
  return is_head || send_bytes(to, f->place, first, last - first + 1);
}

static int send_json(int to, const char *name) {
  char place[600];
  struct stat info;
  snprintf(place, sizeof place, "%s/%s", folder, name);
  if (stat(place, &info)) return answer(to, 404, "", 0);
  return answer(to, 200, "Content-Type: application/json\r\n", info.st_size) && send_bytes(to, place, 0, info.st_size);
}

static int serve(int to, const char *method, char *target, const char *range) {
  int is_head = !strcmp(method, "HEAD");
  char headers[1024], *query = strchr(target, '?');
  if (query) *query = 0;
  if (!strncmp(target, "/api/models/org/model/tree/", 27)) return send_json(to, "tree.json");
  if (!strncmp(target, "/api/models/org/model", 21)) return send_json(to, "revision.json");
  struct file *f;
  if (!strncmp(target, "/cdn/", 5) && (f = find(target + 5))) return send_file(to, f, range, is_head, "ETag: \"cdn\"\r\n");
  snprintf(headers, sizeof headers, "/api/resolve-cache/models/org/model/%s/", COMMIT);
  if (!strncmp(target, headers, strlen(headers)) && (f = find(target + strlen(headers)))) {
    snprintf(headers, sizeof headers, "X-Repo-Commit: " COMMIT "\r\nETag: \"%s\"\r\n", f->tag);
    return send_file(to, f, range, is_head, headers);
  }
  char *rest = strncmp(target, "/org/model/resolve/", 19) ? NULL : strchr(target + 19, '/');
  if (!rest || !(f = find(rest + 1))) return answer(to, 404, "X-Error-Code: EntryNotFound\r\n", 0);
  if (f->large)
    snprintf(headers, sizeof headers, "X-Repo-Commit: " COMMIT "\r\nX-Linked-ETag: \"%s\"\r\nX-Linked-Size: %ld\r\n"
      "Location: http://127.0.0.1:%d/cdn/%s?Signature=x\r\n", f->tag, f->size, port + 1, f->path);
  else
    snprintf(headers, sizeof headers, "X-Repo-Commit: " COMMIT "\r\nETag: \"%s\"\r\n"
      "Location: /api/resolve-cache/models/org/model/" COMMIT "/%s\r\n", f->tag, f->path);
  return answer(to, f->large ? 302 : 307, headers, 0);
}

static void *connection(void *argument) {
  int to = (int)(long)argument, one = 1, goes_on = 1;
  size_t have = 0;
  char buffer[16384];
  setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  while (goes_on) {
    buffer[have] = 0;
    char *end = strstr(buffer, "\r\n\r\n");
    if (!end) {
      ssize_t step = have < sizeof buffer - 1 ? recv(to, buffer + have, sizeof buffer - 1 - have, 0) : 0;
      if (step <= 0) break;
      have += step;
      continue;
    }
    *end = 0;
    char method[16], target[2048], *range = strcasestr(buffer, "\r\nrange: ");
    goes_on = sscanf(buffer, "%15s %2047s", method, target) == 2 && serve(to, method, target, range ? range + 9 : NULL);
    size_t used = end + 4 - buffer;
    memmove(buffer, buffer + used, have -= used);
  }
  close(to);
  return NULL;
}

__attribute__((noreturn)) static void *listen_at(void *argument) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((int)(long)argument), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 256)) die("listen");
  for (;;) {
    int to = accept(listener, NULL, NULL);
    pthread_t thread;
    if (to < 0) continue;
    if (pthread_create(&thread, NULL, connection, (void *)(long)to)) close(to);
    else pthread_detach(thread);
  }
}

int main(int count, char **words) {
  if (count < 3) { fprintf(stderr, "usage: hub FOLDER PORT [BYTES_PER_SECOND]\n"); return 64; }
  signal(SIGPIPE, SIG_IGN);
  folder = words[1], port = atoi(words[2]), rate = count > 3 ? atol(words[3]) : 0;
  load_index();
  pthread_t cdn;
  pthread_create(&cdn, NULL, listen_at, (void *)(long)(port + 1));
  listen_at((void *)(long)port);
}
