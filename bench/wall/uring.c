// The wall on io_uring: wall.c's answers, without a system call for each read and write.
//
// One io_uring_enter a turn submits everything that was said in the turn before, a broadcast's sends included, and
// waits. Accept and recv are multishot, reads land in a ring of provided buffers, connections are direct descriptors,
// and the ring belongs to this thread (SINGLE_ISSUER, DEFER_TASKRUN, registered). There is no SQPOLL: its thread
// would need a processor of its own, and the server has one. A send that the kernel takes whole completes within
// io_uring_enter and posts nothing, so receivers share one buffer, which is free when the call returns.
//
//   gcc -O2 -o uring uring.c && ./uring 127.0.0.1 3000
#include "packet.h"

#include <linux/io_uring.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

enum { SQ_ENTRIES = 4096, CQ_ENTRIES = 65536, ARENA_BYTES = 4 << 20 };
enum { BUFFERS = 8192, BUFFER_BYTES = 2048, GROUP = 0 };
enum { ACCEPT = 1, RECV, SEND, DRAIN, END }; // the kind of request, in user_data below the descriptor

// What io_uring needs of a connection beside the conn. Its descriptor is closed when ops is 0.
struct half {
  uint32_t batch, sqe;         // the send of the submission that is being filled
  uint32_t ops;                // requests that are not over: the recv, and a drain
  char *flight;                // bytes of the drain
  uint32_t flight_len;
};

static struct half *halves;
static int ring, listener, starved; // starved: accept stopped for want of descriptors
static unsigned *sq_tail, *cq_head, *cq_tail;
static unsigned sq_mask, cq_mask, filled, settled, batch = 1; // filled: requests not submitted
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static struct io_uring_buf_ring *pool;
static uint16_t pool_tail;
static char *buffers, arena[ARENA_BYTES];
static size_t arena_len;

// --- the ring ----------------------------------------------------------------------------------------------------

static void fail(const char *what) {
  fprintf(stderr, "wall: io_uring is not available: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int enroll(unsigned op, void *arg, unsigned n) { return syscall(SYS_io_uring_register, ring, op, arg, n); }

static void *map(size_t n, int fd, off_t at) {
  void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE, fd, at);
  if (p == MAP_FAILED) fail("mmap");
  return p;
}

static void give_back(unsigned id) {
  struct io_uring_buf *b = &pool->bufs[pool_tail++ & (BUFFERS - 1)];
  b->addr = (uintptr_t)(buffers + (size_t)id * BUFFER_BYTES), b->len = BUFFER_BYTES, b->bid = id;
  __atomic_store_n(&pool->tail, pool_tail, __ATOMIC_RELEASE);
}

static void open_ring(void) {
  struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                                       IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY,
                              .cq_entries = CQ_ENTRIES};
  ring = syscall(SYS_io_uring_setup, SQ_ENTRIES, &p);
  if (ring < 0) fail("io_uring_setup");
  char *q = map(p.cq_off.cqes + p.cq_entries * sizeof *cqes, ring, IORING_OFF_SQ_RING); // both rings
  sqes = map(p.sq_entries * sizeof *sqes, ring, IORING_OFF_SQES);
  sq_tail = (unsigned *)(q + p.sq_off.tail), sq_mask = p.sq_entries - 1;
  cq_head = (unsigned *)(q + p.cq_off.head), cq_tail = (unsigned *)(q + p.cq_off.tail), cq_mask = p.cq_entries - 1;
  cqes = (struct io_uring_cqe *)(q + p.cq_off.cqes);

  struct io_uring_rsrc_update self = {.offset = -1U, .data = ring};
  if (enroll(IORING_REGISTER_RING_FDS, &self, 1) < 0) fail("register the ring");
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  struct io_uring_rsrc_register table = {.nr = limit.rlim_cur < MAX_FDS ? limit.rlim_cur : MAX_FDS,
                                         .flags = IORING_RSRC_REGISTER_SPARSE};
  if (enroll(IORING_REGISTER_FILES2, &table, sizeof table) < 0) fail("register descriptors");

  pool = map(BUFFERS * sizeof(struct io_uring_buf), -1, 0);
  buffers = map((size_t)BUFFERS * BUFFER_BYTES, -1, 0);
  struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)pool, .ring_entries = BUFFERS, .bgid = GROUP};
  if (enroll(IORING_REGISTER_PBUF_RING, &reg, 1) < 0) fail("register buffers");
  for (unsigned i = 0; i < BUFFERS; i++) give_back(i);
  ring = self.offset;
}

// enter submits what was filled in and waits until at least n requests are over.
static void enter(unsigned n) {
  do {
    unsigned flags = IORING_ENTER_REGISTERED_RING | (n ? IORING_ENTER_GETEVENTS : 0);
    int done = syscall(SYS_io_uring_enter, ring, filled, n, flags, NULL, 0);
    if (done > 0) filled -= done;
    if (done < 0 && errno == EBUSY) n = 1; // too many ended: the kernel wants to hand them over first
    else if (done < 0 && errno != EINTR && errno != EAGAIN) fail("io_uring_enter");
  } while (filled > 0);
}

static void settle(void);

// flush submits what was filled in without waiting.
static void flush(void) {
  enter(0);
  settle();
}

// request returns an empty request for fd, which is 0 or more.
static struct io_uring_sqe *request(int kind, int op, int fd) {
  if (filled > sq_mask) flush();
  unsigned i = *sq_tail & sq_mask;
  struct io_uring_sqe *s = &sqes[i];
  memset(s, 0, sizeof *s);
  s->opcode = op, s->fd = fd;
  s->user_data = (uint64_t)i << 32 | (uint64_t)fd << 8 | kind;
  __atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
  filled++;
  return s;
}

// --- connections -------------------------------------------------------------------------------------------------

static void accept_more(void) {
  struct io_uring_sqe *s = request(ACCEPT, IORING_OP_ACCEPT, listener);
  s->ioprio = IORING_ACCEPT_MULTISHOT;
  s->file_index = IORING_FILE_INDEX_ALLOC;
}

static void receive(int fd) {
  struct io_uring_sqe *s = request(RECV, IORING_OP_RECV, fd);
  s->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  s->ioprio = IORING_RECV_MULTISHOT;
  s->buf_group = GROUP;
  halves[fd].ops++;
}

static void close_descriptor(int fd) {
  struct io_uring_sqe *s = request(END, IORING_OP_CLOSE, 0);
  s->file_index = fd + 1;
  s->flags = IOSQE_CQE_SKIP_SUCCESS;
  memset(&halves[fd], 0, sizeof halves[fd]);
  if (starved) accept_more();
  starved = 0;
}

// over counts down the requests of fd; the last one of a dead connection closes it.
static void over(int fd) {
  if (--halves[fd].ops == 0 && !conns[fd].in_use) close_descriptor(fd);
}

static void drop(int fd) {
  if (!conns[fd].in_use) return;
  forget(fd);
  if (halves[fd].ops == 0) return close_descriptor(fd);
  struct io_uring_sqe *s = request(END, IORING_OP_ASYNC_CANCEL, fd);
  s->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_ALL;
  s->flags = IOSQE_CQE_SKIP_SUCCESS;
}

// drain sends what the kernel would not take, when it does.
static void drain(int fd) {
  struct conn *c = &conns[fd];
  struct half *h = &halves[fd];
  if (h->flight || c->out_len == 0) return;
  h->flight = c->out, h->flight_len = c->out_len;
  c->out = NULL, c->out_len = 0;
  struct io_uring_sqe *s = request(DRAIN, IORING_OP_SEND, fd);
  s->flags = IOSQE_FIXED_FILE;
  s->addr = (uintptr_t)h->flight, s->len = h->flight_len;
  s->msg_flags = MSG_NOSIGNAL | MSG_WAITALL;
  h->ops++;
}

static void drained(int fd) {
  free(halves[fd].flight);
  halves[fd].flight = NULL;
  over(fd);
  if (conns[fd].in_use) drain(fd);
}

// unsent keeps what a send, of which the kernel took n bytes, has left.
static void unsent(int fd, const struct io_uring_sqe *s, int n) {
  if (!conns[fd].in_use || (n < 0 && n != -EAGAIN)) return; // the read side sees it too
  if (n < 0) n = 0;
  keep(&conns[fd], (const char *)(uintptr_t)s->addr + n, s->len - n);
  drain(fd);
}

// reserve copies b to where it stays until it was submitted.
static char *reserve(const char *b, size_t n) {
  char *at = arena + arena_len;
  memcpy(at, b, n);
  arena_len += n;
  return at;
}

// extend adds b to the send of fd in this submission. Were it a second send, the first could fail and that succeed.
static void extend(int fd, const char *b, size_t n) {
  struct io_uring_sqe *s = &sqes[halves[fd].sqe];
  if (arena_len + s->len + n <= ARENA_BYTES) {
    s->addr = (uintptr_t)reserve((char *)(uintptr_t)s->addr, s->len);
    reserve(b, n);
    s->len += n;
    return;
  }
  flush();
  keep(&conns[fd], b, n);
  drain(fd);
}

// send_shared sends b, which stays as it is until it was submitted.
static void send_shared(int fd, const char *b, size_t n) {
  struct half *h = &halves[fd];
  if (h->flight) return keep(&conns[fd], b, n);
  if (h->batch == batch) return extend(fd, b, n);
  struct io_uring_sqe *s = request(SEND, IORING_OP_SEND, fd);
  s->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  s->addr = (uintptr_t)b, s->len = n;
  s->msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
  h->batch = batch, h->sqe = s - sqes;
}

static void put(int fd, const char *b, size_t n) {
  if (filled > sq_mask || arena_len + n > ARENA_BYTES) flush(); // not between reserve and request
  send_shared(fd, reserve(b, n), n);
}

// --- turns -------------------------------------------------------------------------------------------------------

// settle looks at the sends of the last submission that did not go whole, before anything else is sent. All others
// went, so that the arena is free. What it fills in can't overtake what it reads: one drain for each of those sends.
static void settle(void) {
  unsigned end = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
  batch++;
  arena_len = 0;
  while (settled != end) {
    struct io_uring_cqe *e = &cqes[settled++ & cq_mask];
    if ((e->user_data & 255) == SEND) unsent(e->user_data >> 8 & 0xffffff, &sqes[e->user_data >> 32], e->res);
  }
}

static void arrived(int fd, const struct io_uring_cqe *e) {
  if (e->flags & IORING_CQE_F_BUFFER) {
    unsigned id = e->flags >> IORING_CQE_BUFFER_SHIFT;
    if (e->res > 0 && conns[fd].in_use) received(fd, buffers + (size_t)id * BUFFER_BYTES, e->res);
    give_back(id);
  }
  if (e->flags & IORING_CQE_F_MORE) return;
  over(fd);
  if (!conns[fd].in_use) return;
  if (e->res > 0 || e->res == -ENOBUFS) receive(fd);
  else drop(fd);
}

static void accepted(const struct io_uring_cqe *e) {
  if (e->res >= 0) {
    conns[e->res].in_use = 1;
    receive(e->res);
  }
  if (e->flags & IORING_CQE_F_MORE) return;
  if (e->res == -ENFILE) starved = 1;
  else accept_more();
}

static void handle(const struct io_uring_cqe *e) {
  int fd = e->user_data >> 8 & 0xffffff;
  switch (e->user_data & 255) {
  case ACCEPT:
    return accepted(e);
  case RECV:
    return arrived(fd, e);
  case DRAIN:
    return drained(fd);
  }
}

// main serves; -check only says whether it could.
int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  make_tables();
  halves = calloc(MAX_FDS, sizeof *halves);
  open_ring();
  if (argc > 1 && strcmp(argv[1], "-check") == 0) return 0;
  listener = listen_on(argc > 1 ? argv[1] : "127.0.0.1", argc > 2 ? atoi(argv[2]) : 3000);
  accept_more();
  for (;;) {
    enter(1);
    settle();
    room_len = 0;
    unsigned end = settled, head = *cq_head;
    while (head != end) {
      struct io_uring_cqe e = cqes[head & cq_mask];
      __atomic_store_n(cq_head, ++head, __ATOMIC_RELEASE);
      handle(&e);
    }
    for (int i = 0; room_len > 0 && i < member_count; i++) send_shared(members[i], room, room_len);
  }
}
