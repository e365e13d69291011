// Tests POST /sql over sessions with a backend in memory.
#include "server/http/rest/sql_stream.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/http/rest/sql_pages.h"
#include "server/locks/named_locks.h"
#include "server/pg/notifications.h"
#include "server/pg/session.h"
#include "tests/server/http/conversation.h"
#include "tests/server/pg/fake_backend.h"

namespace server::http {
namespace {

// A session of the PostgreSQL front end without a server.
class TestScript final : public sql::ScriptSession, private SessionHost, private pg::SessionPeers {
 public:
  TestScript(sql::Backend& backend, const Clock& clock, std::function<void()> wake,
             sql::ScriptRequest request)
      : wake_(std::move(wake)),
        request_(std::move(request)),
        session_(backend, *this, *this, clock, {1, 2}, {}, request_.memory) {}
  Status begin(sql::AnswerForm& form) { return session_.begin_script(request_, form); }

  void run() override { session_.run(); }
  std::string take_output() override { return session_.take_output(); }
  void set_output_full(bool is_full) override { session_.set_output_full(is_full); }
  std::optional<int64_t> deadline_us() const override { return session_.deadline_us(); }
  bool is_over() const override { return session_.is_over(); }
  bool has_caught_up() const override { return session_.has_caught_up(); }
  void shut_down(Error reason) override { session_.shut_down(std::move(reason)); }

 private:
  void wake() override { wake_(); }
  void cancel_session(pg::SessionKey) override {}
  std::shared_ptr<pg::Notifications> notifications() override {
    return std::make_shared<pg::Notifications>();
  }
  NamedLocks& locks() override { return locks_; }
  std::function<void()> waker_of(pg::SessionKey) override { return wake_; }

  const std::function<void()> wake_;
  const sql::ScriptRequest request_;
  LocalLocks locks_;
  pg::Session session_;
};

struct Api {
  pg::FakeBackend backend;
  OpenQueries queries;
  CommandLog commands;
  SqlPages pages{{&backend}, [] { return 42; }, queries, commands};
  Conversation client{routes()};

  Routes routes() {
    pages.open_script = [this](
                            size_t, std::function<void()> wake, const sql::ScriptRequest& request,
                            sql::AnswerForm& form) -> Result<std::unique_ptr<sql::ScriptSession>> {
      auto script = std::make_unique<TestScript>(backend, client.clock, std::move(wake), request);
      TRY(script->begin(form));
      return std::unique_ptr<sql::ScriptSession>(std::move(script));
    };
    Routes routes;
    add_sql_pages(routes, pages);
    return routes;
  }
  std::string post(std::string_view body) {
    return client.say(fmt::format("POST /sql HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}",
                                  body.size(), body));
  }
};

// Returns the lines of an answer, without the chunks of HTTP.
std::string lines_of(std::string_view answer) {
  std::string lines;
  for (size_t begin = 0; begin < answer.size();) {
    const size_t end = std::min(answer.find('\n', begin), answer.size());
    const std::string_view line = answer.substr(begin, end - begin);
    if (line.starts_with('{') || line.starts_with('[')) lines += std::string(line) + '\n';
    begin = end + 1;
  }
  return lines;
}

TEST(SqlStream, statements_run_in_order) {
  Api api;
  const std::string answer =
      api.post(R"({"sql":"SELECT 1 AS one; INSERT INTO people VALUES (1, 'Ada'); SHOW timezone"})");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  EXPECT_NE(answer.find("content-type: application/x-ndjson"), std::string::npos) << answer;
  const std::string lines = lines_of(answer);
  EXPECT_TRUE(lines.starts_with(R"({"head":{"n":1,"kind":"rows","id":"transient_)")) << lines;
  EXPECT_NE(lines.find("\n[1]\n{\"done\":{\"n\":1,\"tag\":\"SELECT\",\"rows\":1,"),
            std::string::npos)
      << lines;
  EXPECT_NE(lines.find(R"({"done":{"n":2,"tag":"INSERT","rows":1,)"), std::string::npos) << lines;
  EXPECT_NE(lines.find(R"({"done":{"n":3,"tag":"SHOW","rows":1,)"), std::string::npos) << lines;
  EXPECT_EQ(api.backend.people.size(), 1u);
}

TEST(SqlStream, an_error_ends_the_request_and_its_transaction) {
  Api api;
  const std::string lines = lines_of(api.post(
      R"({"sql":"BEGIN; INSERT INTO people VALUES (1, 'Ada'); SELECT divide_by_zero(); SELECT 4"})"));
  EXPECT_NE(lines.find(R"({"error":{"n":3,"code":"22012","message":"division by zero","line":1,)"),
            std::string::npos)
      << lines;
  EXPECT_EQ(lines.find("\"n\":4"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("rolled back"), std::string::npos) << lines;
  EXPECT_EQ(api.backend.commits, 0);
  EXPECT_GT(api.backend.rollbacks, 0);
}

TEST(SqlStream, a_transaction_without_commit_is_rolled_back_with_a_warning) {
  Api api;
  const std::string lines =
      lines_of(api.post(R"x({"sql":"BEGIN; INSERT INTO people VALUES (1, 'Ada')"})x"));
  EXPECT_NE(lines.find(R"("severity":"WARNING")"), std::string::npos) << lines;
  EXPECT_NE(lines.find("rolled back"), std::string::npos) << lines;
  EXPECT_EQ(api.backend.commits, 0);
  EXPECT_EQ(api.backend.rollbacks, 1);
  const std::string committed =
      lines_of(api.post(R"({"sql":"BEGIN; INSERT INTO people VALUES (2, 'Bob'); COMMIT"})"));
  EXPECT_NE(committed.find(R"("tag":"COMMIT")"), std::string::npos) << committed;
  EXPECT_EQ(api.backend.commits, 1);
}

TEST(SqlStream, settings_and_variables_apply_before_the_first_statement) {
  Api api;
  EXPECT_NE(api.post(R"({"sql":"SHOW timezone; SELECT ${n} AS n",)"
                     R"("settings":{"TimeZone":"Asia/Karachi"},"variables":{"n":"42"}})")
                .find("[\"Asia/Karachi\"]\n"),
            std::string::npos);
  const std::string unknown = lines_of(api.post(R"({"sql":"SELECT 1","settings":{"nope":"1"}})"));
  EXPECT_TRUE(unknown.starts_with(R"({"error":{"code":"42704",)")) << unknown;
}

TEST(SqlStream, a_body_that_cannot_be_read_has_a_status) {
  Api api;
  const std::string answer = api.post(R"({"sql":"SELECT 1","rows":5})");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_NE(answer.find(R"(unknown member \"rows\")"), std::string::npos) << answer;
}

TEST(SqlStream, a_long_body_is_read_elsewhere) {
  Api api;
  api.backend.holds_errands = true;
  EXPECT_EQ(api.post(R"({"sql":"SELECT 1 --)" + std::string(70'000, ' ') + "\"}"), "");
  api.backend.holds_errands = false;
  api.backend.let_go();
  EXPECT_NE(api.client.listen().find("\n[1]\n"), std::string::npos);
}

TEST(SqlStream, copy_from_stdin_is_refused_with_a_hint) {
  Api api;
  const std::string lines = lines_of(api.post(R"({"sql":"COPY people FROM STDIN"})"));
  EXPECT_TRUE(lines.starts_with(R"({"error":{"n":1,"code":"0A000",)")) << lines;
  EXPECT_NE(lines.find("/inserts-stream"), std::string::npos) << lines;
  EXPECT_NE(lines_of(api.post(R"({"sql":"LISTEN c"})")).find("0A000"), std::string::npos);
}

TEST(SqlStream, a_push_query_streams_with_beats_until_its_client_leaves) {
  auto api = std::make_unique<Api>();
  const std::string head = lines_of(api->post(R"({"sql":"SELECT n FROM ticks EMIT CHANGES"})"));
  EXPECT_TRUE(
      head.starts_with(R"({"head":{"n":1,"kind":"changes","id":"transient_TICKS_1","columns":[)"))
      << head;
  api->backend.tick();
  EXPECT_EQ(lines_of(api->client.listen()), "[\"u\",1,\"tick1\"]\n");
  ASSERT_TRUE(api->client.session.deadline_us());
  api->client.wait_ms(14'000);
  EXPECT_EQ(api->client.listen(), "");
  api->client.wait_ms(1'000);
  EXPECT_EQ(lines_of(api->client.listen()), "{\"beat\":{\"caught_up\":false}}\n");
  api.reset();  // no object may refer to the API afterwards
}

TEST(SqlStream, a_push_query_can_be_closed_by_its_id) {
  Api api;
  api.post(R"({"sql":"SELECT n FROM ticks EMIT CHANGES"})");
  EXPECT_EQ(api.backend.running_pushes(), 1u);
  EXPECT_TRUE(api.queries.close("transient_TICKS_1"));  // the loop closes the query
  api.client.loop.post([&] { api.client.loop.stop(); });
  api.client.loop.run();
  EXPECT_TRUE(lines_of(api.client.listen()).starts_with(R"({"error":{"n":1,"code":"57014",)"));
  EXPECT_EQ(api.backend.running_pushes(), 0u);
  EXPECT_FALSE(api.queries.close("transient_TICKS_1"));
}

TEST(SqlStream, push_queries_run_side_by_side) {
  Api api;
  const std::string heads = lines_of(
      api.post(R"({"sql":"SELECT n FROM ticks EMIT CHANGES; SELECT n FROM ticks EMIT CHANGES",)"
               R"("together":true})"));
  EXPECT_NE(heads.find(R"({"head":{"n":1,)"), std::string::npos) << heads;
  EXPECT_NE(heads.find(R"({"head":{"n":2,)"), std::string::npos) << heads;
  EXPECT_EQ(api.backend.running_pushes(), 2u);
  api.backend.tick();
  const std::string rows = lines_of(api.client.listen());
  EXPECT_NE(rows.find("[1,\"u\","), std::string::npos) << rows;
  EXPECT_NE(rows.find("[2,\"u\","), std::string::npos) << rows;
}

TEST(SqlStream, other_statements_do_not_run_side_by_side) {
  Api api;
  const std::string lines =
      lines_of(api.post(R"({"sql":"SELECT n FROM ticks EMIT CHANGES; SELECT 1","together":true})"));
  EXPECT_NE(lines.find(R"({"error":{"n":2,"code":"0A000",)"), std::string::npos) << lines;
  EXPECT_EQ(api.backend.running_pushes(), 1u) << "the other one continues";
  std::string many;
  for (int i = 0; i < 17; ++i) many += "SELECT n FROM ticks EMIT CHANGES;";
  Api other;
  const std::string refused =
      lines_of(other.post(fmt::format(R"({{"sql":"{}","together":true}})", many)));
  EXPECT_TRUE(refused.starts_with(R"({"error":{"code":"54000",)")) << refused;
  EXPECT_EQ(other.backend.running_pushes(), 0u);
}

TEST(SqlStream, a_stopping_server_ends_a_push_query_with_its_reason) {
  Api api;
  api.post(R"({"sql":"SELECT n FROM ticks EMIT CHANGES"})");
  api.client.session.shut_down({ErrorCode::ShuttingDown, "the server stops"});
  EXPECT_NE(api.client.listen().find(R"("code":"57P01")"), std::string::npos);
  EXPECT_EQ(api.backend.running_pushes(), 0u);
}

}  // namespace
}  // namespace server::http
