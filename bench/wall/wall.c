// The wall: the least a server can do and still answer siobench's clients with the right bytes.
//
// One epoll loop, WebSocket only. It shakes hands, sends the two open packets, and answers by looking at the
// first bytes of each frame: no session, no room, no heartbeat, no limit. Every client is in every room. What is
// answered within one turn of the loop leaves with one send per connection, as the real server does it.
// It measures what the kernel costs, and nothing else: never expose it to anything but the load generator.
//
//   gcc -O2 -o wall wall.c && ./wall 127.0.0.1 3000
#include "packet.h"

#include <signal.h>
#include <sys/epoll.h>

enum { MAX_EVENTS = 1024 };

static int ep;

static void drop(int fd) {
  if (!conns[fd].in_use) return;
  forget(fd);
  close(fd);
}

static void watch(int fd, uint32_t events) {
  struct epoll_event ev = {.events = events, .data.fd = fd};
  epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
}

// put writes b, and keeps what the kernel does not take.
static void put(int fd, const char *b, size_t n) {
  struct conn *c = &conns[fd];
  if (c->out_len == 0) {
    ssize_t w = send(fd, b, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (w == (ssize_t)n) return;
    if (w < 0 && errno != EAGAIN) return; // the read side sees it too
    if (w > 0) b += w, n -= w;
    watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
  }
  keep(c, b, n);
}

static void drain(int fd) {
  struct conn *c = &conns[fd];
  if (c->out_len == 0) return;
  ssize_t w = send(fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (w <= 0) return;
  c->out_len -= w;
  memmove(c->out, c->out + w, c->out_len);
  if (c->out_len > 0) return;
  free(c->out);
  c->out = NULL;
  watch(fd, EPOLLIN | EPOLLRDHUP);
}

static void readable(int fd) {
  static char buf[READ_BYTES];
  if (!conns[fd].in_use) return;
  ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN)) return drop(fd);
  if (n > 0) received(fd, buf, n);
}

static void accept_all(int lfd) {
  for (int i = 0; i < 256; i++) {
    int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= MAX_FDS) {
      close(fd);
      continue;
    }
    memset(&conns[fd], 0, sizeof conns[fd]);
    conns[fd].in_use = 1;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
  }
}

// broadcast sends all that was said to the room in this turn, in one piece.
static void broadcast(void) {
  for (int i = 0; i < member_count; i++) put(members[i], room, room_len);
  room_len = 0;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  make_tables();
  ep = epoll_create1(EPOLL_CLOEXEC);
  int lfd = listen_on(argc > 1 ? argv[1] : "127.0.0.1", argc > 2 ? atoi(argv[2]) : 3000);
  struct epoll_event ev = {.events = EPOLLIN, .data.fd = lfd}, evs[MAX_EVENTS];
  epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev);
  for (;;) {
    int n = epoll_wait(ep, evs, MAX_EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = evs[i].data.fd;
      if (fd == lfd) {
        accept_all(lfd);
        continue;
      }
      if (evs[i].events & EPOLLOUT) drain(fd);
      if (evs[i].events & ~EPOLLOUT) readable(fd);
    }
    if (room_len > 0) broadcast();
  }
}
