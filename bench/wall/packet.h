// What both walls in C answer, and what they keep of a connection. The loop that includes this defines drop and put.
#ifndef WALL_PACKET_H
#define WALL_PACKET_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 256 << 10, MAX_FDS = 1 << 20, REPLY_BYTES = 1 << 20 };
enum { CONNECTING, OPEN, JOINED };

struct conn {
  uint8_t state, in_use;
  uint32_t member; // index in members, when joined
  uint32_t tail_len, out_len;
  char *tail; // the start of an incomplete request or frame
  char *out;  // what the kernel would not take
};

static struct conn *conns; // by descriptor
static int *members, member_count;
static char reply[REPLY_BYTES], room[REPLY_BYTES];
static size_t reply_len, room_len;

static void drop(int fd);                           // ends a connection
static void put(int fd, const char *b, size_t n);   // sends b; the caller may use it again at once

// --- SHA-1 and base64 for Sec-WebSocket-Accept -------------------------------------------------------------------

static uint32_t rol(uint32_t v, int n) { return v << n | v >> (32 - n); }

static void sha1_block(uint32_t h[5], const uint8_t *p) {
  uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t f, k;
    if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
    else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
    else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
    else f = b ^ c ^ d, k = 0xCA62C1D6;
    uint32_t t = rol(a, 5) + f + e + k + w[i];
    e = d, d = c, c = rol(b, 30), b = a, a = t;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

// accept_key writes the 28 characters that answer the 24 of key.
static void accept_key(const char *key, char *dst) {
  static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint8_t m[128] = {0}, d[21] = {0};
  memcpy(m, key, 24);
  memcpy(m + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
  m[60] = 0x80;
  m[126] = (60 * 8) >> 8, m[127] = (uint8_t)(60 * 8);
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  sha1_block(h, m);
  sha1_block(h, m + 64);
  for (int i = 0; i < 20; i++) d[i] = h[i / 4] >> (24 - 8 * (i % 4));
  for (int i = 0; i < 7; i++) {
    uint32_t v = d[3 * i] << 16 | d[3 * i + 1] << 8 | d[3 * i + 2];
    for (int j = 0; j < 4; j++) dst[4 * i + j] = b64[v >> (18 - 6 * j) & 63];
  }
  dst[27] = '=';
}

// --- connections -------------------------------------------------------------------------------------------------

static void make_tables(void) {
  conns = calloc(MAX_FDS, sizeof *conns);
  members = calloc(MAX_FDS, sizeof *members);
}

// forget empties the entry of a connection that ends.
static void forget(int fd) {
  struct conn *c = &conns[fd];
  if (c->state == JOINED) {
    int last = members[--member_count];
    members[c->member] = last;
    conns[last].member = c->member;
  }
  free(c->tail);
  free(c->out);
  memset(c, 0, sizeof *c);
}

// keep queues what the kernel did not take.
static void keep(struct conn *c, const char *b, size_t n) {
  c->out = realloc(c->out, c->out_len + n);
  memcpy(c->out + c->out_len, b, n);
  c->out_len += n;
}

// --- frames ------------------------------------------------------------------------------------------------------

static size_t header(char *dst, size_t n) {
  dst[0] = (char)0x81;
  if (n < 126) {
    dst[1] = (char)n;
    return 2;
  }
  dst[1] = 126, dst[2] = (char)(n >> 8), dst[3] = (char)n;
  return 4;
}

// text appends one text frame of two parts to buf.
static void text(char *buf, size_t *len, const char *a, size_t an, const char *b, size_t bn) {
  if (*len + an + bn + 4 > REPLY_BYTES || an + bn > 0xffff) return;
  *len += header(buf + *len, an + bn);
  memcpy(buf + *len, a, an);
  memcpy(buf + *len + an, b, bn);
  *len += an + bn;
}

static void say(const char *s) { text(reply, &reply_len, s, strlen(s), "", 0); }

static void join_namespace(int fd) {
  char b[64];
  snprintf(b, sizeof b, "40{\"sid\":\"wall_socket_%08d\"}", fd);
  say(b);
  struct conn *c = &conns[fd];
  if (c->state == JOINED) return;
  c->state = JOINED;
  c->member = member_count;
  members[member_count++] = fd;
}

// acknowledge answers 42<id>["name",args] with 43<id>[args]; without args when the name is join or leave.
static void acknowledge(const char *p, size_t n) {
  const char *bracket = memchr(p, '[', n), *end = p + n;
  if (!bracket || bracket == p + 2) return;
  char head[32];
  int hn = snprintf(head, sizeof head, "43%.*s[", (int)(bracket - p - 2 < 20 ? bracket - p - 2 : 20), p + 2);
  if (bracket[2] != 'a') {
    text(reply, &reply_len, head, hn, "]", 1);
    return;
  }
  const char *args = memchr(bracket, ',', end - bracket);
  args = args ? args + 1 : end - 1;
  text(reply, &reply_len, head, hn, args, end - args);
}

// packet looks at one unmasked message: 2/3 heartbeat, 40 connect, 42 event.
static void packet(int fd, const char *p, size_t n) {
  if (n < 1 || p[0] != '4') return;
  if (n == 2 && p[1] == '0') return join_namespace(fd);
  if (n < 5 || p[1] != '2') return;
  if (p[2] != '[') return acknowledge(p, n);
  switch (p[4]) {
  case 'e': // echo
    return text(reply, &reply_len, p, n, "", 0);
  case 'b': // bcast
    return text(room, &room_len, p, n, "", 0);
  case 'r': { // room, name, args...
    const char *first = memchr(p, ',', n);
    const char *rest = first ? memchr(first + 1, ',', p + n - first - 1) : NULL;
    if (rest) text(room, &room_len, p, 9, rest, p + n - rest); // 42["room"
  }
  }
}

static void unmask(char *p, size_t n, uint32_t key) {
  uint64_t k = (uint64_t)key << 32 | key, v;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    memcpy(&v, p + i, 8);
    v ^= k;
    memcpy(p + i, &v, 8);
  }
  for (; i < n; i++) p[i] ^= (char)(key >> 8 * (i & 3));
}

// frame handles one client frame and returns its length, 0 when it is incomplete.
static size_t frame(int fd, char *b, size_t n) {
  if (n < 6) return 0;
  uint64_t len = b[1] & 127;
  size_t h = 6;
  if (len == 126) {
    if (n < 8) return 0;
    len = (uint8_t)b[2] << 8 | (uint8_t)b[3], h = 8;
  } else if (len == 127) {
    if (n < 14) return 0;
    len = 0, h = 14;
    for (int i = 2; i < 10; i++) len = len << 8 | (uint8_t)b[i];
  }
  if (n < h + len) return 0;
  uint32_t key;
  memcpy(&key, b + h - 4, 4);
  unmask(b + h, len, key);
  if ((b[0] & 15) == 8) {
    drop(fd);
    return n;
  }
  packet(fd, b + h, len);
  return h + len;
}

// handshake answers one request head and returns its length, 0 when it is incomplete.
static size_t handshake(int fd, char *b, size_t n) {
  char *end = memmem(b, n, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t used = end + 4 - b;
  *end = 0;
  char *key = strcasestr(b, "sec-websocket-key:");
  if (!key) {
    static const char no[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    memcpy(reply + reply_len, no, sizeof no - 1);
    reply_len += sizeof no - 1;
    return used;
  }
  key += 18;
  while (*key == ' ') key++;
  char accept[29] = {0};
  accept_key(key, accept);
  reply_len += sprintf(reply + reply_len,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
  char open[160];
  snprintf(open, sizeof open,
           "0{\"sid\":\"wall_engine_%08d\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
           "\"maxPayload\":1000000}", fd);
  say(open);
  conns[fd].state = OPEN;
  return used;
}

// feed handles all that is whole in b and keeps the rest.
static void feed(int fd, char *b, size_t n) {
  struct conn *c = &conns[fd];
  size_t at = 0;
  while (at < n && c->in_use) {
    size_t used = c->state == CONNECTING ? handshake(fd, b + at, n - at) : frame(fd, b + at, n - at);
    if (used == 0) break;
    at += used;
  }
  if (c->in_use && at < n) {
    char *rest = malloc(n - at);
    memcpy(rest, b + at, n - at);
    free(c->tail);
    c->tail = rest, c->tail_len = n - at;
  }
  if (c->in_use && reply_len > 0) put(fd, reply, reply_len);
  reply_len = 0;
}

// received handles n bytes that came in, behind what is left of those before. It may write to b.
static void received(int fd, char *b, size_t n) {
  static char joined[2 * READ_BYTES];
  struct conn *c = &conns[fd];
  size_t have = c->tail_len;
  if (have == 0) return feed(fd, b, n);
  if (have > READ_BYTES) return drop(fd);
  memcpy(joined, c->tail, have);
  memcpy(joined + have, b, n);
  free(c->tail);
  c->tail = NULL, c->tail_len = 0;
  feed(fd, joined, have + n);
}

// listen_on opens the listening socket and says where it is.
static int listen_on(const char *host, int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // accepted sockets inherit it
  if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0) {
    perror("wall: listen");
    exit(1);
  }
  socklen_t n = sizeof a;
  getsockname(fd, (struct sockaddr *)&a, &n);
  printf("{\"listening\":\"%s:%d\",\"pid\":%d}\n", host, ntohs(a.sin_port), getpid());
  fflush(stdout);
  return fd;
}

#endif
