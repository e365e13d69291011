// POST /sql: runs any statements of the dialect in one session, and streams their answers as lines
// of JSON. docs/HTTP.md describes the request and the lines.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/exchange.h"
#include "server/http/rest/open_queries.h"
#include "server/http/rest/sql_exchange.h"
#include "server/http/rest/sql_lines.h"
#include "server/net/weak_callback.h"

namespace server::http {

struct SqlBody {
  std::string sql;
  std::map<std::string, std::string> settings, variables;
  std::optional<uint64_t> max_rows;
  bool is_together = false;
};
// Reads {"sql":"...","settings":{...},"variables":{...},"max_rows":N,"together":true}. Fails with
// ProtocolViolation if the body is not such an object, and with InvalidParameter if it has another
// member.
Result<SqlBody> read_sql_body(std::string_view body);

// Threads: the connection's loop. All work is done in run().
class SqlStream final : public Exchange {
 public:
  SqlStream(const SqlPages& pages, Request request, const ExchangeContext& context);
  ~SqlStream() override;  // defined in the source file, where Script is complete
  void run() override;
  std::optional<int64_t> deadline_us() const override;
  void shut_down(const Error& reason) override;

 private:
  struct Script;  // the statements that run one after the other
  struct Reading;

  void read();
  void begin(Result<SqlBody> body);
  void open_script(std::optional<size_t> index);
  void open_others();
  void step(Script& script);
  void send_beat();
  void close(const std::string& id);
  // Refuses the request with an HTTP status, since the head of the answer is not sent yet.
  void refuse(const Error& error, int status);

  const SqlPages& pages_;
  const ExchangeContext context_;
  Request request_;
  MemoryCharge charge_;
  SqlBody body_;
  sql::SessionSettings settings_;  // settings with which `reader_` reads the request
  std::unique_ptr<sql::SessionBackend> reader_;
  std::unique_ptr<sql::Errand> errand_;  // reads a long body
  std::vector<std::unique_ptr<Script>> scripts_;
  bool has_begun_ = false, has_head_ = false, is_over_ = false;
  // Time of the next `beat` line, which shows the client that the connection still works.
  int64_t beat_us_ = 0;
  const WeakCallback callback_;  // for callers on other threads, which may close a query
};

}  // namespace server::http
