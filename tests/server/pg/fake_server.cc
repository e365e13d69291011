// A server over the fake backend, for trying real clients by hand:
//   pg_fake_server 7555 &   psql -h 127.0.0.1 -p 7555 -c 'SELECT * FROM ticks EMIT CHANGES'
#include <cstdio>
#include <string>

#include "server/net/loop.h"
#include "server/pg/pg_server.h"
#include "tests/server/pg/fake_backend.h"

using namespace server;

int main(int count, char** arguments) {
  Loop loop;
  pg::FakeBackend backend;
  backend.people = {{1, "Ada"}, {2, "Grace"}, {3, "Edsger"}};
  SystemClock clock;
  MemoryBudget memory;
  pg::PgServerOptions options;
  options.front_end.address =
      parse_address("127.0.0.1:" + std::string(count > 1 ? arguments[1] : "0")).value();
  auto server = pg::PgServer::open({{&loop, &backend}}, options, memory, clock);
  if (!server) {
    std::fprintf(stderr, "error: %s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("pg listening on %s\n", (*server)->address().to_string().c_str());
  std::fflush(stdout);
  Timer ticking(loop, "test", [&] { backend.tick(); });
  ticking.start_every(200);
  loop.run();  // until a signal ends the process
}
